"""From a row changed in a source to the new value in a GraphQL answer, while the source changes all the time."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any

import asyncpg
import httpx2

from tests.bench.catalogue import price, sku
from tests.bench.goals import Goal, Table, percentile
from tests.bench.installation import Installation
from tests.bench.processes import ProcessFailed
from tests.bench.world import LEDGER, World

INTERVAL = 1.0
BOUND = INTERVAL + 1.0
RATE = 1000
"""Rows changed a second."""
TICK = 0.1
PROBES = 5
"""Changed rows a second of which it is noted when an answer shows them."""
ASK_SECONDS = 0.05
"""Between two questions for all that is awaited; figures are at most so much too high."""
MOST_ASKED = 100
PATIENCE = 60.0
"""Seconds after the last change in which an answer may still show it."""
_FOLLOWING_SECONDS = 1800.0

QUERY = "query($lookups: [ProductLookup!]!) { productsBy(lookups: $lookups) { listPrice { value { amount } } } }"


@dataclass
class _Watch:
    """The changes that no answer has shown yet, oldest first, and how long the others took."""

    awaited: deque[tuple[int, Decimal, float]] = field(default_factory=deque)
    """Product, its new price, and the moment just before the change was sent."""
    seen: list[float] = field(default_factory=list)
    changed: int = 0


async def measure_latency(world: World) -> None:
    """Fill the report with how soon changes are seen."""
    await world.load()
    seconds = world.stage.options.seconds
    directory = world.stage.directory / "whence-latency"
    directory.mkdir()
    config = world.systems.write_map(directory / "whence.toml", erp_sync='{ every = "1s", by = "changed_on" }')
    whence = Installation(config, directory, world.ledger.dsn(LEDGER))
    began = await world.ledger.fetch(LEDGER, "select clock_timestamp() as now")
    watch = _Watch()
    async with whence.serving() as (process, url):
        with world.stage.step("Waiting until the ERP is followed by its clock"):
            await _following(world, began[0]["now"])
        with world.stage.step(f"{RATE:,} changes a second for {seconds} s, and when an answer shows them"):
            before = world.ledger.cpu()
            await _follow(world, url, watch, seconds)
            ledger = world.ledger.cpu() - before
        used = await process.stop()
    report = world.stage.report
    total = len(watch.seen) + len(watch.awaited)
    within = f"of {total:,} changes watched"
    lost = f"{len(watch.awaited)} {within} were not shown within {PATIENCE:.0f} s" if watch.awaited else ""
    worst = max(watch.seen, default=None) if not watch.awaited else None
    often = percentile(watch.seen, 0.95) if len(watch.awaited) <= total * 0.05 and watch.seen else None
    title = f"change to answer at {RATE:,} changes a second over {world.systems.records:,} records"
    report.goals += [
        Goal(f"{title}: 95 in 100 within", BOUND, "s", often, lost),
        Goal(f"{title}: all within", BOUND, "s", worst, lost),
    ]
    rows = [(name, percentile(watch.seen, share)) for name, share in _SHARES.items()] if watch.seen else []
    report.tables.append(
        Table(
            "From a change in the ERP to a GraphQL answer that shows it",
            (f"share {within}", "seconds"),
            tuple(rows),
            f"The ERP is read every {INTERVAL:.0f} s. {watch.changed:,} rows were changed in {seconds} s (one statement "
            f"every {TICK * 1000:.0f} ms); whence serve used {used.cpu:.1f} s of CPU from its start on, the ledger's "
            f"server {ledger:.1f} s meanwhile. Counted from just before the change is sent; "
            f"asked every {ASK_SECONDS * 1000:.0f} ms.",
        )
    )


_SHARES = {"half": 0.5, "75 %": 0.75, "90 %": 0.9, "95 %": 0.95, "99 %": 0.99, "all": 1.0}


async def _following(world: World, since: Any) -> None:
    """Wait until the ERP has been read whole once more and then by its clock, which is what is to be measured."""
    give_up = time.monotonic() + _FOLLOWING_SECONDS
    while True:
        rows = await world.ledger.fetch(LEDGER, _DONE, since)
        if rows[0]["done"] >= 2:
            return
        if time.monotonic() > give_up:
            raise ProcessFailed(f"the ERP was not followed after {_FOLLOWING_SECONDS:.0f} s")
        await asyncio.sleep(0.2)


_DONE = "select count(*) as done from runs where source = 'erp' and outcome = 'DONE' and started_at > $1"


async def _follow(world: World, url: str, watch: _Watch, seconds: int) -> None:
    connection = await asyncpg.connect(world.systems.database, timeout=10)
    try:
        async with httpx2.AsyncClient(timeout=10) as client:
            asking = asyncio.create_task(_ask(client, url, watch))
            try:
                await _change(connection, world.systems.products, watch, seconds)
                give_up = time.monotonic() + PATIENCE
                while watch.awaited and time.monotonic() < give_up and not asking.done():
                    await asyncio.sleep(ASK_SECONDS)
            finally:
                asking.cancel()
                await asyncio.wait([asking])
            if not asking.cancelled():
                asking.result()
    finally:
        await connection.close()


async def _change(connection: asyncpg.Connection[Any], products: int, watch: _Watch, seconds: int) -> None:
    """Change so many rows a second, evenly, each product once before any a second time."""
    tick_rows, stride = round(RATE * TICK), round(1 / (PROBES * TICK))
    statement = await connection.prepare(_UPDATE)
    began, step = time.monotonic(), 0
    for tick in range(round(seconds / TICK)):
        wait = began + tick * TICK - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        numbers = sorted({(step + index) * 7919 % products for index in range(tick_rows)})
        step += tick_rows
        prices = [price(number, tick + 2) for number in numbers]
        moment = time.monotonic()
        await statement.fetch([f"A{number:07d}" for number in numbers], prices)
        watch.changed += len(numbers)
        if tick % stride == 0:
            chosen = tick % len(numbers)
            watch.awaited.append((numbers[chosen], prices[chosen], moment))


_UPDATE = """
update articles set list_price = fresh.price, changed_on = clock_timestamp()
from unnest($1::text[], $2::numeric[]) as fresh (article_no, price) where articles.article_no = fresh.article_no
"""


async def _ask(client: httpx2.AsyncClient, url: str, watch: _Watch) -> None:
    """Ask for all that is awaited, over and over, and note what an answer shows."""
    while True:
        began = time.monotonic()
        if asked := list(watch.awaited)[:MOST_ASKED]:
            lookups = [{"sku": sku(number)} for number, _, _ in asked]
            answer = await client.post(url, json={"query": QUERY, "variables": {"lookups": lookups}})
            now = time.monotonic()
            found = answer.json()
            if found.get("errors"):
                raise ProcessFailed(f"whence serve answers: {str(found['errors'])[:300]}")
            for one, product in zip(asked, found["data"]["productsBy"], strict=True):
                if Decimal(product["listPrice"]["value"]["amount"]) >= one[1]:
                    watch.seen.append(now - one[2])
                    watch.awaited.remove(one)
        await asyncio.sleep(max(0.0, began + ASK_SECONDS - time.monotonic()))
