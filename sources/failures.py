"""What can go wrong with a system, as values.

A connector raises :class:`SourceFailure`, whatever the library under it raised; the guard turns it into a
:class:`Failure`, and from there on it is a value. Each kind is typed by who must act::

    machine     it may pass by itself, Whence tries again     UNREACHABLE TIMEOUT THROTTLED
    operator    a person must change something over there      REFUSED MISSING_OBJECT GARBLED TOO_LARGE
                or in whence.toml
    developer   a defect in Whence or in a plugin              DEFECT
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum

from sources.storable import storable


class Actor(StrEnum):
    """Who must act on a failure."""

    MACHINE = "machine"
    OPERATOR = "operator"
    DEVELOPER = "developer"


class FailureKind(StrEnum):
    """What went wrong, in terms of what to do about it."""

    UNREACHABLE = "UNREACHABLE"
    """No connection: refused, reset, name unknown."""
    TIMEOUT = "TIMEOUT"
    """It did not answer within its deadline."""
    THROTTLED = "THROTTLED"
    """It asked us to come later (429, 503 with Retry-After)."""
    REFUSED = "REFUSED"
    """It does not accept our credentials, or they may not read this."""
    MISSING_OBJECT = "MISSING_OBJECT"
    """The table, sheet, file, column, path or query that whence.toml names is not there."""
    GARBLED = "GARBLED"
    """It answered something that is not what it should be: HTML, cut-off JSON, GraphQL errors."""
    TOO_LARGE = "TOO_LARGE"
    """An answer beyond a limit: bytes, rows, columns, pages."""
    DEFECT = "DEFECT"
    """An error nobody foresaw; the log has it."""

    @property
    def actor(self) -> Actor:
        """Who must act."""
        return _ACTORS[self]

    @property
    def action(self) -> str:
        """What that one should do, in one sentence."""
        return _ACTIONS[self]


_ACTORS = {
    FailureKind.UNREACHABLE: Actor.MACHINE,
    FailureKind.TIMEOUT: Actor.MACHINE,
    FailureKind.THROTTLED: Actor.MACHINE,
    FailureKind.REFUSED: Actor.OPERATOR,
    FailureKind.MISSING_OBJECT: Actor.OPERATOR,
    FailureKind.GARBLED: Actor.OPERATOR,
    FailureKind.TOO_LARGE: Actor.OPERATOR,
    FailureKind.DEFECT: Actor.DEVELOPER,
}
_ACTIONS = {
    FailureKind.UNREACHABLE: "Whence tries again by itself; if it lasts, check that the system runs and its address.",
    FailureKind.TIMEOUT: "Whence tries again by itself; if it lasts, raise its deadline or ask why the system is slow.",
    FailureKind.THROTTLED: "Whence waits as the system asked; if it lasts, sync less often.",
    FailureKind.REFUSED: "Check the credentials that whence.toml names for this source, and what they may read.",
    FailureKind.MISSING_OBJECT: "Correct the name in whence.toml, or restore what it names.",
    FailureKind.GARBLED: "Look at what the system answers; the mapping or the system must change.",
    FailureKind.TOO_LARGE: "Read smaller pages, or a narrower table, query or sheet.",
    FailureKind.DEFECT: "Report it with the log's lines about it.",
}


@dataclass(frozen=True, slots=True)
class Failure:
    """One failure of one source. ``message`` is safe to show and to keep: no secret, no traceback, no character that a
    database or a JSON writer refuses."""

    kind: FailureKind
    message: str
    retry_after: timedelta | None = None

    def __post_init__(self) -> None:
        object.__setattr__(self, "message", storable(self.message))


class SourceFailure(Exception):
    """What a connector raises; it carries the :class:`Failure` that the guard hands on."""

    def __init__(self, kind: FailureKind, message: str, retry_after: timedelta | None = None) -> None:
        super().__init__(message)
        self.failure = Failure(kind, message, retry_after)

    @classmethod
    def of(cls, failure: Failure) -> SourceFailure:
        """The exception that carries ``failure``."""
        return cls(failure.kind, failure.message, failure.retry_after)
