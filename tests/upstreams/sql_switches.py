"""A database's faults as the contract suite's switches: on the wire before a server, in the file of SQLite."""

from __future__ import annotations

import sqlite3
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sources.contract import Connector
from sources.contract_suite import Fault, Switch
from tests.upstreams.wire_switches import WireSwitches

Execute = Callable[[str], Awaitable[Any]]
_AWAY = "alter table articles rename to articles_away"
_BACK = "alter table articles_away rename to articles"


@dataclass
class ServerSwitches(WireSwitches):
    """The switches of a database server: its wire, and a table that is taken away by ``execute``, which asks it directly."""

    execute: Execute
    away: bool = False

    @property
    def switches(self) -> Mapping[Fault, Sequence[Switch]]:
        """What happens on the wire, and to the table."""
        return {**super().switches, Fault.FAIL: [self._take_away]}

    async def clear(self) -> None:
        """The wire is whole, and the table there."""
        await super().clear()
        if self.away:
            self.away = False
            await self.execute(_BACK)

    async def _take_away(self) -> None:
        self.away = True
        await self.execute(_AWAY)


@dataclass
class SqliteSwitches:
    """The switches of a database in a file."""

    path: Path
    execute: Execute
    impatient: Callable[[], Connector]
    undo: list[Callable[[], Awaitable[Any] | None]] = field(default_factory=list)

    @property
    def switches(self) -> Mapping[Fault, Sequence[Switch]]:
        """What happens to the file, and what untyped columns hold."""
        return {
            Fault.HANG: [self._lock],
            Fault.FAIL: [self._take_away],
            Fault.CUT: [self._truncate],
            Fault.GARBLE: [self._overwrite],
            Fault.MISTYPE: [self._mistype],
        }

    async def clear(self) -> None:
        """The file is whole, and what was written stays."""
        while self.undo:
            done = self.undo.pop()()
            if done is not None:
                await done

    def connector(self) -> Connector:
        """An impatient one."""
        return self.impatient()

    async def _lock(self) -> None:
        holder = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
        holder.execute("begin exclusive")
        self.undo.append(holder.close)

    async def _take_away(self) -> None:
        await self.execute(_AWAY)
        self.undo.append(lambda: self.execute(_BACK))

    async def _truncate(self) -> None:
        whole = self._whole()
        self.path.write_bytes(whole[: len(whole) // 2 + 100])

    async def _overwrite(self) -> None:
        self.path.write_bytes(b"no database any more " * (len(self._whole()) // 21 + 1))

    async def _mistype(self) -> None:
        before = sqlite3.connect(self.path)
        row = before.execute("select weight, stock from articles where article_no = 'A-02'").fetchone()
        before.close()
        await self.execute("update articles set weight = '1 246 ', stock = 'yes' where article_no = 'A-02'")
        self.undo.append(
            lambda: self.execute(f"update articles set weight = {row[0]}, stock = {row[1]} where article_no = 'A-02'")
        )

    def _whole(self) -> bytes:
        whole = self.path.read_bytes()
        self.undo.append(lambda: (self.path.write_bytes(whole), None)[1])
        return whole
