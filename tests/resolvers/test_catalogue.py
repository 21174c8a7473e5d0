"""Lists of products: what they filter, order and page by is what their facts say."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Any
from uuid import UUID, uuid4

import pytest
import pytest_asyncio

from resolvers.assembler import assemble
from resolvers.catalogue import Catalogue
from resolvers.cursors import Cursors
from resolvers.executor import Heard
from sources.contract import Reading
from sources.ledger.conditions import Condition, Either, Every, FieldIs, HasRecord, Listed, Nor, Operator, Order
from sources.values import FieldType, Money, Quantity
from tests.conftest import PostgresServer
from tests.resolvers.memory_source import House, house_map, live, open_house

ALL = Every(())
FIELDS = ("title", "price", "weight", "stock", "fragile", "rating", "launched", "tags", "picture", "extra")
SORTED = ("title", "price", "weight", "stock", "fragile", "rating", "launched")
CURSORS = Cursors(b"k" * 32)


@dataclass
class Shelf:
    """A catalogue, and what the facts of its products say."""

    catalogue: Catalogue
    facts: dict[UUID, dict[str, Any]]

    async def found(self, condition: Condition) -> set[UUID]:
        listed = {one.product for one in await self.catalogue.list(condition, None, None, 1000)}
        assert await self.catalogue.count(condition) == len(listed)
        return listed

    def of(self, field: str, wanted: Callable[[Any], bool]) -> set[UUID]:
        return {
            product for product, facts in self.facts.items() if facts[field] is not None and wanted(plain(facts[field]))
        }

    def where(self, field: str, operator: Operator, operand: Any) -> FieldIs:
        return FieldIs(self.catalogue.listed_field(field), operator, operand)


def plain(value: Any) -> Any:
    return value.amount if isinstance(value, Money | Quantity) else value.lower() if isinstance(value, str) else value


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def shelf(postgres_server: PostgresServer, migrated_template: str) -> AsyncIterator[Shelf]:
    name = f"whence_shelf_{uuid4().hex[:12]}"
    await postgres_server.execute(f'create database "{name}" template "{migrated_template}" strategy file_copy')
    try:
        async with open_house(postgres_server.database(name), *live("erp")) as house:
            fill(house)
            await house.sync_all()
            yield Shelf(Catalogue(house.pool, house.ownership), await all_facts(house))
    finally:
        await postgres_server.execute(f'drop database if exists "{name}" with (force)')


def fill(house: House) -> None:
    """Sixty products in one to three systems, with values that repeat, lie at edges, or are not there."""
    titles = [
        "Kettle",
        "kettle",
        "KETTLE 100%",
        "Kettle_100",
        "Bouilloire électrique",
        "ÉLECTRO",
        "",
        "Ärmel",
        "z" * 5000,
    ]
    titles += ["z" * 5000 + "a", "back\\slash", 'qu"ote', "🫖", "Straße"]
    amounts = ["10", "9.99", "10.00", "0", "-1.5", "100000000000000000000.5", "0.0000001", None, "call us", "9.990"]
    moments = ["2026-01-01", "2026-01-01T12:00:00.5Z", "2026-01-01T12:00:00Z", "1969-12-31T23:59:59Z", None]
    moments += ["0001-01-01T00:00:00Z", "9999-12-31T23:59:59.999999Z", "2026-01-01T12:00:00.000001Z", "soon"]
    weights = [("1", "kg"), ("1000", "g"), ("2.5", "lb"), ("0.1", "oz"), (None, None), ("5", "parsec"), ("1", "t")]
    for number in range(60):
        sku = f"SKU-{number}"

        def pick(values: Sequence[Any], step: int = 1, number: int = number) -> Any:
            return values[number * step % len(values)]

        if number % 5 != 4:
            house.systems["pim"].put(
                f"p{number}",
                sku=sku,
                title_en=pick(titles) if number % 3 else None,
                title_de=pick(titles, 2) if number % 2 else None,
                title_fr="Bouilloire",
                title_shop="Only in the shop",
                title_any=pick(titles, 4) if number % 7 == 0 else None,
                price=pick(amounts, 3),
                launched=pick(moments),
                tags=pick(["red;blue", "red", "", "Red;100%", 'qu"ote']),
                picture=pick(["https://x/a.png", None]),
            )
        if number % 4 != 3:
            house.systems["erp"].put(
                f"e{number}",
                sku=sku,
                price=pick(amounts),
                stock=pick([0, 1, -3, None, 2**31 - 1, "many"]),
                title=pick(titles, 5),
                weight=pick(["1", "2.2046226218", None]),
                extra={"n": number} if number % 2 else None,
            )
        if number % 3 != 2:
            amount, unit = pick(weights)
            house.systems["wms"].put(
                f"w{number}",
                sku=sku,
                weight=amount,
                unit=unit,
                fragile=pick(["yes", "no", None, "perhaps"]),
                rating=pick(amounts, 7),
            )
    house.systems["crm"].put("apart", sku="nobody has this", text="A note, which is not listed")


async def all_facts(house: House) -> dict[UUID, dict[str, Any]]:
    rows = await house.pool.fetch("select product_id from products where listed")
    products = [row["product_id"] for row in rows]
    known = await house.ledger.of(products, FIELDS)
    scopes, now = house.ownership.scopes(None, None), datetime.now(UTC)
    facts: dict[UUID, dict[str, Any]] = {}
    for product in products:
        facts[product] = {}
        for name in FIELDS:
            heard = [
                Heard(key, one.claims)
                for key, outcomes in known[product].items()
                if isinstance(one := outcomes[name], Reading)
            ]
            facts[product][name] = assemble(house.ownership.fields[name], heard, scopes, now).value
    return facts


# ── Filters ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_everything_is_every_listed_product(shelf: Shelf) -> None:
    assert await shelf.found(ALL) == shelf.facts.keys()
    assert len(shelf.facts) == 59


@pytest.mark.parametrize("field", FIELDS)
async def test_missing_is_what_has_no_value_as_a_fact(shelf: Shelf, field: str) -> None:
    missing = await shelf.found(shelf.where(field, Operator.IS_MISSING, True))
    assert missing == {product for product, facts in shelf.facts.items() if facts[field] is None}
    assert await shelf.found(shelf.where(field, Operator.IS_MISSING, False)) == shelf.facts.keys() - missing
    assert 0 < len(missing) < 59


@pytest.mark.parametrize(
    ("field", "operand"),
    [
        ("price", Decimal("10")),
        ("price", Decimal("9.99")),
        ("price", Decimal("0.0000001")),
        ("price", Decimal("100000000000000000000.5")),
        ("rating", Decimal("-1.5")),
        ("weight", Decimal("1000")),
        ("weight", Decimal("1133.980925")),
        ("stock", 1),
        ("stock", 2**31 - 1),
        ("launched", datetime(2026, 1, 1, 12, tzinfo=UTC)),
        ("launched", datetime(2026, 1, 1, 12, microsecond=1, tzinfo=UTC)),
        ("launched", datetime(1969, 12, 31, 23, 59, 59, tzinfo=UTC)),
        ("title", "KETTLE"),
        ("title", "électro"),
    ],
)
async def test_comparisons(shelf: Shelf, field: str, operand: Any) -> None:
    against = plain(operand)
    tests: dict[Operator, Callable[[Any], bool]] = {
        Operator.EQ: lambda value: bool(value == against),
        Operator.GT: lambda value: bool(value > against),
        Operator.GTE: lambda value: bool(value >= against),
        Operator.LT: lambda value: bool(value < against),
        Operator.LTE: lambda value: bool(value <= against),
    }
    for operator, wanted in tests.items():
        if field == "title" and operator is not Operator.EQ:
            continue
        assert await shelf.found(shelf.where(field, operator, operand)) == shelf.of(field, wanted), operator
    assert shelf.of(field, tests[Operator.EQ]), "nothing is equal: the case proves nothing"
    among = shelf.where(field, Operator.IN, [operand, operand])
    assert await shelf.found(among) == shelf.of(field, tests[Operator.EQ])
    assert await shelf.found(shelf.where(field, Operator.IN, [])) == set()


@pytest.mark.parametrize("wanted", [True, False])
async def test_yes_and_no(shelf: Shelf, wanted: bool) -> None:
    found = await shelf.found(shelf.where("fragile", Operator.EQ, wanted))
    assert found == shelf.of("fragile", lambda value: value is wanted)
    assert found


@pytest.mark.parametrize("text", ["kettle", "100%", "_", "%", "\\", "É", "é", '"', "🫖", "STRASSE", "straße"])
async def test_parts_of_texts_are_taken_as_they_are(shelf: Shelf, text: str) -> None:
    lower = text.lower()
    expected = shelf.of("title", lambda value: lower in value)
    assert await shelf.found(shelf.where("title", Operator.CONTAINS, text)) == expected
    assert expected or text == "STRASSE"
    begins = shelf.of("title", lambda value: value.startswith(lower))
    assert await shelf.found(shelf.where("title", Operator.STARTS_WITH, text)) == begins


async def test_a_text_equals_itself_whatever_the_server_makes_of_its_case(house: House) -> None:
    """``İ`` in lower case is two characters to Python and one to PostgreSQL."""
    house.systems["pim"].put("1", title_en="İstanbul")
    await house.sync_all()
    catalogue = Catalogue(house.pool, house.ownership)
    for operator, operand in ((Operator.EQ, "İstanbul"), (Operator.IN, ["İstanbul"]), (Operator.CONTAINS, "İst")):
        assert await catalogue.count(FieldIs(catalogue.listed_field("title"), operator, operand)) == 1


@pytest.mark.parametrize("entry", ["red", "Red", "100%", 'qu"ote', "nothing", ""])
async def test_an_entry_of_a_list(shelf: Shelf, entry: str) -> None:
    found = await shelf.found(shelf.where("tags", Operator.CONTAINS, entry))
    assert found == shelf.of("tags", lambda value: entry in value)


async def test_conditions_combine_and_not_is_all_the_rest(shelf: Shelf) -> None:
    dear = shelf.where("price", Operator.GT, Decimal(5))
    heavy = shelf.where("weight", Operator.GTE, Decimal(1000))
    a, b, everything = await shelf.found(dear), await shelf.found(heavy), set(shelf.facts)
    assert await shelf.found(Every((dear, heavy))) == a & b
    assert await shelf.found(Either((dear, heavy))) == a | b
    assert await shelf.found(Nor(dear)) == everything - a
    assert await shelf.found(Nor(Either((dear, Nor(heavy))))) == (everything - a) & b
    assert await shelf.found(Either(())) == set()
    assert await shelf.found(Every((HasRecord(("wms",)), Nor(HasRecord(("erp", "pim")))))) == {
        product for product in everything if await in_wms_alone(shelf, product)
    }


async def in_wms_alone(shelf: Shelf, product: UUID) -> bool:
    rows = await shelf.catalogue.pool.fetch("select source from crosswalk where product_id = $1", product)
    return [row["source"] for row in rows] == ["wms"]


# ── Order and pages ────────────────────────────────────────────────────────────────────────────────────────────────


async def pages(shelf: Shelf, order: Order | None, size: int, condition: Condition = ALL) -> list[Listed]:
    found: list[Listed] = []
    after = None
    while True:
        page = await shelf.catalogue.list(condition, order, after, size)
        found += page
        if len(page) < size:
            return found
        # As a client carries it from page to page.
        cursor = CURSORS.write("list", [str(page[-1].product), page[-1].ordered_by])
        product, ordered_by = CURSORS.read("list", cursor)
        after = Listed(UUID(product), ordered_by)
        assert len(found) <= len(shelf.facts)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("field", SORTED)
async def test_pages_are_in_order_complete_and_without_doubles_what_has_no_value_last(
    shelf: Shelf, field: str, descending: bool
) -> None:
    order = Order(shelf.catalogue.listed_field(field), descending)
    listed = await pages(shelf, order, 7)
    assert [one.product for one in listed] == [one.product for one in await pages(shelf, order, 100)]
    assert len(listed) == len({one.product for one in listed}) == 59
    values = [shelf.facts[one.product][field] for one in listed]
    present = [plain(value) for value in values if value is not None]
    assert values[len(present) :] == [None] * (59 - len(present))
    if field == "title":
        in_order = await shelf.catalogue.pool.fetchval(
            "select array_agg(one order by one) from unnest($1::text[]) one", [value[:200] for value in present]
        )
        assert [value[:200] for value in present] == in_order[:: -1 if descending else 1]
    else:
        assert present == sorted(present, reverse=descending)
    for one, other in pairwise(listed):
        if one.ordered_by == other.ordered_by:
            assert one.product < other.product


@pytest.mark.parametrize("size", [1, 3, 59, 60])
async def test_pages_without_an_order_are_complete(shelf: Shelf, size: int) -> None:
    listed = await pages(shelf, None, size)
    assert [one.product for one in listed] == sorted(shelf.facts)


async def test_a_page_of_a_filtered_list_goes_on_where_it_ended(shelf: Shelf) -> None:
    condition = shelf.where("price", Operator.GT, Decimal(0))
    order = Order(shelf.catalogue.listed_field("price"), True)
    assert {one.product for one in await pages(shelf, order, 4, condition)} == await shelf.found(condition)


async def test_what_was_stored_before_a_field_changed_its_type_is_missing_and_no_error(house: House) -> None:
    house.systems["pim"].put("1", title_en="Kettle", launched="2026-01-01", sku="A")
    house.systems["erp"].put("1", extra={"amount": "many"}, sku="A")
    await house.sync_all()
    changed = house_map(
        ('[fields.launched]\ntype = "datetime"', '[fields.launched]\ntype = "integer"'),
        ('[fields.extra]\ntype = "json"', '[fields.extra]\ntype = "number"'),
    )
    catalogue = Catalogue(house.pool, changed)
    for name in ("launched", "extra"):
        order = Order(catalogue.listed_field(name), False)
        assert [one.ordered_by for one in await catalogue.list(ALL, order, None, 5)] == [None]


async def test_of_several_records_of_one_system_a_list_takes_the_one_that_a_fact_takes(house: House) -> None:
    house.rewire(house_map(('title = "ERP"', 'title = "ERP"\nper_product = "many"')))
    try:
        house.systems["pim"].put("p", sku="A")
        start = datetime(2026, 1, 1, tzinfo=UTC)
        for number, days in enumerate([3, 9, 5]):
            changed = (start + timedelta(days=days)).isoformat()
            house.systems["erp"].put(str(number), sku="A", price=str(number), changed=changed)
        await house.sync_all()
        catalogue = Catalogue(house.pool, house.ownership)
        (listed,) = await catalogue.list(ALL, Order(catalogue.listed_field("price"), False), None, 5)
        assert listed.ordered_by == "1"
        facts = await all_facts(house)
        assert facts[listed.product]["price"] == Money(Decimal("1"), "EUR")
    finally:
        house.rewire(house_map())


def test_units_are_those_of_the_fields_dimension() -> None:
    nothing: Any = None
    catalogue = Catalogue(nothing, house_map())
    units = catalogue.listed_field("weight").units
    assert units["kg"] == (Decimal(1000), Decimal(0))
    assert "m" not in units
    assert catalogue.listed_field("title").units == {}
    assert catalogue.listed_field("stock").type is FieldType.INTEGER
