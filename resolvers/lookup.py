"""From what a caller calls a product to the product: by id, SKU, GTIN, a system's record, or any department's name."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from resolvers.normalise import fold_name, spellings
from sources.contract import Identifier, RecordKey
from sources.identifiers import normalise_identifier, plain_sku
from sources.interpretation.texts import is_encodable
from sources.ledger.database import Pool
from sources.ledger.lookups import Wanted, find_plainly_with_winners, find_products, find_products_with_winners
from sources.ledger.winners import WinnersRow

LONGEST_LOOKUP = 400
"""Characters of a lookup; nothing in the ledger has a longer name."""
_IDENTIFIERS = ("sku", "gtin", "mpn")


@dataclass(frozen=True, slots=True)
class Lookup:
    """Exactly one of these is given."""

    id: str | None = None
    sku: str | None = None
    gtin: str | None = None
    record: RecordKey | None = None
    alias: str | None = None

    def __str__(self) -> str:
        if self.record is not None:
            return f"record {self.record.source} {self.record.id}"
        name = next(name for name in ("id", "sku", "gtin", "alias") if getattr(self, name) is not None)
        return f"{name} {getattr(self, name)!r}"


@dataclass(frozen=True, slots=True)
class Ambiguous:
    """Several products are meant alike by one lookup."""

    products: tuple[UUID, ...]


Found = UUID | Ambiguous | None


async def look_up(
    pool: Pool, lookups: Sequence[Lookup], visible: Collection[str], *, past: bool = False
) -> list[Found]:
    """What each lookup means, in their order; only records of the ``visible`` sources count. With ``past`` an id leads to
    a product whose records are all gone, too. One statement."""
    ids, wanted = _ways(lookups)
    found = await find_products(pool, ids, wanted, visible, past=past)
    return [_found(found.get(place, ())) for place in range(len(lookups))]


FoundWithWinners = tuple[UUID, WinnersRow | None]
"""A product, and the row of its winners, where there is one."""


async def look_up_with_winners(
    pool: Pool, lookups: Sequence[Lookup], visible: Collection[str], rules: str, *, origins: bool
) -> list[FoundWithWinners | Ambiguous | None]:
    """What each lookup means today, with the winners of each product that were chosen by ``rules``, if any; ``origins``:
    with where they came from. One statement."""
    skus = [None if lookup.sku is None else plain_sku(lookup.sku) for lookup in lookups]
    if None in skus:
        ids, wanted = _ways(lookups)
        found = await find_products_with_winners(pool, ids, wanted, visible, rules, origins=origins)
    else:
        found = await find_plainly_with_winners(pool, "sku", skus, visible, rules, origins=origins)  # type: ignore[arg-type]
    told: list[FoundWithWinners | Ambiguous | None] = [None] * len(lookups)
    for place, product, winners, several in found:
        told[place] = (product, winners) if several is None else Ambiguous(tuple(several))
    return told


def _ways(lookups: Sequence[Lookup]) -> tuple[dict[int, UUID], list[Wanted]]:
    """By the place of the lookup: the ids, and the aliases by which the others may be met."""
    ids: dict[int, UUID] = {}
    wanted: list[Wanted] = []
    for place, lookup in enumerate(lookups):
        if lookup.id is not None:
            parsed = parse_id(lookup.id)
            if parsed is not None:
                ids[place] = parsed
        else:
            wanted += _wanted(place, lookup)
    return ids, wanted


def parse_id(text: str) -> UUID | None:
    """The product id that ``text`` is, or None."""
    try:
        parsed = UUID(text)
    except ValueError:
        return None
    return parsed if str(parsed) == text.lower() else None


def exact_forms(text: str, place: int = 0) -> list[Wanted]:
    """Every way in which ``text`` may be somebody's identifier, record id or name, as aliases are folded."""
    if not _usable(text):
        return []
    folded = fold_name(text)
    forms = [Wanted(place, "record", folded, record_ids=spellings(folded)), Wanted(place, "name", folded)]
    for scheme in _IDENTIFIERS:
        identifier = normalise_identifier(scheme, text)
        if isinstance(identifier, Identifier):
            forms.append(Wanted(place, scheme, identifier.value))
    return forms


def _wanted(place: int, lookup: Lookup) -> list[Wanted]:
    if lookup.alias is not None:
        return exact_forms(lookup.alias, place)
    if lookup.record is not None:
        source, record_id = lookup.record
        known_as = Wanted(place, "record", fold_name(record_id), source, record_id, (record_id,))
        return [known_as] if _usable(record_id) else []
    scheme, text = ("sku", lookup.sku) if lookup.sku is not None else ("gtin", lookup.gtin)
    if text is None or not _usable(text):
        return []
    identifier = normalise_identifier(scheme, text)
    return [Wanted(place, scheme, identifier.value)] if isinstance(identifier, Identifier) else []


def _usable(text: str) -> bool:
    return 0 < len(text) <= LONGEST_LOOKUP and "\x00" not in text and is_encodable(text)


def _found(products: Sequence[UUID]) -> Found:
    if len(products) > 1:
        return Ambiguous(tuple(products))
    return products[0] if products else None
