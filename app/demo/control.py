"""The demo's control: an HTTP interface, for this machine and those who hold its token, that stops, starts, slows and
garbles the company's systems."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp

from app.demo.gate import Condition
from app.demo.shelf import Immovable
from app.demo.systems.web import Guarded
from sources.durations import parse_duration

ACTIONS = ("start", "stop", "slow", "garble")
LONGEST_SECONDS = 600.0


class Controllable(Protocol):
    """A gate or a shelf."""

    name: str
    condition: Condition
    delay: float

    async def start(self) -> None:
        """Make it well again."""

    async def stop(self) -> None:
        """Make it unreachable."""

    async def slow(self, seconds: float) -> None:
        """Make every answer late. Raises Immovable where that cannot be."""

    async def garble(self) -> None:
        """Make it answer nonsense."""

    def close(self) -> None:
        """Give back what it holds."""


def application(systems: Mapping[str, Controllable], titles: Mapping[str, str], token: str) -> ASGIApp:
    """``GET /systems`` and ``POST /systems/{name}/{action}`` (``?delay=3s`` for ``slow``); both say how it is now."""
    one_at_a_time = asyncio.Lock()

    def state(name: str) -> dict[str, object]:
        system = systems[name]
        return {"name": name, "title": titles[name], "condition": system.condition, "delaySeconds": system.delay}

    async def status(_: Request) -> Response:
        return JSONResponse({"systems": [state(name) for name in systems]})

    async def act(request: Request) -> Response:
        name, action = request.path_params["name"], request.path_params["action"]
        if name not in systems:
            return _refusal(404, f"there is no system {name!r}; the demo has {', '.join(systems)}")
        if action not in ACTIONS:
            return _refusal(404, f"{action!r} cannot be done; write {', '.join(ACTIONS)}")
        system = systems[name]
        try:
            async with one_at_a_time:
                if action == "slow":
                    await system.slow(_seconds(request.query_params.get("delay", "")))
                elif action == "stop":
                    await system.stop()
                elif action == "garble":
                    await system.garble()
                else:
                    await system.start()
        except (Immovable, ValueError) as error:
            return _refusal(409 if isinstance(error, Immovable) else 400, str(error))
        except OSError as error:
            return _refusal(500, f"{name} could not be changed: {error.strerror or error}")
        return JSONResponse(state(name))

    routes = [Route("/systems", status), Route("/systems/{name}/{action}", act, methods=["POST"])]
    return Guarded(Starlette(routes=routes), "authorization", f"Bearer {token}", "Bearer")


def _seconds(text: str) -> float:
    seconds = parse_duration(text).total_seconds()
    if not 0 < seconds <= LONGEST_SECONDS:
        raise ValueError(f"write a delay above 0 and of at most {LONGEST_SECONDS:.0f}s, such as 3s")
    return seconds


def _refusal(status: int, text: str) -> JSONResponse:
    return JSONResponse({"error": text}, status_code=status)
