"""A connector that keeps every rule, over a system in memory with every switch: what the mutants are made of.

The system answers bytes with a length and a checksum, as over a wire, and pages by key.
"""

from __future__ import annotations

import asyncio
import itertools
import json
import random
import zlib
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from decimal import Decimal
from functools import partial
from typing import Any

from sources.contract import Changes, Column, Cursor, Description, Document, DocumentPage, Fetch, Problem
from sources.contract_suite import Fault, Switch
from sources.failures import FailureKind, SourceFailure
from sources.values import JSON

SECRET = "hunter2-and-more"
KEYS_AT_ONCE = 100
ELSEWHERE = "elsewhere.example"


@dataclass(frozen=True, slots=True)
class Answer:
    """What the system sends."""

    body: bytes
    length: int
    checksum: int
    status: int = 200
    retry_after: int | None = None


def answer(value: JSON) -> Answer:
    return sent(json.dumps(value, default=float).encode() if not isinstance(value, bytes) else value)


def sent(body: bytes, **more: Any) -> Answer:
    return Answer(body, len(body), zlib.crc32(body), **more)


@dataclass
class MemorySystem:
    """The records, and what the system does instead of answering."""

    records: dict[str, dict[str, JSON]] = field(default_factory=dict)
    doing: tuple[Fault, int] | None = None
    asked: int = 0
    locked: bool = False

    async def ask(self, question: Mapping[str, Any]) -> Answer:
        """The answer. Raises ConnectionError."""
        self.asked += 1
        await asyncio.sleep(0)
        fault, way = self.doing or (None, 0)
        match fault:
            case Fault.REFUSE:
                raise ConnectionResetError(f"refused hunter at {SECRET}")
            case Fault.FAIL:
                return sent(SECRET.encode(), status=500)
            case Fault.THROTTLE:
                return sent(b"", status=429, retry_after=30)
            case Fault.HANG:
                await asyncio.Event().wait()
            case Fault.DRIP:
                while True:
                    await asyncio.sleep(0.01)
            case Fault.DELAY:
                await asyncio.sleep(0.05)
            case Fault.GARBLE:
                return sent([f"<html>{SECRET}</html>".encode(), b"", b'{"items": ['][way])
            case Fault.MISSHAPE:
                return answer([{"items": None}, {"items": {}}, {}, []][way])
            case Fault.OVERSIZE:
                return sent(b" " * 1_000_000)
        good = answer(self._lying(question, fault) if "keys" not in question else self._by_keys(question, fault))
        match fault:
            case Fault.CUT:
                return replace(good, body=good.body[:-3])
            case Fault.SCRAMBLE:
                return replace(good, body=good.body.replace(b"Kettle", b"Cattle").replace(b"A-0", b"B-0"))
            case _:
                return good

    def _by_keys(self, question: Mapping[str, Any], fault: Fault | None) -> JSON:
        keys = question["keys"]
        if len(keys) > KEYS_AT_ONCE:
            return {"error": f"more than {KEYS_AT_ONCE} keys"}
        wanted = {"id", *question["columns"]}
        found = [self._row(key, fault) for key in dict.fromkeys(keys) if key in self.records]
        return {"items": [{name: row[name] for name in row if name in wanted} for row in found]}

    def _lying(self, question: Mapping[str, Any], fault: Fault | None) -> JSON:
        after, size = question["after"], question["size"]
        ids = sorted(self.records)
        match fault:
            case Fault.ENDLESS:
                new = [f"E-{self.asked:06}-{number}" for number in range(size)]
                return {"items": [{"id": id_, "label": "new"} for id_ in new], "next": new[-1], "total": None}
            case Fault.REPEAT_PAGE:
                return {**self._page(ids[:size], fault), "next": ids[size - 1], "total": len(ids)}
            case Fault.REPEAT_RECORDS if after is not None:
                ids = ids[ids.index(after) :]
            case Fault.REORDER:
                ids = random.Random(self.asked).sample(ids, len(ids))
                ids = ids[ids.index(after) + 1 :] if after in ids else ids
            case _:
                ids = [id_ for id_ in ids if after is None or id_ > after]
        page, more = ids[:size], len(ids) > size
        total = 3 if fault is Fault.MISCOUNT else len(self.records)
        host = {"host": ELSEWHERE} if fault is Fault.STRAY and more else {}
        return {**self._page(page, fault), "next": page[-1] if more else None, "total": total, **host}

    def _page(self, ids: Sequence[str], fault: Fault | None) -> dict[str, JSON]:
        return {"items": [self._row(id_, fault) for id_ in ids]}

    def _row(self, id_: str, fault: Fault | None) -> dict[str, JSON]:
        lie = {"weight": "1 246 ", "stock": True} if fault is Fault.MISTYPE and id_ == "A-02" else {}
        return {"id": id_, **self.records[id_], **lie}


class MemoryConnector:
    """It keeps every rule. Mutants override a part of it."""

    size = 3
    max_pages = 100
    max_bytes = 100_000

    def __init__(self, system: MemorySystem, deadline: float = 5.0, columns: Sequence[str] = ()) -> None:
        self.system, self.deadline = system, deadline
        self.columns = columns
        """Those that its declaration names, besides the key."""

    @property
    def fetch(self) -> Fetch | None:
        return self._fetch

    @property
    def changes(self) -> Changes | None:
        return self._changes

    async def check(self) -> tuple[Problem, ...]:
        await self.page(None)
        known = {"label", "weight", "stock"}
        return tuple(
            Problem(f"fields.{name}", f"no column {name!r}", "label") for name in self.columns if name not in known
        )

    async def describe(self) -> Description:
        await self.page(None)
        return Description(tuple(Column(name) for name in ("id", "label", "weight", "stock")), complete=True)

    async def close(self) -> None:
        pass

    # ── Asking ─────────────────────────────────────────────────────────────────────────────────────────────────────

    async def ask(self, question: Mapping[str, Any]) -> Any:
        try:
            async with asyncio.timeout(self.deadline):
                return self.read(await self.system.ask(question))
        except TimeoutError:
            raise SourceFailure(FailureKind.TIMEOUT, "no answer in time") from None
        except ConnectionError:
            raise SourceFailure(FailureKind.UNREACHABLE, "the connection was lost") from None

    def read(self, answer: Answer) -> Any:
        if answer.status == 429:
            raise SourceFailure(FailureKind.THROTTLED, "later", timedelta(seconds=answer.retry_after or 0))
        if answer.status != 200:
            raise SourceFailure(FailureKind.UNREACHABLE, f"status {answer.status}")
        if len(answer.body) > self.max_bytes:
            raise SourceFailure(FailureKind.TOO_LARGE, "too many bytes")
        if (len(answer.body), zlib.crc32(answer.body)) != (answer.length, answer.checksum):
            raise SourceFailure(FailureKind.UNREACHABLE, "the answer was cut off, or changed")
        return self.parse(answer.body)

    def parse(self, body: bytes) -> Any:
        try:
            return json.loads(body, parse_float=Decimal)
        except ValueError:
            raise SourceFailure(FailureKind.GARBLED, "the answer is no JSON") from None

    def items(self, body: Any) -> list[dict[str, JSON]]:
        found = body.get("items") if isinstance(body, dict) else None
        if not isinstance(found, list):
            raise SourceFailure(FailureKind.GARBLED, "no list of records in the answer")
        return found

    def documents(self, rows: Sequence[Mapping[str, JSON]]) -> tuple[Document, ...]:
        return tuple(Document(row, f"memory, record {row['id']}") for row in rows)

    # ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────

    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        found: list[Document] = []
        asked = list(dict.fromkeys(keys))
        for start in range(0, len(asked), KEYS_AT_ONCE):
            part = asked[start : start + KEYS_AT_ONCE]
            found += self.documents(self.items(await self.ask({"keys": part, "columns": sorted(columns)})))
        return found

    async def page(self, after: str | None) -> tuple[list[dict[str, JSON]], str | None, int | None]:
        """The rows after a key, the key that the next page begins after, and the total."""
        body = await self.ask({"after": after, "size": self.size})
        rows = self.items(body)
        if body.get("host") is not None:
            raise SourceFailure(FailureKind.GARBLED, "the next page is at another system")
        ids = [row["id"] for row in rows]
        if ids != sorted(ids):
            raise SourceFailure(FailureKind.GARBLED, "the records are not in the order of their keys")
        new = [row for row in rows if after is None or row["id"] > after]
        if rows and not new:
            raise SourceFailure(FailureKind.GARBLED, "the same page again: it would go on for ever")
        return new, body["next"], body["total"]

    async def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        after, number = self.resume(cursor)
        for number in itertools.count(number + 1):  # noqa: B020
            if number > self.max_pages:
                raise SourceFailure(FailureKind.TOO_LARGE, f"more than {self.max_pages} pages")
            rows, after, total = await self.page(after)
            yield DocumentPage(self.documents(rows), self.cursor(after, number), True, last=after is None, total=total)
            if after is None:
                return

    def resume(self, cursor: Cursor) -> tuple[str | None, int]:
        match cursor:
            case {"after": str(after), "number": int(number)}:
                return after, number
            case _:
                return None, 0

    def cursor(self, after: str | None, number: int) -> Cursor:
        return None if after is None else {"after": after, "number": number}


@dataclass
class MemoryFaults:
    """The switches of a system in memory."""

    upstream: MemoryUpstream

    @property
    def switches(self) -> Mapping[Fault, Sequence[Switch]]:
        ways = {Fault.GARBLE: 3, Fault.MISSHAPE: 4}
        return {fault: [partial(self._do, fault, way) for way in range(ways.get(fault, 1))] for fault in Fault}

    async def _do(self, fault: Fault, way: int) -> None:
        self.upstream.system.doing = fault, way

    async def clear(self) -> None:
        self.upstream.system.doing = None

    def connector(self) -> MemoryConnector:
        return self.upstream.kind(self.upstream.system, 0.05)


@dataclass
class MemoryUpstream:
    """The upstream of the contract suite, over a class of connectors."""

    kind: type[MemoryConnector] = MemoryConnector
    system: MemorySystem = field(default_factory=MemorySystem)
    key: str = "id"
    secrets: Sequence[str] = (SECRET,)

    @property
    def faults(self) -> MemoryFaults:
        return MemoryFaults(self)

    def connector(self) -> MemoryConnector:
        return self.kind(self.system)

    def misdeclared(self) -> Sequence[MemoryConnector]:
        return [self.kind(self.system, columns=["wieght"]), self.kind(self.system, columns=["label", "stok"])]

    def dead(self) -> Sequence[MemoryConnector]:
        return [self.kind(MemorySystem(doing=(fault, 0)), 0.05) for fault in (Fault.REFUSE, Fault.HANG, Fault.GARBLE)]

    async def put(self, id_: str, values: Mapping[str, JSON], /) -> None:
        if self.system.locked:
            raise PermissionError("somebody holds a lock")
        self.system.records[id_] = {name: value for name, value in values.items() if value is not None}

    async def remove(self, id_: str, /) -> None:
        del self.system.records[id_]
