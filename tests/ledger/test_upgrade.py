"""Migrations run forwards on a full ledger of the first revision and lose nothing; there is no way back."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import asyncpg
import orjson
import pytest
import pytest_asyncio
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy.exc import SQLAlchemyError

from resolvers.lookup import Ambiguous, Lookup, look_up
from sources.contract import Reading, RecordKey
from sources.ledger.batches import register_sources
from sources.ledger.database import _MIGRATIONS, LedgerUnusable, migrate, open_pool
from sources.ledger.lookups import Wanted, changes_of, crosswalk_of, find_products
from sources.ledger.runs import source_states
from sources.values import encode, encode_datetime
from tests.conftest import PostgresServer
from tests.faults.cutting import cutting
from tests.faults.ledger_dump import Dump, differences, dump
from tests.ledger import ledger_0001
from tests.ledger.ledger_0001 import FIRST_WALK, Held, claims_now, founded
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House, MemorySystem, house_map

_config = Config()
_config.set_main_option("script_location", str(_MIGRATIONS))
SCRIPTS = list(ScriptDirectory.from_config(_config).walk_revisions())[::-1]
REVISIONS = [script.revision for script in SCRIPTS]
"""All there are, the first one first."""


class Database:
    """A ledger of revision 0001, full."""

    def __init__(self, server: PostgresServer, name: str) -> None:
        self.server = server
        self.name = name
        self.url = server.database(name)

    async def dump(self) -> Dump:
        connection = await asyncpg.connect(self.url)
        try:
            await connection.set_type_codec("jsonb", schema="pg_catalog", encoder=_no, decoder=orjson.loads)
            return await dump(connection, dated=True)
        finally:
            await connection.close()

    async def value(self, query: str) -> Any:
        connection = await asyncpg.connect(self.url)
        try:
            return await connection.fetchval(query)
        finally:
            await connection.close()

    async def shape(self) -> tuple[Any, list[str]]:
        """The revision, and every column there is."""
        connection = await asyncpg.connect(self.url)
        try:
            rows = await connection.fetch(
                "select table_name || '.' || column_name || ' ' || data_type as it from information_schema.columns "
                "where table_schema = 'public' order by 1"
            )
            return await connection.fetchval("select version_num from alembic_version"), [row["it"] for row in rows]
        finally:
            await connection.close()


def _no(value: Any) -> str:
    raise AssertionError("only read")


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def full_template(postgres_server: PostgresServer) -> AsyncIterator[Database]:
    """One that the tests copy."""
    database = Database(postgres_server, "whence_upgrade_template")
    await postgres_server.execute(f"drop database if exists {database.name} with (force)")
    await postgres_server.execute(f"create database {database.name}")
    try:
        await migrate(database.url, to="0001")
        connection = await asyncpg.connect(database.url)
        await ledger_0001.fill(connection)
        await connection.close()
        yield database
    finally:
        await postgres_server.execute(f"drop database {database.name} with (force)")


@pytest_asyncio.fixture(loop_scope="session")
async def old(full_template: Database) -> AsyncIterator[Database]:
    """A ledger of revision 0001 for one test."""
    server, name = full_template.server, "whence_upgrade"
    await server.execute(f"drop database if exists {name} with (force)")
    await server.execute(f"create database {name} template {full_template.name} strategy file_copy")
    try:
        yield Database(server, name)
    finally:
        await server.execute(f"drop database {name} with (force)")


def lost(before: Dump, after: Dump) -> list[str]:
    """What of ``before`` is not in ``after``, in the tables and columns that both have."""
    before, after = _by_record(before), _by_record(after)
    common = before.keys() & after.keys()
    columns = {
        table: before[table][0].keys() & after[table][0].keys() for table in common if before[table] and after[table]
    }
    one, other = (
        {
            table: sorted(({name: row[name] for name in sorted(columns[table])} for row in held[table]), key=repr)
            for table in columns
        }
        for held in (before, after)
    )
    return differences(one, other) + [f"{table} is empty" for table in common if before[table] and not after[table]]


def _by_record(held: Dump) -> Dump:
    """Sightings record by record, and without the aliases that say a record's id as the crosswalk has it."""
    aliases = [
        row
        for row in held["aliases"]
        if row["scheme"] != "record" or row["record_id"] not in (row["folded"], row["folded"].upper())
    ]
    sightings = [
        {"source": row["source"], "walk": row["walk"], "record_id": record_id}
        for row in held["sightings"]
        for record_id in row.get("record_ids") or [row["record_id"]]
    ]
    return {**held, "aliases": aliases, "sightings": sightings}


async def test_an_upgraded_ledger_finds_every_record_by_its_id(upgraded: House) -> None:
    present = [one for one in ledger_0001.everything() if one.gone_at is None]
    lookups = [Lookup(alias=one.record_id) for one in present] + [Lookup(record=RecordKey(*one.key)) for one in present]
    found = await look_up(upgraded.pool, lookups, list(upgraded.ownership.sources))
    for one, lookup, product in zip(present * 2, lookups, found, strict=True):
        assert product == one.product or (isinstance(product, Ambiguous) and lookup.alias), one.key


async def test_an_upgraded_ledger_counts_what_cannot_be_read(upgraded: House) -> None:
    rows = await upgraded.pool.fetch("select source, record_id, field, reason from unreadable_values")
    assert [tuple(row) for row in rows] == [("erp", ledger_0001.UNREADABLE, "price", ledger_0001.ON_REQUEST)]


def test_the_revisions_follow_one_another_and_there_is_no_way_back() -> None:
    assert REVISIONS[0] == "0001"
    assert [script.down_revision for script in SCRIPTS] == [None, *REVISIONS[:-1]]
    assert [script.revision for script in SCRIPTS if hasattr(script.module, "downgrade")] == []


@pytest.mark.parametrize("by_steps", [False, True], ids=["at once", "revision by revision"])
async def test_an_upgrade_of_a_full_ledger_loses_no_row_and_no_value(old: Database, by_steps: bool) -> None:
    before = await old.dump()
    assert {table for table, rows in before.items() if not rows} == set(), "the ledger was not full"
    for revision in REVISIONS[1:] if by_steps else ["head"]:
        await migrate(old.url, to=revision)
        assert lost(before, await old.dump()) == [], revision
    assert (await old.shape())[0] == REVISIONS[-1]


@pytest.fixture
async def upgraded(old: Database) -> AsyncIterator[House]:
    """The house over the ledger that was upgraded, its systems as they were."""
    await migrate(old.url)
    ownership = house_map()
    async with open_pool(old.url, size=4) as pool:
        systems = {name: MemorySystem() for name in ownership.sources}
        for one in ledger_0001.everything():
            if one.gone_at is None:
                systems[one.source].documents[one.record_id] = one.document
        yield House(pool, ownership, systems)


async def test_after_an_upgrade_every_claim_reads_as_it_was_written_now_and_as_of_then(upgraded: House) -> None:
    records = ledger_0001.everything()
    fields = list(upgraded.ownership.fields)
    keys = [RecordKey(*one.key) for one in records]
    now = await upgraded.ledger.fetch(keys, fields)
    then = await upgraded.ledger.at(FIRST_WALK + timedelta(hours=1)).fetch(keys, fields)
    for one in records:
        key = RecordKey(*one.key)
        assert said(upgraded, now[key]) == ({} if one.gone_at else claims_now(one)), one
        assert said(upgraded, then[key]) == one.claims, one


def said(house: House, outcomes: Any) -> dict[str, list[dict[str, Any]]]:
    """Outcomes in the form in which the ledger of the first revision kept claims."""
    found: dict[str, list[dict[str, Any]]] = {}
    for name, outcome in outcomes.items():
        for claim in outcome.claims if isinstance(outcome, Reading) else ():
            entry: dict[str, Any] = {
                "value": encode(house.ownership.fields[name].type, claim.value),
                "basis": claim.basis.value,
                "lastUpdated": claim.last_updated and encode_datetime(claim.last_updated),
            }
            told = {"locale": claim.scope.locale, "channel": claim.scope.channel, "unreadable": claim.unreadable}
            entry |= {about: value for about, value in told.items() if value is not None}
            found.setdefault(name, []).append(entry)
    return found


async def test_after_an_upgrade_products_are_found_by_the_ids_and_names_they_had(upgraded: House) -> None:
    pool, sources = upgraded.pool, list(upgraded.ownership.sources)
    former, merged = founded("pim", "merged-page"), founded("erp", "merged")
    assert await find_products(pool, {0: former}, [], sources) == {0: (merged,)}
    by_gtin = Wanted(0, "gtin", f"0{ledger_0001.gtin(4)}")
    assert await find_products(pool, {}, [by_gtin], sources) == {0: (founded("erp", "E0004"),)}
    by_name = Wanted(0, "name", "page 4")
    assert await find_products(pool, {}, [by_name], sources) == {0: (founded("erp", "E0004"),)}
    (rows,) = (await crosswalk_of(pool, [merged])).values()
    assert [(row.key.id, row.linked_by) for row in rows] == [("merged", "gtin"), ("merged-page", "gtin")]
    log = await changes_of(pool, founded("erp", "E0011"), sources, ["stock", "price"], None, 10)
    assert [(entry.batch, entry.kind) for entry in log] == [(2, "CHANGED"), (1, "ADDED")]
    states = await source_states(pool)
    assert states["erp"].failing_since is not None
    assert (states["pim"].rejected, states["erp"].records) == (
        2,
        sum(_present(one) for one in ledger_0001.everything()),
    )


def _present(one: Held) -> bool:
    return one.source == "erp" and one.gone_at is None


async def test_an_upgraded_ledger_goes_on_as_if_it_had_always_been_so(upgraded: House) -> None:
    await check_ledger(upgraded)
    await register_sources(upgraded.pool, list(upgraded.ownership.sources))
    products = await upgraded.pool.fetch("select source, record_id, product_id from crosswalk order by 1, 2")
    for name in upgraded.systems:
        report = await upgraded.sync(name)
        assert report.failure is None
        assert (report.counts.added, report.counts.gone) == (0, 0), report
    changed = await upgraded.pool.fetch("select distinct record_id from changes where batch > 2")
    assert {row["record_id"] for row in changed} <= {ledger_0001.UNREADABLE}
    assert await upgraded.pool.fetch("select source, record_id, product_id from crosswalk order by 1, 2") == products
    await check_ledger(upgraded)
    upgraded.systems["erp"].edit("E0001", stock=1000, changed="2026-05-01T00:00:00Z")
    upgraded.systems["erp"].put("E9999", gtin=ledger_0001.gtin(9999), stock=1, changed="2026-05-01T00:00:00Z")
    upgraded.systems["pim"].drop("P0000")
    assert (await upgraded.sync("erp")).counts.changed == 1
    assert (await upgraded.sync("pim")).counts.gone == 1
    await check_ledger(upgraded)


async def test_an_upgrade_that_is_cut_off_at_any_message_leaves_the_old_version_whole_or_the_new(old: Database) -> None:
    shape, held = await old.shape(), await old.dump()
    async with cutting(old.url) as line:
        line.rearm(10**6)
        for at in range(1, 10**4):
            # Every one would take long: the first, and then in growing steps.
            line.rearm(at * (at + 1) // 2)
            try:
                await migrate(line.dsn)
            except (OSError, SQLAlchemyError, asyncpg.PostgresError, asyncpg.InterfaceError):
                assert line.cuts == 1
            if not line.cuts:
                break
            assert await old.shape() == shape
        assert at > 5, "a migration that says nothing"
    assert (await old.shape())[0] == REVISIONS[-1]
    assert lost(held, await old.dump()) == []


async def test_several_that_upgrade_at_once_do_it_once(old: Database) -> None:
    held = await old.dump()
    async with asyncio.timeout(30):
        await asyncio.gather(*(migrate(old.url) for _ in range(4)))
    assert await old.value("select count(*) from alembic_version") == 1
    assert (await old.shape())[0] == REVISIONS[-1]
    assert lost(held, await old.dump()) == []


async def test_an_upgrade_waits_for_a_batch_that_is_being_written_and_undoes_nothing_of_it(old: Database) -> None:
    writer = await asyncpg.connect(old.url)
    batch = writer.transaction()
    await batch.start()
    await writer.execute("update cursors set batch = 77 where source = 'erp'")
    await writer.execute("update runs set seen = 77 where source = 'erp'")
    await writer.execute("delete from rejections")
    upgrading = asyncio.create_task(migrate(old.url))
    while not await old.value("select count(*) from pg_locks where not granted"):
        assert not upgrading.done(), "it did not wait"
        await asyncio.sleep(0.02)
    await batch.commit()
    await writer.close()
    await upgrading
    assert await old.value("select batch from cursors where source = 'erp'") == 77
    assert (await old.shape())[0] == REVISIONS[-1]


async def test_the_tables_of_a_newer_whence_are_refused_and_an_older_revision_is_not_gone_back_to(
    old: Database,
) -> None:
    await migrate(old.url)
    shape = await old.shape()
    await migrate(old.url, to="0001")
    assert await old.shape() == shape
    connection = await asyncpg.connect(old.url)
    await connection.execute("update alembic_version set version_num = '9999'")
    await connection.close()
    held = await old.dump()
    with pytest.raises(LedgerUnusable, match="9999, which this version of Whence does not know"):
        await migrate(old.url)
    assert await old.dump() == held


def test_the_generated_ledger_is_as_large_as_a_small_company_s() -> None:
    records = ledger_0001.everything()
    assert len(records) > 1400
    assert len({one.key for one in records}) == len(records)
    assert all(isinstance(one.gone_at, datetime | None) for one in records)
