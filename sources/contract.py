"""The source contract: what every system is to the rest of the house.

Two layers meet here. A **connector** knows one kind of system (SQL, files, REST, GraphQL, a plugin's) and speaks
*documents*: what a row, a line or a JSON object holds, as read. A **source** is a connector with its mapping and its
guard, and speaks *records* and *claims*. The ledger is a source without a connector.

A capability is an object or None, never a flag beside a method that throws: a system that cannot be asked by key has
``fetch = None``. Outcomes are values: ``Reading | Missing | Failed``, total over key x field, so that one system's
failure costs its own fields and no other. Exceptions stop at the guard.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple, Protocol, TypeAlias, runtime_checkable

from sources.failures import Failure
from sources.values import JSON, Value

if TYPE_CHECKING:
    from sources.statements import Stated

# ── Keys and scopes ────────────────────────────────────────────────────────────────────────────────────────────────


class RecordKey(NamedTuple):
    """Where a record stands: its system, and its own id there."""

    source: str
    id: str


class Scope(NamedTuple):
    """The locale and the channel a claim is for; None means any."""

    locale: str | None = None
    channel: str | None = None


EVERYWHERE = Scope()


class Identifier(NamedTuple):
    """An identifier as Whence compares it (a GTIN in 14 digits), and as the system wrote it."""

    scheme: str
    value: str
    raw: str


# ── Claims and records ─────────────────────────────────────────────────────────────────────────────────────────────


class Basis(StrEnum):
    """Which clock a claim's last updated comes from (GraphQL: ``LastUpdatedBasis``)."""

    SOURCE_FIELD = "SOURCE_FIELD"
    SOURCE_RECORD = "SOURCE_RECORD"
    OBSERVED = "OBSERVED"


class Claim(NamedTuple):
    """What one record says about one field, in one scope.

    ``value`` is typed by the field's definition and in the unit the system uses; None says that the system holds no
    value. ``unreadable`` says why a value that is there could not be read: that is not the same as absent, and
    ``value`` is then None. ``last_updated`` is the system's clock, ``observed_at`` ours; both aware.
    """

    field: str
    scope: Scope
    value: Value
    last_updated: datetime | None
    basis: Basis
    observed_at: datetime
    unreadable: str | None = None


class Record(NamedTuple):
    """What one source holds about one product, as mapped: its claims, names and identifiers, and the raw document."""

    key: RecordKey
    claims: tuple[Claim, ...]
    names: tuple[str, ...]
    identifiers: tuple[Identifier, ...]
    invalid_identifiers: tuple[tuple[str, str, str], ...]
    """(scheme, as written, why it is not valid) of identifiers that must not link anything."""
    updated_at: datetime | None
    observed_at: datetime
    document: Mapping[str, JSON] = MappingProxyType({})
    stated: Stated | None = None
    """What it says about what goes with what; None where its source declares no statements."""


@dataclass(frozen=True, slots=True)
class Rejected:
    """A document that is no record: where it stands, why, and the beginning of it. ``record_id`` is its key, where that
    could be read: the record that it would be is not gone."""

    place: str
    reason: str
    sample: str
    record_id: str | None = None


# ── Outcomes ───────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Reading:
    """The system answered: the record's claims about one field, one a scope, at least one."""

    claims: tuple[Claim, ...]


@dataclass(frozen=True, slots=True)
class Missing:
    """The system answered: it has no such record, or the record says nothing about the field."""


@dataclass(frozen=True, slots=True)
class Failed:
    """The system did not answer, or not sensibly."""

    failure: Failure


Outcome: TypeAlias = Reading | Missing | Failed
Outcomes: TypeAlias = Mapping[RecordKey, Mapping[str, Outcome]]
"""Total: every key asked for, and under it every field asked for."""

MISSING = Missing()


# ── Documents: what a connector reads ──────────────────────────────────────────────────────────────────────────────


PROBLEM = "_problem"


@dataclass(frozen=True, slots=True)
class Document:
    """One raw record: column or member name to value, and the place it was read from (``file.xlsx, sheet A, row 12``).

    Values are None, bool, int, Decimal (never float), str, aware or naive datetime, date, bytes, list or dict of these.
    Facts about the reading itself stand under names that begin with an underscore, such as ``_file.modified``. A
    document that could not be read whole says why under ``PROBLEM`` and is set aside.
    """

    content: Mapping[str, JSON]
    place: str


Cursor: TypeAlias = JSON
"""A connector's own note of how far it has read: small, JSON, opaque to everyone else. None is the beginning."""


@dataclass(frozen=True, slots=True)
class DocumentPage:
    """A page of documents on the way through the changes of a system.

    ``cursor`` resumes after this page. ``enumerating`` says that this page belongs to a walk over *everything* the
    system holds; on the ``last`` page of such a walk, what was not seen since it began is gone. ``last`` is True on
    exactly one page, the final one, which may be empty. ``gone`` names ids that the system itself says are deleted.
    ``total`` is how many documents the whole walk will bring, where the system says so. ``shifting`` says that the
    walk's pages are counted by position, so that a record deleted on the way can make it step over a neighbour: what
    such a walk misses is gone only when the next one misses it too.
    """

    documents: Sequence[Document]
    cursor: Cursor
    enumerating: bool
    last: bool
    gone: tuple[str, ...] = ()
    total: int | None = None
    shifting: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column, member or path that a system has, its type in the system's own words, and one value seen there."""

    name: str
    type: str = ""
    sample: str = ""


@dataclass(frozen=True, slots=True)
class Description:
    """What a system really contains, for the mapping to be checked against. ``complete`` is False where columns were
    only inferred from a first page, so that a column not listed may still exist."""

    columns: tuple[Column, ...]
    complete: bool


@dataclass(frozen=True, slots=True)
class Problem:
    """Something wrong with a declaration: where (key path), what was found, what to write instead."""

    path: str
    found: str
    instead: str


class Fetched(list[Document]):
    """What a fetch brought where the system failed for some of the keys: the documents, and those keys' failures.

    A connector that asks once a key returns it, so that one record that cannot be had costs its own fields and not its
    neighbours'. Whence asks again for keys whose failure may pass by itself."""

    def __init__(self, documents: Iterable[Document] = (), failed: Mapping[str, Failure] | None = None) -> None:
        """``failed``: key to why nothing is known of it; a key that is neither there nor here does not exist."""
        super().__init__(documents)
        self.failed: Mapping[str, Failure] = dict(failed or {})


class Fetch(Protocol):
    """Asks a system for documents by key, all keys in one call (the connector splits where the system has a limit)."""

    async def __call__(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        """Those of ``keys`` that the system has, as documents in any order; ``columns``: the top-level names needed.

        Where the system failed for some of the keys only, the answer is a :class:`Fetched`. Raises SourceFailure where
        it failed for all of them."""


class Changes(Protocol):
    """Walks through what changed since a cursor."""

    def __call__(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        """Pages from ``cursor`` (None: everything from the beginning). The iterator raises SourceFailure."""


@runtime_checkable
class Connector(Protocol):
    """One opened system of one kind. Opening connects to nothing; the first call does."""

    @property
    def fetch(self) -> Fetch | None:
        """By key, or None where the system cannot be asked by key."""

    @property
    def changes(self) -> Changes | None:
        """Changes from a cursor, or None where the system cannot be enumerated (live reads only)."""

    async def check(self) -> tuple[Problem, ...]:
        """What the system says is wrong with its declaration: a table that is not there. Raises SourceFailure when
        the system cannot be asked at all."""

    async def describe(self) -> Description:
        """The columns that are really there. Raises SourceFailure."""

    async def close(self) -> None:
        """Give back connections; the connector is not used again."""


# ── Sources: what the resolvers see ────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Page:
    """A :class:`DocumentPage` after mapping: records, and the documents that are none."""

    records: Sequence[Record]
    """Where they are :class:`sources.unread.Unread`, they say whether they have changed before they are read."""
    rejected: tuple[Rejected, ...]
    cursor: Cursor
    enumerating: bool
    last: bool
    gone: tuple[str, ...] = ()
    total: int | None = None
    shifting: bool = False


class Ask(Protocol):
    """Asks a source for some fields of some records."""

    async def __call__(self, keys: Sequence[RecordKey], fields: Collection[str]) -> Outcomes:
        """Total over keys x fields; never raises for anything the system did."""


class Follow(Protocol):
    """Follows a source's changes."""

    def __call__(self, cursor: Cursor) -> AsyncIterator[Page | Failed]:
        """Pages from ``cursor``; a ``Failed``, where it comes, is the last thing that comes."""


@runtime_checkable
class Source(Protocol):
    """A system we read, or the ledger in its place."""

    @property
    def name(self) -> str:
        """As whence.toml names it."""

    @property
    def fetch(self) -> Ask | None:
        """Live reads, or None."""

    @property
    def changes(self) -> Follow | None:
        """Sync, or None."""
