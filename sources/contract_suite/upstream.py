"""What a plugin's author gives the suite: a real system, and a connector to it.

Only :class:`Upstream` is needed. What a system besides lets the suite check more: :class:`Writable`, where records can
be put and removed, or :class:`Known`, where they cannot but are known; :class:`Faulty`, where it can be made to fail.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from enum import StrEnum
from typing import Protocol, runtime_checkable

from sources.contract import Connector, Source
from sources.values import JSON


class Upstream(Protocol):
    """A real system under test.

    Its records have four columns: the key, and ``label`` (text), ``weight`` (a decimal number), ``stock`` (a whole
    number); a clock of its own besides, if it likes, that it moves at every ``put``. Where the page's size can be
    chosen, its connectors read three records a page. A system that calls the three something else has an attribute
    ``columns`` besides: a mapping from the suite's names to their paths in a document.
    """

    @property
    def key(self) -> str:
        """The column of the id."""

    @property
    def secrets(self) -> Sequence[str]:
        """What no message may hold: the password of the connection, say."""

    def connector(self) -> Connector:
        """A new one, opened and rightly declared. The suite closes it."""

    def misdeclared(self) -> Sequence[Connector]:
        """New ones, each with one mistake in its declaration that the system can name: a table, a column."""

    def dead(self) -> Sequence[Connector]:
        """New ones, to systems that cannot be read: nothing listens, nothing answers, the file is not there. Their
        deadlines are short enough for every call to fail within 10 seconds."""


@runtime_checkable
class Writable(Protocol):
    """An upstream that the suite may write to. It is empty when a rule begins."""

    async def put(self, id_: str, values: Mapping[str, JSON], /) -> None:
        """Adds the record, or replaces it; numbers come as Decimal or int, a column left out or None is empty."""

    async def remove(self, id_: str, /) -> None:
        """Deletes the record."""


@runtime_checkable
class Known(Protocol):
    """An upstream that nobody writes to while the suite runs, whose records are known."""

    @property
    def records(self) -> Mapping[str, Mapping[str, JSON]]:
        """All its records by id, each with some of its columns as they must be read; more than one page of them."""


class Fault(StrEnum):
    """What a system can do to whoever reads it."""

    # It does not answer, or not all of it.
    REFUSE = "refuses the connection, or drops it"
    FAIL = "says that it is broken (status 500)"
    THROTTLE = "asks to be asked again in 30 seconds"
    HANG = "takes the question and never answers"
    DRIP = "answers a byte at a time and never ends"
    DELAY = "answers well, a little late"
    CUT = "breaks off in the middle of an answer"
    SCRAMBLE = "changes bytes of an answer on its way"
    # It answers something else.
    GARBLE = "answers what is no answer: HTML, half of something, nothing"
    MISSHAPE = "answers a null, an object or nothing where the list of records should be"
    OVERSIZE = "answers far more than anyone should read"
    # It answers well and lies.
    ENDLESS = "has always another page of new records"
    REPEAT_PAGE = "gives the first page again and again, and always names a next one"
    REPEAT_RECORDS = "gives the last record of a page again on the next"
    REORDER = "gives the records in another order at every page"
    MISTYPE = "holds, of A-02, the text '1 246 ' as its weight, and true or a word as its stock"
    MISCOUNT = "says a total that is less than it has"
    STRAY = "says that the next page is at another system"


Switch = Callable[[], Awaitable[None]]
"""Makes the system behave so, until ``clear``."""


class Faults(Protocol):
    """The switches of a system under test."""

    @property
    def switches(self) -> Mapping[Fault, Sequence[Switch]]:
        """What the system can be made to do, and the ways in which it does. What is not in it does not apply."""

    async def clear(self) -> None:
        """The system works again, and holds what it held."""

    def connector(self) -> Connector:
        """A new one as the upstream's, but impatient and narrow: its deadline is 50 ms or so, and it takes at most
        some fifty pages and some hundred kilobytes an answer."""


@runtime_checkable
class Faulty(Protocol):
    """An upstream that can be made to fail."""

    @property
    def faults(self) -> Faults:
        """The switches."""


class SourceUpstream(Protocol):
    """A system under test as the resolvers see it: a :class:`sources.contract.Source`, empty at first.

    The source has four fields: ``label`` (text), ``weight`` (number), ``stock`` (integer), and ``misread`` (integer),
    which is mapped to the same text as ``label`` and so cannot be read wherever there is one.
    """

    @property
    def name(self) -> str:
        """The source that the keys of its records name."""

    @property
    def secrets(self) -> Sequence[str]:
        """What no message may hold."""

    def source(self) -> AbstractAsyncContextManager[Source]:
        """A new one, closed at the end of its context."""

    def dead(self) -> Sequence[AbstractAsyncContextManager[Source]]:
        """New ones, to systems that cannot be read, which must say so within 30 seconds."""

    async def put(self, id_: str, values: Mapping[str, JSON], /) -> None:
        """Adds the record, or replaces it; the source knows of it when this returns."""

    async def remove(self, id_: str, /) -> None:
        """Deletes the record; the source knows of it when this returns."""
