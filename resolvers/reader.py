"""The one way to read: crosswalk, plan, sources, assemble. Every question for facts comes through here, many products and
many fields at a time.

Who asks for nothing but the winners gets those that were chosen ahead, where there are any and they can be told without
asking a system: :meth:`Reader.answer`. The rest is read from the records, and the two say the same.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from uuid import UUID

from orjson import loads

from resolvers.assembler import assemble
from resolvers.executor import Evidence, Executor, LiveReading
from resolvers.facts import Fact
from resolvers.ownership import OwnershipMap
from resolvers.winners import NOBODY, Winners, read_winners, winning_rules
from resolvers.winning_facts import Provenance, provenance_at, winning_fact
from sources.failures import Failure
from sources.ledger.winners import WinnersRow, confirmations, winners_of
from sources.values import Value, decode


@dataclass(frozen=True, slots=True)
class Asker:
    """For whom a fact is assembled: the locale and channel asked for, and the sources whose records they may see."""

    locale: str | None = None
    channel: str | None = None
    visible: frozenset[str] | None = None


EVERYTHING = Asker()


@dataclass(frozen=True, slots=True)
class ProductReading:
    """One product as read: its facts are assembled from it, for whoever asks."""

    evidence: Evidence
    ownership: OwnershipMap
    down: Mapping[str, Failure]
    now: datetime

    def fact(self, name: str, asker: Asker = EVERYTHING) -> Fact:
        """The fact of the field ``name``, which must be one of those that were read."""
        return assemble(
            self.ownership.fields[name],
            self.evidence.heard[name],
            self.ownership.scopes(asker.locale, asker.channel),
            self.now,
            visible=asker.visible,
            down=self.down,
        )


@dataclass(frozen=True, slots=True)
class Readings:
    """What one read brought: the products, and the systems that failed on the way, with the fields they cost."""

    products: Mapping[UUID, ProductReading]
    failures: Mapping[str, Failure]


@dataclass(frozen=True, slots=True)
class Answer:
    """Fields of products as one asker gets them, each either from the winners chosen ahead or read from the records.

    ``winners`` is by product, in the order asked; ``read`` is by field and then by product, and goes before."""

    winners: Sequence[Winners | None]
    read: Mapping[str, Mapping[UUID, ProductReading]]
    asker: Asker

    def facts(self, name: str) -> dict[UUID, Fact]:
        """The facts of one field that were read from the records, by product."""
        return {product: reading.fact(name, self.asker) for product, reading in self.read.get(name, {}).items()}


@dataclass(frozen=True, slots=True)
class Answers:
    """What several askers get of the same products at the same moment."""

    of: Sequence[Answer]
    """In the order of the askers."""
    failing: frozenset[str]
    """The stored systems whose last sync failed: what they said is last known."""
    failures: Mapping[str, Failure]
    """The systems that failed on the way, or whose last word this is."""
    now: datetime


@dataclass(frozen=True, slots=True)
class WinningFacts:
    """The facts of one product without what others say, each put together when it is asked for."""

    reader: Reader
    product: UUID
    answers: Answers
    winners: Winners | None
    _provenances: dict[int, Provenance | None] = field(default_factory=dict)
    """By the number of an origin: most facts of a product come from a few."""

    def value(self, name: str) -> Value:
        """The value of the field ``name``, which must be one of those that were asked for."""
        reading = self._reading(name)
        if reading is not None:
            return reading.fact(name, self.answers.of[0].asker).value
        assert self.winners is not None
        return decode(self.reader.ownership.fields[name].type, loads(self.winners.values[self.reader.places[name]]))

    def fact(self, name: str, confirmed: Mapping[str, datetime]) -> Fact:
        """The fact of the field ``name``, which must be one of those that were asked for. ``confirmed`` is source to when
        what is known of it was last known to be so."""
        reading = self._reading(name)
        if reading is not None:
            return reading.fact(name, self.answers.of[0].asker)
        assert self.winners is not None
        place = self.reader.places[name]
        number = self.winners.places[place]
        if number not in self._provenances:
            self._provenances[number] = provenance_at(self.winners, place)
        return winning_fact(
            self.reader.ownership.fields[name],
            self.value(name),
            self._provenances[number],
            failing=self.answers.failing,
            confirmed=confirmed,
            now=self.answers.now,
        )

    def told(self, names: Sequence[str]) -> tuple[str, ...] | None:
        """The values of ``names``, which must be among the fields that were asked for, as JSON; None where one of them was
        read from the records."""
        read = self.answers.of[0].read
        if self.winners is None or (read and any(self._reading(name) is not None for name in names)):
            return None
        values, places = self.winners.values, self.reader.places
        return tuple([values[places[name]] for name in names])

    def _reading(self, name: str) -> ProductReading | None:
        (answer,) = self.answers.of
        return answer.read[name].get(self.product) if name in answer.read else None


@dataclass(frozen=True, slots=True)
class Reader:
    """Reads facts. ``remember`` takes what live sources answered to the ledger; it must not block.

    ``unsettled`` names the sources that have not yet been read to the end: of them, no record is not "no record".
    ``unready`` is told the products whose winners are to be chosen ahead.
    """

    ownership: OwnershipMap
    executor: Executor
    remember: Callable[[LiveReading], None]
    unsettled: Callable[[], Collection[str]]
    unready: Callable[[Collection[UUID]], None] = lambda _: None
    rules: str = field(init=False)
    """The version of the rules by which winners are chosen."""
    places: Mapping[str, int] = field(init=False)
    """Field to its place among winners, of those that can be told without asking a system."""

    def __post_init__(self) -> None:
        stored = {name for name in self.ownership.sources if self.ownership.declaration(name).read == "stored"}
        fields = enumerate(self.ownership.fields.values())
        places = {one.name: place for place, one in fields if stored.issuperset(one.chain)}
        object.__setattr__(self, "rules", winning_rules(self.ownership))
        object.__setattr__(self, "places", places)

    async def read(self, products: Sequence[UUID], fields: Collection[str], as_of: datetime | None = None) -> Readings:
        """``fields`` of ``products``, now or as of a moment (aware, by our clock). Unknown products have no evidence."""
        now = as_of or datetime.now(UTC)
        execution = await self.executor.execute(products, fields, as_of)
        for reading in execution.readings:
            self.remember(reading)
        unsettled = self.unsettled()
        down = {name: failure for name, failure in execution.failures.items() if name in unsettled}
        return Readings(
            {
                product: ProductReading(evidence, self.ownership, down, now)
                for product, evidence in execution.evidence.items()
            },
            execution.failures,
        )

    async def answer(
        self,
        products: Sequence[UUID],
        fields: Collection[str],
        askers: Sequence[Asker] = (EVERYTHING,),
        *,
        as_of: datetime | None = None,
        origins: bool = True,
        whole: Collection[str] = (),
        rows: Mapping[UUID, WinnersRow] | None = None,
    ) -> Answers:
        """The winners of ``fields`` of ``products`` as each of ``askers`` gets them, now or as of a moment.

        ``origins``: where they came from is asked for too. ``whole`` are fields of which all that is said is asked for;
        they are read from the records. ``rows`` are the products' rows of winners, where the caller has looked them up; of
        a product that is not among them there is none. Each system is asked at most once."""
        ahead = [] if as_of is not None else [name for name in fields if name in self.places and name not in whole]
        if not ahead:
            rows = {}
        elif rows is None:
            rows = await winners_of(self.executor.ledger.pool, products, self.rules, origins=origins)
        failing = self.executor.failing() if ahead else {}
        failures: dict[str, Failure] = {}
        if failing:
            concerned = {source for name in ahead for source in self.ownership.fields[name].chain}
            failures = {source: failure for source, failure in failing.items() if source in concerned}
        wanted: dict[tuple[str, ...], dict[UUID, None]] = {}
        if len(ahead) < len(fields):
            wanted[tuple(name for name in fields if name not in ahead)] = dict.fromkeys(products)
        winners = []
        for asker in askers:
            scopes = self.ownership.scopes(asker.locale, asker.channel) if asker.locale or asker.channel else None
            mine = [None if (row := rows.get(product)) is None else read_winners(row, scopes) for product in products]
            winners.append(mine)
            for product, one in zip(products, mine, strict=True):
                unsure = tuple(ahead) if one is None else self._unsure(one, ahead, failing, origins=origins)
                if unsure:
                    wanted.setdefault(unsure, {})[product] = None
        if ahead and None in winners[0]:
            self.unready(tuple(wanted[tuple(ahead)]))
        read: dict[str, dict[UUID, ProductReading]] = {}
        if wanted:
            every = await asyncio.gather(*(self.read(tuple(some), names, as_of) for names, some in wanted.items()))
            for names, readings in zip(wanted, every, strict=True):
                failures |= readings.failures
                for name in names:
                    read.setdefault(name, {}).update(readings.products)
        of = [Answer(mine, read, asker) for mine, asker in zip(winners, askers, strict=True)]
        return Answers(of, frozenset(failing), failures, as_of or datetime.now(UTC))

    async def winning_facts(
        self,
        products: Sequence[UUID],
        fields: Collection[str],
        asker: Asker = EVERYTHING,
        *,
        rows: Mapping[UUID, WinnersRow] | None = None,
    ) -> tuple[dict[UUID, WinningFacts], Mapping[str, Failure]]:
        """The facts of ``fields`` of ``products`` today, without what others say, and the systems that failed on the way;
        ``rows`` as in :meth:`answer`."""
        answers = await self.answer(products, fields, [asker], rows=rows)
        winners = zip(products, answers.of[0].winners, strict=True)
        return {product: WinningFacts(self, product, answers, row) for product, row in winners}, answers.failures

    async def confirmations(self) -> Mapping[str, datetime]:
        """Source to when what is known of it was last known to be so."""
        return await confirmations(self.executor.ledger.pool)

    def _unsure(
        self, winners: Winners, fields: Sequence[str], failing: Mapping[str, Failure], *, origins: bool
    ) -> tuple[str, ...]:
        """Those of ``fields`` that only the records can tell: undecided ones, and where no value is known and the system of
        record fails, whether it has a record of the product."""
        undecided = winners.undecided
        if not undecided and not (failing and origins):
            return ()
        return tuple(
            name
            for name in fields
            if (place := self.places[name]) in undecided
            or (
                failing
                and origins
                and winners.places[place] == NOBODY
                and self.ownership.fields[name].system_of_record in failing
            )
        )
