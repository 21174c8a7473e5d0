"""A new whence.toml while Whence serves: it takes effect, nothing fails, and what it did is said."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
import sqlite3
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from app.main import build_app
from app.redaction import Redactor
from app.reload import CurrentRuntime, Reloaded, keep_map_current, open_current, saved_at
from app.settings import Settings
from app.sync import sync_once
from app.worker import Worker
from resolvers.map_file import load_map
from resolvers.ownership import OwnershipMap
from resolvers.taking import SUPERSEDED, MapTaking, Taken
from sources.ledger.schedule import make_due, scheduled
from sources.sql.connector import SqlConnector
from tests.api.serving import serving

MAP = """\
[audiences.internal]
governance = true

[sources.erp]
title = "ERP"
connector = "sql"
url = "sqlite:///erp.db"
from = "articles"
key = "id"
sync = { every = "10m" }
[sources.erp.identifiers]
sku = "sku"
[sources.erp.fields]
title = "title"

[fields.title]
type = "text"
system_of_record = "erp"

[identity]
keys = ["sku"]
"""
COLOUR = (
    'title = "title"\n',
    'title = "title"\ncolour = "colour"\n[fields.colour]\ntype = "text"\nsystem_of_record = "erp"\n',
)
SHOP = """
[sources.shop]
title = "Shop"
connector = "file"
path = "shop.csv"
key = "id"
sync = { every = "10m" }
[sources.shop.identifiers]
sku = "sku"
[sources.shop.fields]
rating = "stars"
[fields.rating]
type = "number"
system_of_record = "shop"
"""


@dataclass
class Company:
    """A directory with a map and its systems, and one process that serves it."""

    directory: Path
    url: str
    current: CurrentRuntime
    address: str = ""
    told: list[Reloaded] = field(default_factory=list)
    name: str = "whence.toml"

    @property
    def map(self) -> Path:
        """Its map's file."""
        return self.directory / self.name

    async def load(self) -> OwnershipMap:
        """As a command loads it."""
        return load_map(self.map, {})

    def save(self, *changes: tuple[str, str], more: str = "") -> None:
        """Save the map with texts of it replaced."""
        write(self.map, *changes, more=more)

    async def reloaded(self, count: int) -> Reloaded:
        """What came of the reload of that number, from 1."""
        await eventually(lambda: len(self.told) >= count)
        return self.told[count - 1]

    async def ask(self, document: str) -> Any:
        """The answer's JSON, whatever its status."""
        async with httpx2.AsyncClient(timeout=20, trust_env=False) as client:
            return (await client.post(f"{self.address}/graphql", json={"query": document})).json()

    async def facts(self, fields: str) -> Any:
        """Some fields of the one kettle."""
        return (await self.ask(f'{{ product(by: {{ alias: "bk-1" }}) {{ {fields} }} }}'))["data"]["product"]


def write(path: Path, *changes: tuple[str, str], more: str = "") -> None:
    """The map with texts of it replaced, as an editor saves it: written beside it and put in its place."""
    text = MAP
    for before, after in changes:
        assert before in text
        text = text.replace(before, after, 1)
    beside = path.with_suffix(".new")
    beside.write_text(text + more)
    beside.replace(path)


async def eventually(condition: Callable[[], bool | Awaitable[bool]]) -> None:
    """Wait until it holds."""
    async with asyncio.timeout(20):
        while True:
            found = condition()
            if found if isinstance(found, bool) else await found:
                return
            await asyncio.sleep(0.02)


@asynccontextmanager
async def process(directory: Path, url: str, name: str = "whence.toml", every: float = 0.05) -> AsyncIterator[Company]:
    """One process that serves and looks after its map, ``every`` so many seconds."""
    path = directory / name
    async with AsyncExitStack() as stack:
        current = await stack.enter_async_context(
            open_current(load_map(path, {}), url, Settings(database_url=url, pool_size=6), saved_at(path))
        )
        company = Company(directory, url, current, name=name)
        app = build_app(current, Redactor(), default_audience="internal", syncing=False)
        company.address = await stack.enter_async_context(serving(app))
        watching = asyncio.create_task(
            keep_map_current(current, path, company.load, on_reload=company.told.append, every=every)
        )
        try:
            yield company
        finally:
            watching.cancel()
            await asyncio.wait([watching])


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """The company's files: a database, a sheet, a map."""
    with sqlite3.connect(tmp_path / "erp.db") as erp:
        erp.execute("create table articles (id text primary key, sku text, title text, colour text)")
        erp.execute("insert into articles values ('K-1', 'BK-1', 'Kettle', 'red')")
    erp.close()
    (tmp_path / "shop.csv").write_text("id,sku,stars\nS-1,BK-1,4.5\n")
    write(tmp_path / "whence.toml")
    return tmp_path


async def synced(company: Company) -> None:
    """Everything is read once."""
    runtime = company.current()
    reports = await sync_once(runtime, list(runtime.sources))
    assert not [report.failure for report in reports if report.failure]
    await runtime.state.refresh()


async def test_a_new_field_is_answered_from_the_ledger_though_its_system_is_gone(
    directory: Path, database_url: str
) -> None:
    async with process(directory, database_url) as company:
        await synced(company)
        assert await company.facts("title { value }") == {"title": {"value": "Kettle"}}
        unknown = await company.ask("{ products(first: 1) { edges { node { colour { value } } } } }")
        assert "Cannot query field 'colour'" in unknown["errors"][0]["message"]
        (directory / "erp.db").rename(directory / "gone.db")
        with capture_logs() as logs:
            company.save(COLOUR)
            reloaded = await company.reloaded(1)
            assert reloaded.taken is not None
            assert reloaded.taken.effects == [
                'sources.erp.fields.colour: nothing → "colour" (mapped anew from the ledger)',
                "fields.colour: nothing → declared (decided when it is read)",
                "erp: 1 record mapped anew from the ledger",
            ]

            async def red() -> bool:
                return bool(await company.facts("colour { value }") == {"colour": {"value": "red"}})

            await eventually(red)
        assert [one["effect"] for one in logs if one["event"] == "map changed"] == reloaded.taken.effects


async def test_with_mistakes_all_are_told_and_the_map_in_use_stays(directory: Path, database_url: str) -> None:
    async with process(directory, database_url) as company:
        await synced(company)
        with capture_logs() as logs:
            company.save(('type = "text"', 'type = "txt"'), ('key = "id"', "key = 5"))
            reloaded = await company.reloaded(1)
        assert len(reloaded.mistakes) == 2
        assert [one["mistake"] for one in logs if one["event"] == "mistake in the map"] == list(reloaded.mistakes)
        assert await company.facts("title { value }") == {"title": {"value": "Kettle"}}
        async with httpx2.AsyncClient(trust_env=False) as client:
            ready = await client.get(f"{company.address}/readyz")
        assert ready.status_code == 200
        assert "2 mistakes" in ready.json()["notes"]["map"]
        company.save(COLOUR)
        assert not (await company.reloaded(2)).mistakes
        async with httpx2.AsyncClient(trust_env=False) as client:
            assert "notes" not in (await client.get(f"{company.address}/readyz")).json()
        company.map.unlink()
        assert "no file" in (await company.reloaded(3)).mistakes[0]
        assert (await company.facts("colour { status }"))["colour"]


async def test_no_request_fails_while_the_map_changes_twenty_times(directory: Path, database_url: str) -> None:
    async with process(directory, database_url) as company:
        await synced(company)
        answers: list[tuple[int, Any]] = []
        done = asyncio.Event()

        async def keep_asking() -> None:
            async with httpx2.AsyncClient(timeout=20, trust_env=False) as client:
                while not done.is_set():
                    document = '{ product(by: { alias: "bk-1" }) { title { value } } sources { name } }'
                    response = await client.post(f"{company.address}/graphql", json={"query": document})
                    answers.append((response.status_code, response.json()))

        asking = [asyncio.create_task(keep_asking()) for _ in range(2)]
        seen = []
        for number in range(20):
            before = len(answers)
            company.save(*([COLOUR] if number % 2 == 0 else []), more=SHOP if number % 3 == 0 else "")
            await company.reloaded(number + 1)
            seen.append("colour" in company.current().schemas["internal"].as_str())
            await eventually(lambda before=before: len(answers) > before + 2)  # type: ignore[misc]
        done.set()
        await asyncio.gather(*asking)
        assert seen == [True, False] * 10
        assert {status for status, _ in answers} == {200}
        assert not [answer for _, answer in answers if "errors" in answer]
        assert {answer["data"]["product"]["title"]["value"] for _, answer in answers} == {"Kettle"}
        assert {len(answer["data"]["sources"]) for _, answer in answers} == {1, 2}


async def test_what_is_under_way_ends_on_the_old_pieces_which_are_closed_after_it(
    directory: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    closed: list[SqlConnector] = []
    close = SqlConnector.close

    async def noted(self: SqlConnector) -> None:
        closed.append(self)
        await close(self)

    monkeypatch.setattr(SqlConnector, "close", noted)
    async with process(directory, database_url) as company:
        await synced(company)
        with company.current.use() as before:
            company.save(COLOUR)
            await company.reloaded(1)
            assert company.current() is not before
            await asyncio.sleep(0.1)
            assert not closed
            follow = before.sources["erp"].changes
            assert follow is not None
            assert [len(page.records) async for page in follow(None)] == [1]  # type: ignore[union-attr]
        await eventually(lambda: len(closed) == 1)
    assert len(closed) == 2, "the new one is closed at the end"


async def test_a_worker_takes_up_a_new_source_and_lets_go_of_one_that_left(directory: Path, database_url: str) -> None:
    async with process(directory, database_url) as company:
        working = asyncio.create_task(Worker(company.current).run())
        try:
            company.save(more=SHOP)
            await company.reloaded(1)

            async def rated() -> bool:
                return bool((await company.facts("rating { value }") or {}).get("rating", {}).get("value") == "4.5")

            await eventually(rated)
            company.save()
            taken = (await company.reloaded(2)).taken
            assert taken is not None
            assert "shop: declared no more; its 1 record leave, and are kept" in taken.effects
            pool = company.current().pool
            await eventually(
                lambda: _is(pool, "select count(*) from crosswalk where source = 'shop' and gone_at is not null", 1)
            )
            company.save(more=SHOP)
            await company.reloaded(3)
            await eventually(rated)
        finally:
            working.cancel()
            await asyncio.wait([working])


async def _is(pool: Any, query: str, value: object) -> bool:
    return bool(await pool.fetchval(query) == value)


async def test_one_whose_map_is_not_in_force_answers_and_syncs_nothing_until_its_file_is_saved_again(
    directory: Path, database_url: str
) -> None:
    write(directory / "other.toml", COLOUR)
    long_ago = (datetime.now(UTC) - timedelta(days=1)).timestamp()
    os.utime(directory / "whence.toml", (long_ago, long_ago))
    async with process(directory, database_url) as one:
        await synced(one)
        with capture_logs() as logs:
            async with process(directory, database_url, "other.toml") as other:
                await synced(other)
                await eventually(lambda: one.current.trouble is not None)
                assert "another process has taken another map into use" in (one.current.trouble or "")
                before = await one.current().pool.fetchval("select sum(batch) from cursors")
                (report,) = await sync_once(one.current(), ["erp"])
                assert report.failure is SUPERSEDED
                assert await one.current().pool.fetchval("select sum(batch) from cursors") == before
                assert await one.facts("title { value }") == {"title": {"value": "Kettle"}}
                pool = one.current().pool
                await make_due(pool, ["erp"])
                due = (await scheduled(pool))["erp"]
                working = asyncio.create_task(Worker(one.current).run())
                await asyncio.sleep(0.5)
                working.cancel()
                await asyncio.wait([working])
                assert (await scheduled(pool))["erp"] == due, "it took a turn that it had no use for"
                # one that only starts again does not take it back
                async with process(directory, database_url) as again:
                    (report,) = await sync_once(again.current(), ["erp"])
                    assert report.failure is SUPERSEDED
                one.save()
                await one.reloaded(1)
                assert one.current.trouble is None
                await eventually(lambda: other.current.trouble is not None)
                (report,) = await sync_once(one.current(), ["erp"])
                assert report.failure is None
        assert [one["event"] for one in logs if "another process" in one["event"]]


async def test_an_old_schema_and_the_documents_kept_for_it_are_let_go(directory: Path, database_url: str) -> None:
    async with process(directory, database_url) as company:
        await synced(company)
        await company.facts("title { value }")
        old = weakref.ref(company.current().schemas["internal"])
        company.save(COLOUR)
        await company.reloaded(1)
        await company.facts("colour { value }")

        def gone() -> bool:
            gc.collect()
            return old() is None

        await eventually(gone)


async def test_a_ledger_that_is_away_is_waited_for_and_what_was_made_meanwhile_is_closed(
    directory: Path, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    made: list[SqlConnector] = []
    closed: list[SqlConnector] = []
    start, close, register = SqlConnector.__init__, SqlConnector.close, MapTaking.register
    failures = iter((True, True))

    def noted(self: SqlConnector, *arguments: Any) -> None:
        made.append(self)
        start(self, *arguments)

    async def noted_too(self: SqlConnector) -> None:
        closed.append(self)
        await close(self)

    async def away(self: MapTaking) -> Taken:
        if next(failures, False):
            raise ConnectionResetError
        return await register(self)

    async with process(directory, database_url) as company:
        await synced(company)
        before = company.current()
        monkeypatch.setattr(SqlConnector, "__init__", noted)
        monkeypatch.setattr(SqlConnector, "close", noted_too)
        monkeypatch.setattr(MapTaking, "register", away)
        company.save(COLOUR)
        await company.reloaded(1)
        assert not company.told[0].mistakes
        assert company.current() is not before
        await eventually(lambda: len(closed) == 3)
    assert len(made) == 3
    assert len(closed) == 4


async def test_a_hangup_has_the_file_read_at_once(directory: Path, database_url: str) -> None:
    async with process(directory, database_url, every=3600) as company:
        await synced(company)
        company.save(COLOUR)
        await asyncio.sleep(0.2)
        assert not company.told
        os.kill(os.getpid(), signal.SIGHUP)
        assert (await company.reloaded(1)).taken


async def test_a_comment_changes_nothing(directory: Path, database_url: str) -> None:
    async with process(directory, database_url) as company:
        await synced(company)
        before = company.current()
        company.save(more="# a comment\n")
        await asyncio.sleep(0.5)
        assert company.current() is before
        assert not company.told
        assert len(await before.pool.fetch("select number from map_versions")) == 1


async def test_what_is_kept_of_a_map_holds_no_secret(directory: Path, database_url: str) -> None:
    secret = "kettle-s3cret"
    shop = f"""connector = "rest"
records = "items"
url = "http://127.0.0.1:1/{secret}"
auth = {{ kind = "bearer", token = "{secret}" }}"""
    text = MAP.replace("sqlite:///erp.db", f"postgresql://erp:{secret}@127.0.0.1:1/erp")
    text += SHOP.replace('connector = "file"\npath = "shop.csv"', shop)
    (directory / "whence.toml").write_text(text)
    async with process(directory, database_url) as company:
        await company.current().ingest.taking.take()
        kept = await company.current().pool.fetchval("select declared::text || effects::text from map_versions")
        assert secret not in kept
        assert '"title": "Shop"' in kept
        (directory / "whence.toml").write_text(text.replace(f"1/{secret}", f"1/v2/{secret}"))
        taken = (await company.reloaded(1)).taken
        assert taken is not None
        assert taken.effects[0] == "sources.shop.url: one value → another (read from the system)"
        basic = f'kind = "basic", user = "me", password = "{secret}"'
        (directory / "whence.toml").write_text(text.replace(f'kind = "bearer", token = "{secret}"', basic))
        taken = (await company.reloaded(2)).taken
        assert taken is not None
        assert taken.effects[:2] == [
            "sources.shop.auth: one value → another (decided when it is read)",
            "sources.shop.url: one value → another (read from the system)",
        ]
