"""Two systems of a few thousand records, workers that sync them and can be killed, and what must have come of it."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import random
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolvers.map_file import parse_map
from sources.ledger.database import Pool
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.memory_source import House, MemorySystem

CHECKOUT = Path(__file__).resolve().parents[2]
NAMES = ("stock", "sheet")
MAP = """
[sources.stock]
title = "Stock room"
connector = "sql"
url = "sqlite:///{directory}/stock.sqlite"
from = "articles"
key = "article"
updated_at = "changed"
names = ["label"]
sync = {{ page = 25 }}
[sources.stock.identifiers]
gtin = "gtin"
sku = "sku"
[sources.stock.fields]
stock = "stock"
label = "label"

[sources.sheet]
title = "A sheet"
connector = "file"
path = "{directory}/sheet.csv"
key = "line"
updated_at = "changed"
names = ["name"]
sync = {{ page = 25 }}
[sources.sheet.identifiers]
gtin = "gtin"
sku = "sku"
[sources.sheet.fields]
label = "name"
price = {{ path = "price", currency = "EUR" }}

[fields.stock]
type = "integer"
system_of_record = "stock"
[fields.label]
type = "text"
system_of_record = "stock"
[fields.price]
type = "money"
system_of_record = "sheet"

[identity]
keys = ["gtin", "sku"]
"""


def _gtin(number: int) -> str:
    body = f"40{number:010d}"
    return body + str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body)) % 10)


@dataclass
class Workshop:
    """The systems' files in a directory, ``rows`` records each at first."""

    directory: Path
    rows: int

    def __post_init__(self) -> None:
        self.sheet = {number: self._line(number, "49.90", 1) for number in range(self.rows)}
        self._write_sheet()
        with sqlite3.connect(self.directory / "stock.sqlite") as connection:
            connection.execute(
                "create table articles (article text, label text, gtin text, sku text, stock, changed text)"
            )
            connection.executemany(
                "insert into articles values (?, ?, ?, ?, ?, '2026-01-02T03:04:05Z')",
                [
                    (f"A-{number:05d}", f"Article {number}", _gtin(number), f"S-{number // 2}", number % 7)
                    for number in range(self.rows)
                ],
            )
        connection.close()
        (self.directory / "whence.toml").write_text(MAP.format(directory=self.directory))

    @property
    def map_file(self) -> Path:
        return self.directory / "whence.toml"

    def edit(self, dice: random.Random, day: int) -> None:
        """A day's work: some records change, some come, a few go. Both systems move their clocks."""
        at = f"2026-02-{day:02d}T08:00:00Z"
        with sqlite3.connect(self.directory / "stock.sqlite") as connection:
            for number in dice.sample(range(self.rows), self.rows // 20):
                connection.execute(
                    "update articles set stock = ?, changed = ? where article = ?",
                    (dice.randrange(1000), at, f"A-{number:05d}"),
                )
            connection.execute("delete from articles where article = ?", (f"A-{dice.randrange(self.rows):05d}",))
            connection.execute(
                "insert into articles values (?, 'New', ?, null, 1, ?)", (f"B-{day:05d}", _gtin(100_000 + day), at)
            )
        connection.close()
        for number in dice.sample(sorted(self.sheet), self.rows // 20):
            self.sheet[number] = self._line(number, f"{dice.randrange(9999)}.50", day)
        self.sheet.pop(dice.choice(sorted(self.sheet)))
        self.sheet[50_000 + day] = self._line(50_000 + day, "1.00", day)
        self._write_sheet()

    async def check(self, pool: Pool) -> None:
        """What must hold of a ledger that has read these systems. Raises AssertionError."""
        ownership = parse_map(self.map_file.read_text(), {})
        await check_ledger(House(pool, ownership, {name: MemorySystem() for name in ownership.sources}))
        await check_once(pool)

    def _line(self, number: int, price: str, day: int) -> list[str]:
        return [str(number), f"Line {number}", _gtin(number), f"S-{number}", price, f"2026-02-{day:02d}T07:00:00Z"]

    def _write_sheet(self) -> None:
        half = self.directory / "half.csv"
        with half.open("w", newline="") as file:
            csv.writer(file).writerows([["line", "name", "gtin", "sku", "price", "changed"], *self.sheet.values()])
        half.replace(self.directory / "sheet.csv")


async def check_once(pool: Pool) -> None:
    """Every change is in the log once: each says something that the one before did not. Raises AssertionError."""
    stand: dict[tuple[str, str], dict[str, Any] | None] = {}
    for row in await pool.fetch("select * from changes order by source, record_id, batch"):
        key = row["source"], row["record_id"]
        before = stand.get(key)
        if row["kind"] == "ADDED":
            assert before is None, f"{key} was added twice"
            stand[key] = dict(row["claims"])
            continue
        assert before is not None, f"{key} {row['kind']} without having been there"
        if row["kind"] == "GONE":
            stand[key] = None
            continue
        said = {name: claims for name, claims in row["claims"].items() if before.get(name, []) != claims}
        assert said == row["claims"], f"{key} changed to what it was: {row['claims']}"
        stand[key] = {**before, **said}


class Worker:
    """A process that runs syncs in processes of its own: of any systems, into any ledger, one at a time."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self._task: dict[str, Any] = {}
        self.pid = 0

    def at(self, shop: Workshop, dsn: str, **limits: float) -> Worker:
        """The same one, at work for these systems on the ledger at ``dsn``, whose batches have these limits."""
        self._task = {"map": str(shop.map_file), "dsn": dsn, "limits": limits}
        return self

    async def begin(self, names: Sequence[str] = NAMES) -> int:
        """Begin a run; the id of its process."""
        assert self._process.stdin is not None
        if self.pid:  # left by a test that failed
            await self.kill()
        self._process.stdin.write(json.dumps({**self._task, "names": list(names)}).encode() + b"\n")
        self.pid = int(await self._said("began"))
        return self.pid

    async def ended(self) -> int:
        """The status with which the run ended; -9 for one that was killed."""
        status = int(await self._said("ended"))
        self.pid = 0
        return status

    async def kill(self) -> int:
        """Kill the run, unless it has ended; its status."""
        with suppress(ProcessLookupError):  # it may have ended meanwhile
            os.kill(self.pid, signal.SIGKILL)
        return await self.ended()

    async def run(self, names: Sequence[str] = NAMES) -> int:
        """A run to its end."""
        await self.begin(names)
        return await self.ended()

    async def _said(self, word: str) -> str:
        assert self._process.stdout is not None
        async with asyncio.timeout(60):
            line = (await self._process.stdout.readline()).decode().split()
        assert line[:1] == [word], line
        return line[1]

    async def close(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()
        if self.pid:
            with suppress(ProcessLookupError):
                os.kill(self.pid, signal.SIGKILL)
        async with asyncio.timeout(20):
            await self._process.wait()


@asynccontextmanager
async def worker() -> AsyncIterator[Worker]:
    """A worker without work."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.faults.worker",
        cwd=CHECKOUT,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL,
    )
    one = Worker(process)
    try:
        yield one
    finally:
        await one.close()
