"""How many statements one product costs the ledger, and how many round trips a live read costs each source."""

from __future__ import annotations

import time
from collections.abc import Mapping
from contextlib import AsyncExitStack

import httpx2

from sources.ledger.server import USER
from tests.bench.catalogue import gtin
from tests.bench.goals import Goal, Table, median
from tests.bench.installation import Installation
from tests.bench.processes import ProcessFailed
from tests.bench.wire import Wire
from tests.bench.world import World

FACTS = 20
MANY = 5
PRODUCTS = 60
ASKED = 40
"""Questions that are counted, each for one product; some more are asked before, so that every statement is prepared."""
ASKED_QUICKLY = 12
DELAY = 0.1
"""Seconds by which a turn of a source's conversation is held up, to see whether several are had at the same time."""
DELAYED = 3
MOST_STATEMENTS = 2
MOST_TURNS = 1
AT_ONCE = 1.5
"""What counts as "in parallel": five sources take at most so many times as long as one."""

_STORED = ("stored0", *(f"stored{number}" for number in range(1, MANY + 1)))
_LIVE = ("live0", *(f"live{number}" for number in range(1, MANY + 1)))
_ASKED: Mapping[str, tuple[str, ...]] = {
    "1 stored source": _STORED[:1],
    f"{MANY} stored sources": _STORED[1:],
    "1 live source": _LIVE[:1],
    f"{MANY} live sources": _LIVE[1:],
}
_TYPES = ("text", "integer", "number", "boolean")
_KINDS = ("text", "integer", "numeric", "boolean")


async def measure_statements(world: World) -> None:
    """Fill the report with what one product with twenty facts costs, by the number of sources that they come from."""
    stage = world.stage
    directory = stage.directory / "whence-statements"
    directory.mkdir()
    await world.ledger.create("statements")
    await world.source.create("many")
    async with AsyncExitStack() as stack:
        ledger = await stack.enter_async_context(Wire.before(world.ledger.socket()))
        wires = {name: await stack.enter_async_context(Wire.before(world.source.socket())) for name in _LIVE}
        for name in (*_STORED, *_LIVE):
            await world.source.execute("many", _table(name))
        addresses = {name: wire.address(USER, "many") for name, wire in wires.items()}
        config = directory / "whence.toml"
        config.write_text(_map({name: world.source.dsn("many") for name in _STORED} | addresses))
        with stage.step(f"Reading {len(_STORED) + len(_LIVE)} sources of one product's facts"):
            await Installation(config, directory, world.ledger.dsn("statements")).sync()
        whence = Installation(config, directory, ledger.address(USER, "statements"))
        async with whence.serving("--no-sync") as (_, url), httpx2.AsyncClient(timeout=30) as client:
            asked = ASKED_QUICKLY if stage.options.quick else ASKED
            asking = _Asking(client, url, ledger, wires, asked)
            with stage.step("Counting statements and round trips"):
                rows = [await asking.ask(title, sources) for title, sources in _ASKED.items()]
    await world.ledger.drop("statements")
    await world.source.drop("many")
    by_title = {row[0]: row for row in rows}
    stored = max(float(by_title[title][1]) for title in list(_ASKED)[:2])
    turns = max(float(row[2]) for row in rows)
    one, many = (float(by_title[title][3]) for title in list(_ASKED)[2:])
    stage.report.goals += [
        Goal(
            f"one product, {FACTS} facts from 1 or {MANY} sources: statements to the ledger",
            MOST_STATEMENTS,
            "",
            stored,
        ),
        Goal("live reads: round trips to each source", MOST_TURNS, "", turns),
        Goal(
            f"live reads: {MANY} sources' time against one's", AT_ONCE, "×", many / one, "each turn held up by 100 ms"
        ),
    ]
    stage.report.tables.append(
        Table(
            f"One product by GTIN, {FACTS} facts",
            ("facts from", "ledger statements", "round trips a source", "ms, turns held up"),
            tuple(rows),
            f"Mean of {asked} questions, counted on the wire. Of live reads, what the ledger remembers of them afterwards "
            "is not counted.",
        )
    )
    stage.report.texts["Statements of one question, and how often"] = asking.told()


class _Asking:
    """Asks questions and counts what they cause."""

    def __init__(
        self, client: httpx2.AsyncClient, url: str, ledger: Wire, wires: Mapping[str, Wire], asked: int
    ) -> None:
        self._asked = asked
        self._client, self._url, self._ledger, self._wires = client, url, ledger, wires
        self._path: set[str] = set()
        self._seen: dict[str, dict[str, float]] = {}

    async def ask(self, title: str, sources: tuple[str, ...]) -> tuple[str | float, ...]:
        """The statements to the ledger and the turns to each source a question causes, and its time with turns held up."""
        live = [self._wires[name] for name in sources if name in self._wires]
        query = _query(sources)
        for number in range(self._asked // 2):
            await self._question(query, number)
        for wire in (self._ledger, *live):
            wire.forget()
        for number in range(self._asked):
            await self._question(query, number)
        # What happens at intervals, such as a look at which sources fail, is caused by no question.
        caused = {
            text: count / self._asked for text, count in self._ledger.statements.items() if count >= self._asked / 2
        }
        if not live:
            self._path |= caused.keys()
        else:
            caused = {text: share for text, share in caused.items() if text in self._path}
        self._seen[title] = caused | {
            f"at the source: {text}": count / self._asked
            for wire in live[:1]
            for text, count in wire.statements.items()
        }
        turns = max((wire.turns / self._asked for wire in live), default=0.0)
        for wire in live:
            wire.delay = DELAY
        times = []
        for number in range(DELAYED if live else self._asked):
            began = time.perf_counter()
            await self._question(query, number)
            times.append((time.perf_counter() - began) * 1000)
        for wire in live:
            wire.delay = 0.0
        return title, sum(caused.values()), turns, median(times)

    def told(self) -> str:
        """The statements that were counted."""
        lines = []
        for title, caused in self._seen.items():
            lines.append(f"{title}:")
            lines += [f"  {share:5.2f}  {text[:110]}" for text, share in caused.items()]
        return "\n".join(lines)

    async def _question(self, query: str, number: int) -> None:
        answer = await self._client.post(self._url, json={"query": query, "variables": {"gtin": gtin(number)}})
        found = answer.json()
        facts = (found.get("data") or {}).get("product") or {}
        if found.get("errors") or len(facts) != FACTS or not all(fact["status"] == "OK" for fact in facts.values()):
            raise ProcessFailed(f"a question about one product was answered with {str(found)[:300]}")


def _fields(source: str) -> list[tuple[str, int]]:
    """The fields of a source, each with its position: all twenty, or a fifth of them."""
    alone = source in (_STORED[0], _LIVE[0])
    return [(f"{source}f{number}", number) for number in range(FACTS if alone else FACTS // MANY)]


def _query(sources: tuple[str, ...]) -> str:
    asked = " ".join(f"{name} {{ status source }}" for source in sources for name, _ in _fields(source))
    return f"query($gtin: String!) {{ product(by: {{gtin: $gtin}}) {{ {asked} }} }}"


def _table(source: str) -> str:
    values = ("'text ' || n", "n", "n / 4.0", "n % 2 = 0")
    fields = _fields(source)
    columns = ", ".join(f"f{number} {_KINDS[number % 4]}" for _, number in fields)
    selected = ", ".join(values[number % 4] for _, number in fields)
    keys = ", ".join(f"('{gtin(number)}', {number})" for number in range(PRODUCTS))
    return (
        f"create table {source} (id text primary key, gtin text, changed timestamptz, {columns}); "
        f"insert into {source} select 'R' || n, gtin, now(), {selected} from (values {keys}) as numbered (gtin, n)"
    )


def _map(urls: Mapping[str, str]) -> str:
    parts = ['[identity]\nkeys = ["gtin"]']
    for name, url in urls.items():
        read = "live" if name in _LIVE else "stored"
        parts.append(
            f'[sources.{name}]\ntitle = "{name}"\nconnector = "sql"\nurl = "{url}"\nfrom = "{name}"\nkey = "id"\n'
            f'updated_at = "changed"\nread = "{read}"\nidentifiers = {{ gtin = "gtin" }}\ndeadline = "5s"'
        )
        mapped = "\n".join(f'{field} = "f{number}"' for field, number in _fields(name))
        parts.append(f"[sources.{name}.fields]\n{mapped}")
    parts.append("[fields]")
    for name in urls:
        parts += [
            f'{field} = {{ type = "{_TYPES[number % 4]}", system_of_record = "{name}" }}'
            for field, number in _fields(name)
        ]
    return "\n".join(parts)
