"""The rows of one batch, collected record by record and written a statement a table."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

import orjson

from resolvers.compatibility.declared import ParentField
from resolvers.normalise import fold_name, spellings
from sources.contract import Claim, Identifier, Record
from sources.identifiers import normalise_identifier
from sources.ledger.batches import Batch
from sources.ledger.match_records import make_stale
from sources.ledger.record_rows import (
    AliasRow,
    ChangeRow,
    ClaimsRow,
    RecordRow,
    UnreadableRow,
    add_aliases,
    add_records,
    drop_aliases,
    note_digests,
    update_claims,
    write_changes,
    write_records,
    write_unreadable,
)
from sources.ledger.statements import StatementRow, add_statements, drop_statements
from sources.statements import LONGEST_VALUE, STATEMENTS, trait_key
from sources.values import JSON

_NONE = b"[]"


@dataclass
class Rows:
    """What is to be written, each record at most once."""

    traits: frozenset[str]
    """The fields whose texts are indexed."""
    parent: ParentField | None
    """That which names whose variant a product is."""
    added: list[RecordRow] = field(default_factory=list)
    """Records that were never seen before."""
    written: list[RecordRow] = field(default_factory=list)
    """Records that were."""
    claims: list[ClaimsRow] = field(default_factory=list)
    """Records of which nothing but claims is written."""
    changes: list[ChangeRow] = field(default_factory=list)
    aliases: list[AliasRow] = field(default_factory=list)
    unmatched: list[str] = field(default_factory=list)
    """Records that are to be matched anew though no claim of theirs moved."""
    renamed: list[str] = field(default_factory=list)
    """Records whose aliases, where they had any, are replaced by those above."""
    digests: dict[str, bytes] = field(default_factory=dict)
    """Of records that have a link."""
    unreadable: list[UnreadableRow] = field(default_factory=list)
    readable: list[str] = field(default_factory=list)
    """Records that held something unreadable, which is replaced by that above."""
    statements: list[StatementRow] = field(default_factory=list)
    restated: list[str] = field(default_factory=list)
    """Records whose statements, where they had any, are replaced by those above."""

    def name(self, record: Record, product: UUID) -> None:
        """What ``record`` calls ``product``: its names, identifiers and, where it is looked for otherwise, its id."""
        source, record_id = record.key
        rows = self.aliases
        folded = fold_name(record_id)
        if record_id not in spellings(folded):
            rows.append(AliasRow(source, record_id, "record", folded, record_id, product))
        if record.names:
            by_fold = {fold_name(name): name for name in reversed(record.names)}
            rows += [AliasRow(source, record_id, "name", folded, name, product) for folded, name in by_fold.items()]
        identifiers = record.identifiers
        rows += [AliasRow(source, record_id, scheme, value, raw, product) for scheme, value, raw in identifiers]
        if self.traits:
            rows += _trait_rows(record, product, self.traits, self.parent)

    def tell_unreadable(
        self, record: Record, claims: Collection[Claim], before: Mapping[str, list[JSON]] | None
    ) -> int:
        """Note what of ``claims`` cannot be read, in place of what could not be ``before``; how many claims that are."""
        if before is not None:
            self.forget_unreadable(record.key.id, before)
        reasons: dict[str, str] = {}
        count = 0
        for claim in claims:
            if claim.unreadable is not None:
                reasons.setdefault(claim.field, claim.unreadable)
                count += 1
        if count:
            self.unreadable += [UnreadableRow(*record.key, name, reason) for name, reason in reasons.items()]
        return count

    def state(self, record: Record) -> int:
        """What ``record`` says about what goes with what; how many statements of it cannot be read."""
        stated = record.stated
        if stated is None:
            return 0
        self.statements += [
            StatementRow(
                *record.key,
                number,
                one.subject,
                one.object,
                one.relation,
                one.verdict,
                one.qualifiers,
                one.condition,
                one.text,
                one.author,
                one.last_updated,
                record.observed_at,
                mapping=one.mapping,
            )
            for number, one in enumerate(stated.statements)
        ]
        if stated.unreadable:
            self.unreadable.append(UnreadableRow(*record.key, STATEMENTS, stated.unreadable[0]))
        return len(stated.unreadable)

    def forget_unreadable(self, record_id: str, before: Mapping[str, list[JSON]]) -> None:
        """Note that what the record could not have read ``before`` is no matter any more."""
        if any("unreadable" in entry for entries in before.values() for entry in entries):
            self.readable.append(record_id)

    async def write(self, batch: Batch, at: datetime) -> None:
        """Write them all, observed ``at``."""
        if self.added:
            await add_records(batch, self.added)
        if self.written:
            await write_records(batch, self.written)
        if self.claims:
            await update_claims(batch, self.claims, at)
        if self.digests:
            await note_digests(batch, self.digests)
        if self.changes:
            await write_changes(batch, self.changes, at)
        if self.renamed:
            await drop_aliases(batch, self.renamed)
        if self.aliases:
            await add_aliases(batch, self.aliases)
        if self.unmatched:
            await make_stale(batch.connection, batch.source, self.unmatched)
        if self.readable or self.unreadable:
            await write_unreadable(batch, self.readable, self.unreadable)
        if self.restated:
            await drop_statements(batch, self.restated)
        if self.statements:
            await add_statements(batch, self.statements)


def _trait_rows(
    record: Record, product: UUID, traits: Collection[str], parent: ParentField | None
) -> Iterable[AliasRow]:
    """What of a record tells to which kinds of products it belongs, and whose variant it is."""
    found: dict[tuple[str, str], AliasRow] = {}
    for claim in record.claims:
        if claim.field in traits and claim.value is not None:
            for text in (claim.value,) if isinstance(claim.value, str) else claim.value:
                keys = [trait_key(f"field.{claim.field}", text)]
                if parent is not None and claim.field == parent.field:
                    identifier = normalise_identifier(parent.scheme, text)
                    keys += [parent.child_key(identifier.value)] if isinstance(identifier, Identifier) else []
                for key in keys:
                    scheme, _, folded = key.partition("=")
                    found[scheme, folded] = AliasRow(*record.key, scheme, folded, text[:LONGEST_VALUE], product)
    return found.values()


def record_row(record: Record, product: UUID, document: bytes, claims: bytes) -> RecordRow:
    """The row of ``record``; ``document`` and ``claims`` as JSON."""
    return RecordRow(
        product,
        *record.key,
        document,
        claims,
        orjson.dumps(record.names) if record.names else _NONE,
        orjson.dumps(identifiers_of(record)) if record.identifiers or record.invalid_identifiers else _NONE,
        record.updated_at,
        record.observed_at,
    )


def identifiers_of(record: Record) -> Sequence[Mapping[str, str]]:
    """The identifiers of ``record`` as the ledger keeps them."""
    valid = [{"scheme": scheme, "value": value, "raw": raw} for scheme, value, raw in record.identifiers]
    invalid = [{"scheme": scheme, "raw": raw, "invalid": why} for scheme, raw, why in record.invalid_identifiers]
    return valid + invalid
