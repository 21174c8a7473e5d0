"""Reading a page's parameters from a request, as Brewster's web systems do it."""

from __future__ import annotations

from starlette.requests import Request


class Refused(ValueError):
    """A parameter that makes no sense; the text says what to send."""


def number_parameter(request: Request, name: str, default: int, *, least: int = 0, most: int = 1_000_000) -> int:
    """The whole number that the query parameter ``name`` holds, capped at ``most``. Raises Refused."""
    text = request.query_params.get(name, str(default))
    if not (text.isascii() and text.isdigit() and len(text) <= 9) or int(text) < least:
        raise Refused(f"{name} is a whole number from {least} on")
    return min(int(text), most)
