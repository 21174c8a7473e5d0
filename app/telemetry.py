"""Structured logs: one line an event, from us, uvicorn and the libraries alike, with secrets taken out of all of them.

Everything goes through the standard library's root logger and one handler, whose formatter redacts last: there is no
other way to the output. Lines are JSON, or coloured text where a person looks.
"""

from __future__ import annotations

import logging
import sys
from collections.abc import Collection
from contextlib import nullcontext
from datetime import UTC, datetime
from typing import IO, Any

import structlog
from structlog.typing import EventDict, Processor, WrappedLogger

from app.redaction import Redactor
from app.strictjson import dumps

UVICORN_LOGS: dict[str, Any] = {"log_config": None, "access_log": False}
"""What ``uvicorn.Config`` is given so that its logs come here; the access lines are ours (``app.access``)."""

_TOO_TALKATIVE = ("httpx2", "httpcore2", "asyncio", "aiosqlite", "asyncmy", "alembic", "uvicorn.error", "uvicorn")
_handler: logging.Handler | None = None
_quick: _QuickLines | None = None


class _QuickLines:
    """Lines that are written without logging's machinery, which takes ten times as long as what they are written for."""

    def __init__(self, handler: logging.StreamHandler[Any], redactor: Redactor, processors: list[Processor]) -> None:
        self._handler = handler
        self._redactor = redactor
        self._processors = processors
        self._first = processors[0]

    def write(self, event: str, logger: str, about: EventDict) -> bool:
        """Whether the line was written; it is not where anything else listens: tests, another handler, a higher level."""
        root = logging.getLogger()
        if (
            root.handlers != [self._handler]
            or not logging.getLogger(logger).isEnabledFor(logging.INFO)
            or structlog.get_config()["processors"] is not self._processors
            or not self._processors
            or self._processors[0] is not self._first
        ):
            return False
        context = structlog.contextvars.get_contextvars()
        timestamp = datetime.now(UTC).isoformat().replace("+00:00", "Z")
        redact = self._redactor.text
        line = {
            name: redact(value) if isinstance(value, str) else value
            for name, value in {**about, **context}.items()
            if value is None or isinstance(value, str | int | float)
        }
        line |= {"event": event, "level": "info", "logger": logger, "timestamp": timestamp}
        text = _json_line(None, "info", line)
        with self._handler.lock or nullcontext():
            try:
                self._handler.stream.write(f"{text}\n")
                self._handler.flush()
            except Exception:  # as logging does it: what cannot be written stops nothing
                self._handler.handleError(logging.LogRecord(logger, logging.INFO, "", 0, event, None, None))
        return True


def write_line(event: str, logger: str, about: EventDict) -> bool:
    """Write an INFO line with ``about`` (texts and numbers, under names of our own) and what ``structlog.contextvars`` holds,
    redacted as all lines are; whether that was done: if not, log it the usual way. For lines that come with every request."""
    return _quick is not None and _quick.write(event, logger, about)


def configure_logging(
    *,
    json_lines: bool | None = None,
    level: str | int = "INFO",
    secrets: Collection[str] = (),
    stream: IO[str] | None = None,
) -> Redactor:
    """Set up logging for the process; called again, it replaces what it set up before.

    ``json_lines`` None decides by whether ``stream`` (default: stderr) is a terminal. Returns the redactor, which
    learns secrets that become known later, and which the endpoint uses for messages to clients."""
    global _handler, _quick
    stream = stream or sys.stderr
    redactor = Redactor(secrets)
    if json_lines is None:
        json_lines = not stream.isatty()
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    processors: list[Processor] = [
        structlog.stdlib.filter_by_level,
        *shared,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.StackInfoRenderer(),
        structlog.stdlib.ProcessorFormatter.wrap_for_formatter,
    ]
    structlog.configure(
        processors=processors,
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        cache_logger_on_first_use=False,  # so that loggers made before this call follow it
    )

    def redact(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
        redacted: EventDict = redactor.value(dict(event))
        return redacted

    rendering: list[Processor] = [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        _drop_color_message,
        structlog.processors.format_exc_info,  # before redaction: a traceback is a text like any other
        redact,
        _json_line if json_lines else structlog.dev.ConsoleRenderer(colors=stream.isatty()),
    ]
    handler = logging.StreamHandler(stream)
    handler.setFormatter(structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared, processors=rendering))
    root = logging.getLogger()
    if _handler is not None:
        root.removeHandler(_handler)
    root.addHandler(handler)
    root.setLevel(level)
    _handler = handler
    _quick = _QuickLines(handler, redactor, processors) if json_lines else None
    for name in ("uvicorn", "uvicorn.error", "uvicorn.access", "uvicorn.asgi"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True
    for name in _TOO_TALKATIVE:  # their INFO lines carry addresses and say nothing that our own do not
        logging.getLogger(name).setLevel(logging.WARNING)
    return redactor


def _drop_color_message(_: WrappedLogger, __: str, event: EventDict) -> EventDict:
    event.pop("color_message", None)  # uvicorn's second copy of its own line
    return event


def _json_line(_: WrappedLogger, __: str, event: EventDict) -> str:
    try:
        return dumps(event).decode()
    except TypeError:  # a lone surrogate or a huge integer: written all the same, as text
        return dumps({"level": event.get("level"), "event": ascii(event)}).decode()
