"""The ways in which REST systems page: by number, by offset, by cursor, by link, or not at all."""

from __future__ import annotations

from decimal import Decimal
from typing import Annotated, Any, Literal, TypeAlias
from urllib.parse import urljoin

from pydantic import Field

from sources.contract import Problem
from sources.declaration import Declared
from sources.failures import FailureKind
from sources.web.positions import address_counts, counts
from sources.web.remote_records import JMESPath, Misdeclared, at, kind_of
from sources.web.transport import Answer
from sources.web.walking import Position

Size = Annotated[int, Field(ge=1, le=100_000)]


class NoPaging(Declared):
    """Everything comes at once."""

    kind: Literal["none"] = "none"

    def first(self) -> Position:
        """Where a walk begins."""
        return {"all": True}

    def accepts(self, position: Position) -> bool:
        """Whether ``position`` is one of this kind's."""
        return "all" in position

    def shifts(self, position: Position) -> bool:
        """Whether ``position`` moves when a record before it is deleted."""
        return False

    def request(self, url: str, position: Position) -> tuple[str, dict[str, str], bool]:
        """Where to ask for the page at ``position``: the address, the parameters that page, and whether the declared
        parameters are to be added."""
        return url, {}, True

    def following(self, position: Position, answer: Answer, url: str, count: int, total: int | None) -> Position | None:
        """Where the next page begins, after one of ``count`` records that ``url`` answered; None: there is none.

        Raises SourceFailure."""
        return None


class PagePaging(Declared):
    """``?page=3&per_page=50``, until a page is empty or ``total`` is reached."""

    kind: Literal["page"]
    param: str = "page"
    size_param: str = "per_page"
    """Empty: the size is not ours to choose."""
    size: Size = 50
    start: Annotated[int, Field(ge=0, le=1)] = 1

    def first(self) -> Position:
        """Where a walk begins."""
        return {"page": self.start, "seen": 0}

    def accepts(self, position: Position) -> bool:
        """Whether ``position`` is one of this kind's."""
        return isinstance(position.get("page"), int) and isinstance(position.get("seen"), int)

    def shifts(self, position: Position) -> bool:
        """As :meth:`NoPaging.shifts`: it counts pages."""
        return True

    def request(self, url: str, position: Position) -> tuple[str, dict[str, str], bool]:
        """As :meth:`NoPaging.request`."""
        return url, {self.param: str(position["page"]), **_sized(self.size_param, self.size)}, True

    def following(self, position: Position, answer: Answer, url: str, count: int, total: int | None) -> Position | None:
        """As :meth:`NoPaging.following`. A short page is not taken for the last: some systems filter after they page,
        and some give fewer than they were asked for. Nor is a total believed at a full page."""
        seen = position["seen"] + count
        if count == 0 or (total is not None and seen >= total and count < self.size):
            return None
        return {"page": position["page"] + 1, "seen": seen}


class OffsetPaging(Declared):
    """``?offset=100&limit=50``, until a page is empty or ``total`` is reached."""

    kind: Literal["offset"]
    param: str = "offset"
    size_param: str = "limit"
    """Empty: the size is not ours to choose."""
    size: Size = 50

    def first(self) -> Position:
        """Where a walk begins."""
        return {"offset": 0}

    def accepts(self, position: Position) -> bool:
        """Whether ``position`` is one of this kind's."""
        return isinstance(position.get("offset"), int)

    def shifts(self, position: Position) -> bool:
        """As :meth:`NoPaging.shifts`: it counts records."""
        return True

    def request(self, url: str, position: Position) -> tuple[str, dict[str, str], bool]:
        """As :meth:`NoPaging.request`."""
        return url, {self.param: str(position["offset"]), **_sized(self.size_param, self.size)}, True

    def following(self, position: Position, answer: Answer, url: str, count: int, total: int | None) -> Position | None:
        """As :meth:`NoPaging.following`. It moves on by what came, not by what was asked for; a total is not believed at
        a full page."""
        offset = position["offset"] + count
        ended = count == 0 or (total is not None and offset >= total and count < self.size)
        return None if ended else {"offset": offset}


class CursorPaging(Declared):
    """``?after=CURSOR``, with the next cursor in the answer's body."""

    kind: Literal["cursor"]
    param: str = "after"
    next: JMESPath
    """Where the next cursor stands in the body; null, false or an empty text there ends the walk."""
    size_param: str = ""
    size: Size = 50
    shifting: bool | None = None
    """Whether the system counts records to find the next page, so that a deletion on the way moves it; without it, Whence
    judges by what it looks like."""

    def first(self) -> Position:
        """Where a walk begins."""
        return {"after": None}

    def accepts(self, position: Position) -> bool:
        """Whether ``position`` is one of this kind's."""
        return isinstance(position.get("after"), str)

    def shifts(self, position: Position) -> bool:
        """As :meth:`NoPaging.shifts`: where the cursor is a count, unless the declaration says."""
        return position["after"] is not None and (counts(position["after"]) if self.shifting is None else self.shifting)

    def request(self, url: str, position: Position) -> tuple[str, dict[str, str], bool]:
        """As :meth:`NoPaging.request`."""
        after = {self.param: position["after"]} if position["after"] is not None else {}
        return url, {**after, **_sized(self.size_param, self.size)}, True

    def following(self, position: Position, answer: Answer, url: str, count: int, total: int | None) -> Position | None:
        """As :meth:`NoPaging.following`."""
        after = _scalar(at(self.next, answer.body), url)
        return {"after": after} if after else None


class LinkPaging(Declared):
    """The answer names the next page's address: in a ``Link`` header with ``rel="next"``, or in its body."""

    kind: Literal["link"]
    next: JMESPath | None = None
    """Where the next address stands in the body; without it, the header says it."""
    size_param: str = ""
    size: Size = 50
    shifting: bool | None = None
    """Whether the system counts records to find the next page, so that a deletion on the way moves it; without it, Whence
    judges by what it looks like."""

    def first(self) -> Position:
        """Where a walk begins."""
        return {"url": None}

    def accepts(self, position: Position) -> bool:
        """Whether ``position`` is one of this kind's."""
        return isinstance(position.get("url"), str)

    def shifts(self, position: Position) -> bool:
        """As :meth:`NoPaging.shifts`: unless the address holds a cursor, or the declaration says."""
        return position["url"] is not None and (
            address_counts(position["url"]) if self.shifting is None else self.shifting
        )

    def request(self, url: str, position: Position) -> tuple[str, dict[str, str], bool]:
        """As :meth:`NoPaging.request`. An address that the system gave holds all parameters already."""
        if position["url"] is not None:
            return position["url"], {}, False
        return url, _sized(self.size_param, self.size), True

    def following(self, position: Position, answer: Answer, url: str, count: int, total: int | None) -> Position | None:
        """As :meth:`NoPaging.following`."""
        if self.next is None:
            return {"url": answer.next_url} if answer.next_url else None
        found = _scalar(at(self.next, answer.body), url)
        return {"url": urljoin(url, found)} if found else None


Paging: TypeAlias = Annotated[
    NoPaging | PagePaging | OffsetPaging | CursorPaging | LinkPaging, Field(discriminator="kind")
]


def _sized(param: str, size: int) -> dict[str, str]:
    return {param: str(size)} if param else {}


def _scalar(found: Any, url: str) -> str:
    """The cursor or address that was found, empty for none."""
    if found is None or found is False:
        return ""
    if isinstance(found, str):
        return found
    if isinstance(found, int | Decimal) and not isinstance(found, bool):
        return str(found)
    raise Misdeclared(
        FailureKind.GARBLED,
        url.partition("?")[0],
        Problem("paging.next", f"{kind_of(found)} where the next page should be named", "write the JMESPath to a text"),
    )
