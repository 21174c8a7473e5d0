"""Our own schema by both executors: the compiled one, which asks in batches, answers what graphql-core's answers, whatever
fails on the way."""

from __future__ import annotations

import gc
import logging
import os
import random
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from graphql import GraphQLError, parse, specified_rules, validate
from strawberry.schema.validation_rules.one_of import OneOfInputValidationRule

from app.execution import CompiledOperation, compile_operation
from resolvers.catalogue import Catalogue
from resolvers.compatibility.judging import Judging
from resolvers.cursors import Cursors
from resolvers.executor import Executor
from resolvers.governance import Governance
from resolvers.reader import Reader
from schema.build import build_schemas
from schema.context import RequestContext
from sources.failures import Failure, FailureKind, SourceFailure
from tests.resolvers.memory_source import SOURCES, House, house_map, live
from tests.resolvers.test_winners import GTINS, document
from tests.schema.questions import Asking, Question

RULES = (*specified_rules, OneOfInputValidationRule)
pytestmark = pytest.mark.filterwarnings("ignore::RuntimeWarning", "ignore::pytest.PytestUnraisableExceptionWarning")
"""Where an error ends it early, graphql-core leaves coroutines that nobody awaits."""
logging.getLogger("strawberry.execution").disabled = True  # it prints every error that is answered with
AWAY = Failure(FailureKind.UNREACHABLE, "switched off")
QUESTIONS = int(os.environ.get("WHENCE_QUESTIONS") or 40)
"""For each of the ways in which systems may be read."""
_TIMES = re.compile(r"\s*\(failing since [^)]*\)")
ARGUMENTS: Mapping[str, list[Any]] = {
    "by": [{"gtin": GTINS[0]}, {"gtin": GTINS[1]}, {"sku": "none"}, {"alias": "Kettle"}, {"gtin": "not one"}],
    "lookups": [
        [{"gtin": gtin} for gtin in GTINS],
        [{"gtin": GTINS[0]}, {"sku": "none"}, {"gtin": GTINS[0]}],
        [{"record": {"source": "erp", "id": "a"}}, {"alias": "KETTLE"}],
        [],
        [{"sku": "x" * 500}],
        [{"sku": "a", "gtin": "b"}],
    ],
    "unit": ["lb", "kg", "m", "nonsense"],
    "locale": ["de", "fr-CA", "en", "es"],
    "channel": ["shop", "paper"],
    "asOf": ["2026-01-01T00:00:00Z", "2030-01-01T00:00:00Z", "yesterday"],
    "first": [1, 2, 100, 0],
    "fields": [["price"], ["price", "title", "tickets"], ["nothing"], []],
    "text": ["kettle", GTINS[0], ""],
}


@pytest.fixture(autouse=True)
def _gathered() -> Iterator[None]:
    """What graphql-core left is gathered here, and not in another test."""
    yield
    gc.collect()


class Asked:
    """One audience's schema over a house, its failures as they are set."""

    def __init__(self, house: House, audience: str) -> None:
        self.house, self.audience = house, audience
        self.schema = build_schemas(house.ownership)[audience]
        self.failing: dict[str, Failure] = {}
        self.unsettled: set[str] = set()

    def context(self) -> RequestContext:
        house = self.house
        executor = Executor(house.ownership, house.ledger, house.sources, lambda: self.failing)
        reader = Reader(house.ownership, executor, lambda _: None, lambda: self.unsettled, house.readying.ask)
        return RequestContext(
            ownership=house.ownership,
            audience=self.audience,
            reader=reader,
            catalogue=Catalogue(house.pool, house.ownership),
            judging=Judging(house.pool, house.ownership, reader),
            governance=Governance(house.pool, house.ownership, reader, dict),
            cursors=Cursors(b"k" * 32),
        )

    async def by_core(self, question: Question) -> Mapping[str, Any]:
        context = self.context()
        result = await self.schema.execute(question.document, dict(question.variables), context_value=context)
        return {"data": result.data, "errors": told(result.errors or ()), "extensions": context.extensions()}

    async def compiled(self, question: Question) -> Mapping[str, Any]:
        operation = compile_operation(self.schema._schema, parse(question.document), "Q")
        assert isinstance(operation, CompiledOperation), operation
        context = self.context()
        answer = await operation.run(None, context, question.variables)
        return {"data": answer.plain(), "errors": told(answer.errors), "extensions": context.extensions()}


def told(errors: Any) -> list[tuple[Any, ...]]:
    """Errors without regard to their order: a level's fields are resolved at the same time."""

    def one(error: GraphQLError) -> tuple[Any, ...]:
        places = tuple((place.line, place.column) for place in error.locations or ())
        return str(error.path), error.message, places, str(error.extensions)

    return sorted(map(one, errors))


async def furnish(house: House, rng: random.Random) -> None:
    for name in SOURCES:
        for key in rng.sample("abcd", rng.randrange(2, 5)):
            house.systems[name].put(key, **{column: said for column, said in document(rng).items() if said is not None})
    await house.sync_all()
    if rng.random() < 0.5:
        await house.pool.execute("delete from winners where random() < 0.5")


async def compare(asked: Asked, question: Question) -> None:
    core, compiled = await asked.by_core(question), await asked.compiled(question)
    shown = f"{question.document}\n{question.variables}"
    assert apart(compiled["data"], orjson.loads(orjson.dumps(core["data"]))) == [], shown
    if core["data"] is None:  # the first error that must not be ends it all: which that is, is a matter of time
        assert (compiled["errors"] == []) is (core["errors"] == []), shown
        return
    assert compiled["errors"] == core["errors"], shown
    if not core["errors"]:  # an error may end a part early, and then what would have failed there too is not told
        assert re.sub(_TIMES, "", str(compiled["extensions"])) == re.sub(_TIMES, "", str(core["extensions"])), shown


def apart(one: Any, other: Any, path: str = "data") -> list[str]:
    """Where two JSON values differ; the order of members counts."""
    if isinstance(one, dict) and isinstance(other, dict):
        if list(one) != list(other):
            return [f"{path}: {list(one)} and {list(other)}"]
        return [found for key in one for found in apart(one[key], other[key], f"{path}.{key}")]
    if isinstance(one, list) and isinstance(other, list) and len(one) == len(other):
        return [found for at, pair in enumerate(zip(one, other, strict=True)) for found in apart(*pair, f"{path}.{at}")]
    if "T" in str(one) and path.rpartition(".")[2].startswith("observedAt") and one and other:
        two = [datetime.fromisoformat(str(moment)) for moment in (one, other)]
        if max(two) > datetime.now(UTC) - timedelta(minutes=1) and abs(two[0] - two[1]) < timedelta(seconds=30):
            return []  # each asked the system itself
    return [] if one == other else [f"{path}: {one!r} and {other!r}"]


@pytest.mark.parametrize("audience", ["internal", "storefront"])
@pytest.mark.parametrize("read_live", [(), ("erp",), ("pim", "wms")], ids=lambda names: "+".join(names) or "stored")
async def test_both_executors_give_the_same(house: House, read_live: tuple[str, ...], audience: str) -> None:
    rng = random.Random(f"{read_live} {audience}")
    house.rewire(house_map(*live(*read_live)))
    try:
        asked = Asked(house, audience)
        asking = Asking(asked.schema._schema, ARGUMENTS, rng)
        for number in range(QUESTIONS):
            if number % 20 == 0:
                await furnish(house, rng)
                asked.failing = dict.fromkeys(rng.sample(SOURCES, rng.randrange(3)), AWAY)
                asked.unsettled = {name for name in asked.failing if rng.random() < 0.5}
                for name in SOURCES:
                    down = rng.random() < 0.3
                    house.systems[name].down = SourceFailure(FailureKind.UNREACHABLE, "off") if down else None
            question = asking.question()
            while validate(asked.schema._schema, parse(question.document), RULES):
                question = asking.question()
            await compare(asked, question)
    finally:
        for system in house.systems.values():
            system.down = None
        house.rewire(house_map())


LEAVES = "value { amount unit } status freshness source sourceRecordId lastUpdated lastUpdatedBasis observedAt locale channel"


@pytest.mark.parametrize(
    "selection",
    [
        f"weight {{ {LEAVES} }}",
        f'weight(unit: "lb") {{ {LEAVES} }} kilos: weight(unit: "kg") {{ value {{ unit n: amount __typename }} }}',
        'weight(unit: "m") { value { amount } }',
        "price { source value { currency amount } again: value { amount } }",
        "price { __typename source lastUpdated } stock { s: status value f: freshness }",
        "picture { value { mediaType url alt } } tickets { value { text author createdAt kind } source }",
        'title(locale: "de") { value locale } title_en: title(locale: "en", channel: "shop") { value channel }',
        'values { price priceCurrency weight picture tickets title stock __typename } v: values(locale: "de") { title }',
        "price { value { amount } conflict { summary } candidates { source isWinner reason } definition { name } }",
        "id stock { value } values { stock }",
    ],
)
async def test_each_shape_of_facts(house: House, selection: str) -> None:
    house.systems["erp"].put(
        "e", gtin=GTINS[0], sku="S1", price="49.90", stock=3, weight="1.5", title="KETTLE", extra="[1]"
    )
    house.systems["wms"].put("w", gtin=GTINS[0], weight="0.85", rating="4.5")
    house.systems["pim"].put(
        "p", gtin=GTINS[0], title_en="Kettle", title_de="Kessel", price="50.10", picture="https://x.example/k"
    )
    house.systems["crm"].put("c", gtin=GTINS[0], text="Lid sticks", by="Ann", on="2026-02-01")
    house.systems["erp"].put("f", gtin=GTINS[1], stock=2**40)
    await house.sync_all()
    asked = Asked(house, "internal")
    for failing in ({}, {"erp": AWAY}, {"wms": AWAY, "pim": AWAY}):
        asked.failing = dict(failing)
        for rows in ("kept", "lost"):
            if rows == "lost":
                await house.pool.execute("delete from winners")
            await compare(asked, Question(f'query Q {{ product(by: {{sku: "S1"}}) {{ {selection} }} }}', {}))
            several = [{"gtin": GTINS[1]}, {"gtin": GTINS[0]}, {"gtin": GTINS[2]}]
            await compare(
                asked,
                Question(
                    f"query Q($l: [ProductLookup!]!) {{ productsBy(lookups: $l) {{ {selection} }} }}", {"l": several}
                ),
            )
        await house.readying.catch_up()
