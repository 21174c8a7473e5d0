"""Telling an outage of the ledger's database from a defect: after an outage the same thing is done again."""

from __future__ import annotations

import asyncpg

_PASSING = (
    "08",  # the connection was lost
    "53",  # no connection, memory or disk left
    "57P",  # the server ends, crashed, or is starting
    "58",  # its system fails it
    "25006",  # it has become a standby
    "25P03",  # a transaction stood still for too long
    "40",  # a deadlock, or the transaction was undone for another
)
"""The beginnings of the SQLSTATEs that say nothing against the statement."""


def is_outage(error: BaseException) -> bool:
    """Whether ``error``, raised by a call to the ledger, says that its database is away, going or full, so that the same
    call may go well later. What was not committed is undone then."""
    if isinstance(error, asyncpg.PostgresError):
        return str(getattr(error, "sqlstate", None) or "").startswith(_PASSING)
    # InternalClientError is what asyncpg makes of a connection that was cut at an awkward moment.
    return isinstance(error, OSError | TimeoutError | asyncpg.InterfaceError | asyncpg.InternalClientError)
