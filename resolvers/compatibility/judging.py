"""Judging: does one product go with others? The ledger's statements, the rules and the facts of all of them, read together;
what they come to, :mod:`resolvers.compatibility.hearing` says.

A verdict costs three statements to the ledger, however many others there are: what the products are called, their facts,
and what is stated about them. A list of partners asks what is the same for all of them once (:class:`Asked`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from resolvers.compatibility.applying import RuleBook, fields_of
from resolvers.compatibility.hearing import Hearing, Known
from resolvers.compatibility.knowing import Knowing, rows_of
from resolvers.compatibility.narrowing import Context
from resolvers.compatibility.tally import Tally
from resolvers.compatibility.viewing import Viewer
from resolvers.compatibility.voices import Voices
from resolvers.ownership import OwnershipMap
from resolvers.reader import Reader
from sources.failures import Failure
from sources.ledger.database import Pool
from sources.ledger.statements import (
    Candidate,
    StoredStatement,
    names_of_several,
    partner_keys,
    statements_about,
    statements_between,
)
from sources.ledger.winners import WinnersRow
from sources.statements import party_key


@dataclass(frozen=True, slots=True)
class Asked:
    """A product that others are held against, with what is the same for all of them."""

    own: Known
    partners: frozenset[str]
    """The keys of whatever some statement, even an expired one, names together with it."""
    statements: Sequence[StoredStatement] | None
    """What is stated about it today; None where that is more than is read for all candidates at once."""
    fields: frozenset[str]
    """The fields of others that verdicts may need."""
    context: Context
    voices: Voices
    book: RuleBook
    failures: Mapping[str, Failure]
    """The systems that could not be reached for it."""


@dataclass
class Judging:
    """Judges by one ownership map."""

    pool: Pool
    ownership: OwnershipMap
    reader: Reader
    tally: Tally = field(init=False)
    """How often which verdict was told."""
    knowing: Knowing = field(init=False)
    """What products are known by."""

    def __post_init__(self) -> None:
        self.tally = Tally(self.pool)
        self.knowing = Knowing(self.pool, self.ownership, self.reader)

    async def hear(
        self,
        product: UUID,
        others: Sequence[UUID],
        context: Context,
        viewer: Viewer,
        *,
        rows: Mapping[UUID, WinnersRow] | None = None,
    ) -> Hearing:
        """All that verdicts about ``product`` and each of ``others``, none of which is it, need. ``rows`` are the winners of
        all of them, where the caller has looked them up."""
        now = datetime.now(UTC)
        book = RuleBook(self.ownership.compatibility, viewer.fields)
        known, failures = await self.knowing.know([product, *others], context, viewer, rows=rows)
        statements = await self._between(known[product], [known[other] for other in others], _moment(context) or now)
        voices = Voices(self.ownership, {"date": now.date().isoformat(), **context}, now, viewer)
        return Hearing(product, known, statements, voices, book, failures)

    async def ask(
        self, product: UUID, context: Context, viewer: Viewer, *, rows: Mapping[UUID, WinnersRow] | None = None
    ) -> Asked:
        """What is the same for whatever is held against ``product``, read once. ``rows`` as in :meth:`hear`."""
        now = datetime.now(UTC)
        known, failures = await self.knowing.know([product], context, viewer, rows=rows)
        own = known[product]
        book = RuleBook(self.ownership.compatibility, viewer.fields).against(own.facts)
        statements = await statements_about(self.pool, list(own.keys))
        if statements is None:
            partners = await partner_keys(self.pool, list(own.keys))
        else:
            ends = [(one.subject, one.object) for one in statements]
            partners = [other for ends_ in ends for one, other in (ends_, ends_[::-1]) if one in own.keys]
            at = _moment(context) or now
            statements = await self._unambiguous(
                [one for one in statements if one.expires_at is None or one.expires_at > at]
            )
        return Asked(
            own,
            frozenset(partners),
            statements,
            fields_of(self.ownership.compatibility, book.about(own.facts)),
            context,
            Voices(self.ownership, {"date": now.date().isoformat(), **context}, now, viewer),
            book,
            failures,
        )

    async def hear_candidates(self, asked: Asked, candidates: Mapping[UUID, Candidate]) -> Hearing:
        """All that verdicts about the product of ``asked`` and each of ``candidates`` need, as :meth:`hear`; a judgement of
        one of them needs what it is called too: see :meth:`Knowing.name`."""
        statements = asked.statements
        if statements is None:
            known, failures, statements = await self._hear_all(asked, candidates)
        else:
            known, failures = await self.knowing.know_where_spoken_of(
                candidates, asked.partners, asked.context, asked.voices.viewer, asked.fields
            )
        own = asked.own
        known[own.facts.product] = own
        return Hearing(own.facts.product, known, statements, asked.voices, asked.book, failures)

    async def _hear_all(
        self, asked: Asked, candidates: Mapping[UUID, Candidate]
    ) -> tuple[dict[UUID, Known], Mapping[str, Failure], Sequence[StoredStatement]]:
        """Where too much is stated about a product to be held: everything about the candidates is looked up."""
        known, failures = await self.knowing.know(
            list(candidates), asked.context, asked.voices.viewer, asked.fields, rows=rows_of(candidates)
        )
        at = _moment(asked.context) or asked.voices.now
        return known, failures, await self._between(asked.own, list(known.values()), at)

    async def _between(self, own: Known, others: Sequence[Known], at: datetime) -> list[StoredStatement]:
        """What is stated about a product and each of ``others``."""
        keys = list(dict.fromkeys(key for other in others for key in other.keys))
        if not keys:
            return []
        return await self._unambiguous(await statements_between(self.pool, list(own.keys), keys, at, pairs=len(others)))

    async def _unambiguous(self, statements: list[StoredStatement]) -> list[StoredStatement]:
        """Without those that name a product by a name that several have: nobody is meant by it."""
        names = {
            key.removeprefix("name=")
            for one in statements
            for key in (one.subject, one.object)
            if key.startswith("name=")
        }
        several = await names_of_several(self.pool, names) if names else set()
        keys = {party_key("name", name) for name in several}
        return [one for one in statements if one.subject not in keys and one.object not in keys] if keys else statements


def _moment(context: Context) -> datetime | None:
    """The moment that a context is about, where it names one."""
    try:
        moment = datetime.fromisoformat(context["date"])
    except (KeyError, ValueError):
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
