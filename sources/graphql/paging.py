"""The ways in which GraphQL APIs page: Relay connections, offsets, or not at all."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal, TypeAlias

from pydantic import Field

from sources.contract import Problem
from sources.declaration import Declared
from sources.failures import FailureKind
from sources.values import JSON
from sources.web.positions import counts
from sources.web.remote_records import JMESPath, Misdeclared, at, kind_of, whole_number
from sources.web.walking import Position

Size = Annotated[int, Field(ge=1, le=100_000)]


class Unpaged(Declared):
    """Everything comes at once."""

    kind: Literal["none"] = "none"
    total: JMESPath | None = None

    @property
    def records(self) -> str | None:
        """Where the list of records stands, unless the declaration says otherwise; None: nowhere in particular."""
        return None

    @property
    def variables(self) -> tuple[str, ...]:
        """The variables that page, which the query must declare."""
        return ()

    def begin(self) -> Position:
        """Where a walk begins."""
        return {"all": True}

    def accepts(self, position: Position) -> bool:
        """Whether ``position`` is one of this kind's."""
        return "all" in position

    def shifts(self, position: Position) -> bool:
        """Whether ``position`` moves when a record before it is deleted."""
        return False

    def ask(self, position: Position) -> Mapping[str, JSON]:
        """The variables that ask for the page at ``position``."""
        return {}

    def count(self, data: Mapping[str, JSON]) -> int | None:
        """How many records there are in all, where ``data`` say so."""
        return whole_number(self.total, data)

    def following(self, position: Position, data: Mapping[str, JSON], count: int, place: str) -> Position | None:
        """Where the next page begins, after one of ``count`` records in ``data``; None: there is none.

        Raises SourceFailure."""
        total = self.count(data)
        if total is not None and count < total:
            problem = Problem("paging", f"{count} of {total} records, and no next page", "write how this system pages")
            raise Misdeclared(FailureKind.GARBLED, place, problem)
        return None


class RelayPaging(Declared):
    """A Relay connection: ``first`` and ``after``, ``pageInfo { hasNextPage endCursor }``."""

    kind: Literal["relay"]
    connection: JMESPath
    """From ``data`` to the connection."""
    first: Size = 50
    first_variable: str = "first"
    after_variable: str = "after"
    total: JMESPath | None = None
    shifting: bool | None = None
    """Whether cursors count records, so that a deletion on the way moves the next page; without it, Whence judges by what
    they look like."""

    @property
    def records(self) -> str | None:
        """As :attr:`Unpaged.records`: the nodes of the connection's edges."""
        return f"{self.connection}.edges[].node"

    @property
    def variables(self) -> tuple[str, ...]:
        """As :attr:`Unpaged.variables`."""
        return self.first_variable, self.after_variable

    def begin(self) -> Position:
        """Where a walk begins."""
        return {"after": None}

    def accepts(self, position: Position) -> bool:
        """Whether ``position`` is one of this kind's."""
        return isinstance(position.get("after"), str)

    def shifts(self, position: Position) -> bool:
        """As :meth:`Unpaged.shifts`: where the cursor is a count, unless the declaration says."""
        return position["after"] is not None and (counts(position["after"]) if self.shifting is None else self.shifting)

    def ask(self, position: Position) -> Mapping[str, JSON]:
        """As :meth:`Unpaged.ask`."""
        return {self.first_variable: self.first, self.after_variable: position["after"]}

    def count(self, data: Mapping[str, JSON]) -> int | None:
        """As :meth:`Unpaged.count`."""
        return whole_number(self.total, data)

    def following(self, position: Position, data: Mapping[str, JSON], count: int, place: str) -> Position | None:
        """As :meth:`Unpaged.following`."""
        information = at(f"{self.connection}.pageInfo", data)
        more = information.get("hasNextPage") if isinstance(information, Mapping) else None
        if not isinstance(more, bool):
            raise self._wrong(place, f"{kind_of(more)} where pageInfo.hasNextPage should be")
        if not more:
            return None
        after = information.get("endCursor")
        if not isinstance(after, str) or not after:
            raise self._wrong(place, "another page, and no pageInfo.endCursor")
        return {"after": after}

    def _wrong(self, place: str, found: str) -> Misdeclared:
        instead = "write the path from `data` to the connection, and ask for pageInfo { hasNextPage endCursor }"
        return Misdeclared(FailureKind.GARBLED, place, Problem("paging.connection", found, instead))


class SkipPaging(Declared):
    """``skip`` and ``take``, until a page is empty or ``total`` is reached."""

    kind: Literal["offset"]
    list: JMESPath
    """From ``data`` to the list of records."""
    total: JMESPath | None = None
    skip_variable: str = "skip"
    take_variable: str = "take"
    size: Size = 50

    @property
    def records(self) -> str | None:
        """As :attr:`Unpaged.records`: the list."""
        return self.list

    @property
    def variables(self) -> tuple[str, ...]:
        """As :attr:`Unpaged.variables`."""
        return self.skip_variable, self.take_variable

    def begin(self) -> Position:
        """Where a walk begins."""
        return {"skip": 0}

    def accepts(self, position: Position) -> bool:
        """Whether ``position`` is one of this kind's."""
        return isinstance(position.get("skip"), int)

    def shifts(self, position: Position) -> bool:
        """As :meth:`Unpaged.shifts`: it counts records."""
        return True

    def ask(self, position: Position) -> Mapping[str, JSON]:
        """As :meth:`Unpaged.ask`."""
        return {self.skip_variable: position["skip"], self.take_variable: self.size}

    def count(self, data: Mapping[str, JSON]) -> int | None:
        """As :meth:`Unpaged.count`."""
        return whole_number(self.total, data)

    def following(self, position: Position, data: Mapping[str, JSON], count: int, place: str) -> Position | None:
        """As :meth:`Unpaged.following`. It moves on by what came, not by what was asked for; a total is not believed at a
        full page."""
        skip, total = position["skip"] + count, self.count(data)
        ended = count == 0 or (total is not None and skip >= total and count < self.size)
        return None if ended else {"skip": skip}


GraphQLPaging: TypeAlias = Annotated[Unpaged | RelayPaging | SkipPaging, Field(discriminator="kind")]
