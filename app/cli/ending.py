"""How a command ends: its exit code, and one sentence on standard error where it was not well."""

from __future__ import annotations

import logging
import secrets
from enum import IntEnum


class ExitCode(IntEnum):
    """What the exit codes mean."""

    FINE = 0
    FAILED = 1
    CONFIGURATION = 2
    PREREQUISITE = 3
    INTERRUPTED = 130


EXIT_CODES = (
    "Exit codes: 0 fine · 1 what was asked for failed or was not found, or a source failed · 2 the configuration or "
    "the call is wrong, and nothing was started · 3 something it needs is missing (the database, a free port, the "
    "programs of PostgreSQL, the running demo) · 130 Ctrl-C."
)


class Ended(Exception):
    """The command ends here, with this exit code; ``message`` says what was found and what to do instead."""

    def __init__(self, code: ExitCode, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


def explain(error: Exception) -> Ended:
    """What an error means to the person who called. One that nobody foresaw goes to the log, under an id."""
    # Here and not above: most commands end well, and some need none of this.
    import asyncpg

    from app.demo.launch import DemoError
    from resolvers.map_file import MapError
    from sources.ledger.database import LedgerUnusable
    from sources.ledger.server import ServerError

    match error:
        case Ended():
            return error
        case MapError():
            return Ended(ExitCode.CONFIGURATION, told(error))
        case ServerError() | LedgerUnusable() | DemoError():
            return Ended(ExitCode.PREREQUISITE, _sentence(str(error)))
        case asyncpg.PostgresError() | asyncpg.InterfaceError() | ConnectionError():
            _log(error, "the ledger")
            return Ended(
                ExitCode.PREREQUISITE,
                f"The ledger's database went away ({type(error).__name__}): was the Whence that keeps it stopped? "
                "Try again; with --verbose the details are shown.",
            )
        case _:
            incident = secrets.token_hex(4)
            _log(error, incident)
            return Ended(
                ExitCode.FAILED,
                f"Something went wrong that nobody foresaw ({type(error).__name__}, incident {incident}). The log has "
                "the details; a command other than serve writes one with --verbose.",
            )


def told(error: Exception) -> str:
    """All mistakes of a MapError, each on lines of its own."""
    from resolvers.map_file import MapError

    assert isinstance(error, MapError)
    count = f"{len(error.mistakes)} mistakes" if len(error.mistakes) > 1 else "1 mistake"
    lines = [f"{error.place} has {count}. Nothing was started."]
    for mistake in error.mistakes:
        lines += ["", f"  {mistake.path}", f"      found    {mistake.found}", f"      instead  {mistake.instead}"]
    return "\n".join(lines)


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:].rstrip(".") + "."


def _log(error: Exception, incident: str) -> None:
    logging.getLogger("whence.cli").error("incident %s", incident, exc_info=error)
