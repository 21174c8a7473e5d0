"""The ``tryton`` connector against the real Tryton: the contract of every connector, and what is Tryton's own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from pydantic import ValidationError

from sources.contract import Connector, Document
from sources.contract_suite.in_pytest import ConnectorContract
from sources.declaration import SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.registry import connector_kind
from sources.tryton import KIND, TrytonConnector
from sources.values import JSON
from tests.contract.walking import walk
from tests.upstreams.silence import closed_port, silent_port
from tests.upstreams.tcp_proxy import TcpProxy
from tests.upstreams.tryton import READER_PASSWORD, Tryton, TrytonArticle, running_tryton
from tests.upstreams.wire_switches import WireSwitches

pytestmark = pytest.mark.needs("tryton")

SUITE_COLUMNS = {"label": "description", "weight": "list_price_used", "stock": "position"}
"""What the contract's suite calls them, and fields of Tryton that can hold them or nothing."""


@pytest.fixture(scope="module")
def tryton(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    with running_tryton(tmp_path_factory.mktemp("tryton")) as server:
        yield server


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tryton]:
    """Another one, with five kettles in two places."""
    with running_tryton(tmp_path_factory.mktemp("stocked")) as server:
        server.load([kettle(number) for number in range(1, 6)])
        yield server


def kettle(number: int) -> TrytonArticle:
    stock = {"Shelf A": number * 10, "Shelf B": number}
    return TrytonArticle(f"K-{number}", f"Kettle {number}", Decimal(f"{number}9.9050"), Decimal(f"{number}.25"), stock)


def opened(server: Tryton, deadline: float = 5.0, key: str = "code", **options: Any) -> TrytonConnector:
    declaration = SourceDeclaration.model_validate(
        {
            "name": "erp",
            "title": "ERP",
            "connector": "tryton",
            "key": key,
            "updated_at": "changed_at",
            "deadline": timedelta(seconds=deadline),
            "sync": {"page": 3},
            "fields": {"stock": {"path": "quantity", "updated_at": "stock_changed_at"}},
        }
    )
    where = {"url": server.url, "database": server.database, "user": server.user, "password": server.password}
    return TrytonConnector(declaration, KIND.options.model_validate({**where, **options}))


async def ask(connector: Connector, *codes: str, columns: Sequence[str] = ()) -> Mapping[str, Document]:
    """The documents of ``codes`` by code."""
    assert connector.fetch is not None
    wanted = columns or ("list_price", "cost_price", "quantity")
    return {document.content["code"]: document for document in await connector.fetch(codes, wanted)}


async def failure(connector: Connector) -> SourceFailure:
    """What asking the connector for a product ends with."""
    with pytest.raises(SourceFailure) as caught:
        await ask(connector, "K-1")
    return caught.value


# ── The contract ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class TrytonUpstream:
    """A Tryton whose products are those of one test."""

    server: Tryton
    silent: int
    proxy: TcpProxy

    @property
    def key(self) -> str:
        return "code"

    @property
    def secrets(self) -> Sequence[str]:
        return (READER_PASSWORD,)

    @property
    def by_wire(self) -> str:
        return f"http://127.0.0.1:{self.proxy.port}/"

    def connector(self) -> Connector:
        return opened(self.server, url=self.by_wire, columns=SUITE_COLUMNS)

    @property
    def faults(self) -> WireSwitches:
        return WireSwitches(self.proxy, lambda: opened(self.server, 0.1, url=self.by_wire, columns=SUITE_COLUMNS))

    def misdeclared(self) -> Sequence[Connector]:
        return (
            opened(self.server, company="Nobody Ltd"),
            opened(self.server, locations=["NOWHERE"]),
            opened(self.server, columns={"weight": "wieght"}),
            opened(self.server, columns={"weight": "template.wieght"}),
            opened(self.server, key="id", columns={"weight": "code.weight"}),
        )

    def dead(self) -> Sequence[Connector]:
        return (
            opened(self.server, 0.5, url=f"http://127.0.0.1:{closed_port()}/"),
            opened(self.server, 0.3, url=f"http://127.0.0.1:{self.silent}/"),
            opened(self.server, database="nothing_here"),
            opened(self.server, user="nobody"),
        )

    async def put(self, id: str, values: Mapping[str, JSON]) -> None:  # noqa: A002
        fields = {
            "description": values.get("label"),
            "position": values.get("stock"),
            "list_price": values.get("weight"),
        }
        await asyncio.to_thread(self.server.put, id, f"Article {id}", fields)

    async def remove(self, id: str) -> None:  # noqa: A002
        await asyncio.to_thread(self.server.remove, id)


class TestTrytonContract(ConnectorContract):
    @pytest.fixture
    async def upstream(self, tryton: Tryton) -> AsyncIterator[TrytonUpstream]:
        tryton.remove()
        async with silent_port() as silent, TcpProxy(port=urlsplit(tryton.url).port or 0) as proxy:
            yield TrytonUpstream(tryton, silent, proxy)


# ── Prices, costs and stock ────────────────────────────────────────────────────────────────────────────────────────


async def test_prices_costs_and_stock_are_exact(stocked: Tryton) -> None:
    connector = opened(stocked)
    found = await ask(connector, "K-1", "K-3", columns=("list_price", "cost_price", "quantity", "currency", "unit"))
    await connector.close()
    assert {code: dict(document.content) for code, document in found.items()} == {
        f"K-{number}": {
            "id": found[f"K-{number}"].content["id"],
            "code": f"K-{number}",
            "list_price": Decimal(f"{number}9.9050"),
            "cost_price": Decimal(f"{number}.2500"),
            "quantity": 11 * number,
            "currency": "USD",
            "unit": "u",
        }
        for number in (1, 3)
    }


async def test_an_edit_shows_at_once_and_moves_its_own_clock_alone(stocked: Tryton) -> None:
    connector = opened(stocked)
    clocks = ("list_price_changed_at", "cost_price_changed_at", "stock_changed_at")
    columns = ("list_price", "cost_price", "quantity", *clocks)

    async def read() -> dict[str, Any]:
        return dict((await ask(connector, "K-2", columns=columns))["K-2"].content)

    before = await read()
    assert all(isinstance(before[clock], datetime) and before[clock].tzinfo is UTC for clock in clocks)

    edits = [
        (lambda: stocked.set_list_price("K-2", Decimal("31.5")), "list_price", Decimal("31.5000"), clocks[0]),
        (lambda: stocked.set_cost_price("K-2", Decimal("17.3")), "cost_price", Decimal("17.3000"), clocks[1]),
        (lambda: stocked.set_stock("K-2", "Shelf A", 5), "quantity", 7, clocks[2]),
    ]
    for edit, column, value, moved in edits:
        since = datetime.now(UTC) - timedelta(seconds=1)
        await asyncio.to_thread(edit)
        after = await read()
        assert after[column] == value
        assert {name for name in after if after[name] != before[name]} == {column, moved}
        assert since < after[moved] < datetime.now(UTC)
        before = after

    await asyncio.to_thread(stocked.transfer, "K-2", "Shelf A", "Shelf B", 2)
    assert await read() == before, "a move within the warehouse changes no stock"
    await connector.close()


async def test_stock_can_be_that_of_one_location(stocked: Tryton) -> None:
    for locations, quantity in (
        (["Shelf A"], 40),
        (["Shelf B"], 4),
        (["WH", "Shelf B"], 44),
        (["Shelf A", "Shelf B"], 44),
    ):
        connector = opened(stocked, locations=locations)
        assert (await ask(connector, "K-4"))["K-4"].content["quantity"] == quantity
        await connector.close()


async def test_the_company_may_be_named_or_left_out(stocked: Tryton) -> None:
    for company in (None, stocked.company, 1):
        connector = opened(stocked, company=company)
        assert (await ask(connector, "K-4"))["K-4"].content["list_price"] == Decimal("49.9050")
        await connector.close()


async def test_a_company_the_user_does_not_work_in_is_no_silent_null(stocked: Tryton) -> None:
    stocked.add_company("Elsewhere Ltd")
    for company in ("Nobody Ltd", 77, "Elsewhere Ltd"):
        connector = opened(stocked, company=company)
        caught = (await failure(connector)).failure
        [problem] = await connector.check()
        await connector.close()
        assert caught.kind is FailureKind.MISSING_OBJECT
        assert problem.path == "company"
        assert stocked.company in problem.instead


async def test_products_are_asked_for_by_id_too(stocked: Tryton) -> None:
    by_code, by_id = opened(stocked), opened(stocked, key="id")
    id_ = (await ask(by_code, "K-5"))["K-5"].content["id"]
    [document] = await by_id._fetch([str(id_), "no number", "-1", "٣", "9" * 30, "99999"], ["list_price"])
    assert document.content["code"] == "K-5"
    assert document.content["id"] == id_
    await by_code.close()
    await by_id.close()


async def test_a_product_out_of_use_is_gone_unless_asked_for(tryton: Tryton) -> None:
    tryton.remove()
    tryton.put("OLD", "Old", {"list_price": Decimal(1)})
    tryton.deactivate("OLD")
    for inactive, there in ((False, []), (True, ["OLD"])):
        connector = opened(tryton, inactive=inactive)
        assert list(await ask(connector, "OLD")) == there
        assert [d.content["code"] for page in await walk(connector) for d in page.documents] == there
        await connector.close()


async def test_a_batch_is_few_questions(stocked: Tryton) -> None:
    for batch, expected in ((200, 1), (2, 3)):
        connector = opened(stocked, batch=batch)
        await ask(connector, "K-1")
        asked: list[str] = []
        real = connector._session.call

        async def counted(
            method: str, *parameters: JSON, ends: float, real: Any = real, asked: list[str] = asked
        ) -> JSON:
            asked.append(method)
            return await real(method, *parameters, ends=ends)

        connector._session.call = counted  # type: ignore[method-assign]
        assert len(await ask(connector, *(f"K-{number}" for number in range(1, 6)))) == 5
        assert asked == ["model.product.product.search_read"] * expected
        await connector.close()


# ── Failing ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def test_a_wrong_password_is_refused_and_not_told(stocked: Tryton) -> None:
    connector = opened(stocked, user="clerk", password="not-The-0ne")
    caught = await failure(connector)
    await connector.close()
    assert caught.failure.kind is FailureKind.REFUSED
    assert "'clerk'" in caught.failure.message
    assert "not-The-0ne" not in f"{caught!r} {caught.failure!r} {connector._options!r}"


async def test_what_the_user_may_not_read_is_refused(stocked: Tryton) -> None:
    stocked.add_user("counter", "look-But-1")
    connector = opened(stocked, user="counter", password="look-But-1")
    assert (await ask(connector, "K-1"))["K-1"].content["list_price"] == Decimal("19.9050")
    with pytest.raises(SourceFailure, match="Stock Move") as caught:
        await ask(connector, "K-1", columns=("stock_changed_at",))
    await connector.close()
    assert caught.value.failure.kind is FailureKind.REFUSED


async def test_a_session_that_ran_out_is_renewed_once_for_all(stocked: Tryton) -> None:
    connector = opened(stocked)
    assert await ask(connector, "K-1")
    await asyncio.to_thread(stocked.end_sessions)
    answers = await asyncio.gather(*(ask(connector, "K-1") for _ in range(8)))
    assert [list(answer) for answer in answers] == [["K-1"]] * 8
    await connector.close()


async def test_a_stopped_tryton_is_unreachable_and_comes_back(tmp_path: Path) -> None:
    with running_tryton(tmp_path) as server:
        server.load([kettle(1)])
        connector = opened(server)
        assert await ask(connector, "K-1")
        await asyncio.to_thread(server.stop)
        assert (await failure(connector)).failure.kind is FailureKind.UNREACHABLE
        await asyncio.to_thread(server.start)
        assert (await ask(connector, "K-1"))["K-1"].content["quantity"] == 11
        await connector.close()


async def test_a_silent_tryton_is_a_timeout(stocked: Tryton) -> None:
    async with silent_port() as port:
        connector = opened(stocked, 0.3, url=f"http://127.0.0.1:{port}/")
        assert (await failure(connector)).failure.kind is FailureKind.TIMEOUT
        await connector.close()


@pytest.mark.parametrize(
    "wrong",
    [
        {"key": "name"},
        {"columns": {"list_price": "cost_price"}},
        {"auth": {"kind": "basic", "user": "a", "password": "b"}},
    ],
)
def test_what_tryton_cannot_be_asked_by_is_said_before_anything_is_asked(
    stocked: Tryton, wrong: dict[str, Any]
) -> None:
    with pytest.raises((ValueError, ValidationError), match=r"write|name"):
        opened(stocked, **wrong)


def test_the_entry_point_names_the_kind() -> None:
    assert connector_kind("tryton") is KIND
