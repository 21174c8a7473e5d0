"""Whether the process lives (``/healthz``) and whether it can answer (``/readyz``)."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import structlog
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from app.strictjson import dumps

CHECK_SECONDS = 1.0
"""How long one check may take."""
RETRY_SECONDS = 2
"""When to ask again, where something is not ready."""

Check = Callable[[], Awaitable[None]]
"""Returns when what it checks is ready; raises otherwise. It uses a connection of its own, never one of the pool's: a
pool that is busy is not a database that is down."""

log = structlog.stdlib.get_logger("whence.health")


class NotReady(Exception):
    """What a check raises with a reason that is safe to show; of any other exception only the log has the text."""


def health_routes(
    checks: Mapping[str, Check], *, limit: float = CHECK_SECONDS, notes: Callable[[], Mapping[str, str]] = dict
) -> list[Route]:
    """``/healthz``: 200 as long as the process runs its loop. ``/readyz``: 200, or 503 naming what is not ready.

    ``checks`` by the name they are shown under; each takes ``limit`` seconds at most, all at once. ``notes`` are shown
    beside them: what somebody should look at though the process can answer."""
    readiness = _Readiness(checks, limit)

    async def healthz(_: Request) -> Response:
        return _respond(200, {"status": "alive"})

    async def readyz(_: Request) -> Response:
        found = await readiness.ask()
        missing = [name for name, reason in found.items() if reason is not None]
        shown = {name: reason or "ready" for name, reason in found.items()}
        noted = {"notes": dict(told)} if (told := notes()) else {}
        if missing:
            answer = {"status": "not ready", "notReady": missing, "checks": shown, **noted}
            return _respond(503, answer, {"Retry-After": str(RETRY_SECONDS)})
        return _respond(200, {"status": "ready", "checks": shown, **noted})

    return [Route("/healthz", healthz, methods=["GET"]), Route("/readyz", readyz, methods=["GET"])]


class _Readiness:
    """Runs the checks once for all who ask at the same time, so that probes of a hung system do not pile up."""

    def __init__(self, checks: Mapping[str, Check], limit: float) -> None:
        self._checks = dict(checks)
        self._limit = limit
        self._asking: asyncio.Task[dict[str, str | None]] | None = None

    async def ask(self) -> dict[str, str | None]:
        """By check: None if ready, else why not."""
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._run())
        return await asyncio.shield(self._asking)

    async def _run(self) -> dict[str, str | None]:
        async def run(check: Check) -> None:
            await check()

        tasks = {name: asyncio.create_task(run(check)) for name, check in self._checks.items()}
        if tasks:
            await asyncio.wait(tasks.values(), timeout=self._limit)
        return {name: self._reason(name, task) for name, task in tasks.items()}

    def _reason(self, name: str, task: asyncio.Task[None]) -> str | None:
        if not task.done():
            task.cancel()
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
            return f"no answer within {self._limit:g} s"
        if task.cancelled():
            return "cancelled"
        error = task.exception()
        if error is None:
            return None
        if isinstance(error, NotReady):
            return str(error)
        log.warning("not ready", check=name, exc_info=error)
        return "failed; the log says why"


def _respond(status: int, answer: Mapping[str, object], headers: Mapping[str, str] | None = None) -> Response:
    return Response(
        dumps(answer),
        status,
        {"Content-Type": "application/json", "Cache-Control": "no-store", **(headers or {})},
    )
