"""What the company's system over HTTP holds, and how it behaves; REST and GraphQL say the same of it."""

from __future__ import annotations

import base64
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

TOKEN = "tok-4f9c2a71d0"
PASSWORD = "pa55-word-9c1e"
MAX_SIZE = 100
START = datetime(2026, 3, 1, 12, 0, tzinfo=UTC)


@dataclass
class Asked:
    """A request that came: its path, parameters and headers."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]


@dataclass
class Shop:
    """What the system holds, and how it behaves."""

    records: dict[str, dict[str, Any]] = field(default_factory=dict)
    auth: str = ""
    """Empty, ``bearer``, ``header`` or ``basic``: what it asks for."""
    knows: Callable[[str], bool] | None = None
    """Where it is set: who is let in, by the Authorization header."""
    cap: int = MAX_SIZE
    """At most so many a page, whatever is asked for."""
    repeats: bool = False
    """It does not know the paging parameters: every page is the first, and every page has a next."""
    endless: bool = False
    """There is always another page with new records."""
    ignores_ids: bool = False
    foreign_next: str = ""
    """An address that the next page is said to have."""
    doubles: bool = False
    """The last record of a page comes again on the next."""
    shuffles: bool = False
    """Every page is cut from another order."""
    miscounts: bool = False
    """It says that there are three records, however many there are."""
    mistypes: str = ""
    """The record of that key has a text with blanks as its weight, and true as its stock."""
    nulls: bool = False
    """Lists hold a null besides."""
    asked: list[Asked] = field(default_factory=list)
    graphql_errors: list[dict[str, Any]] = field(default_factory=list)
    """Errors that come besides the data."""
    ticks: int = 0

    def put(self, key: str, values: Mapping[str, Any]) -> None:
        """Adds or replaces a record; its clock moves."""
        self.ticks += 1
        moment = START + timedelta(minutes=self.ticks)
        self.records.pop(key, None)
        self.records[key] = {"id": key, **values, "updatedAt": _text(moment)}

    def remove(self, key: str) -> None:
        """Deletes a record."""
        self.records.pop(key, None)

    def row(self, key: str) -> dict[str, Any]:
        """The record of ``key``."""
        return {**self.records[key], **({"weight": "1 246 ", "stock": True} if key == self.mistypes else {})}

    def rows(self, since: str | None = None) -> list[dict[str, Any]]:
        """The records, by key; those changed at or after ``since``."""
        rows = [self.row(key) for key in sorted(self.records)]
        if since is None:
            return rows
        bound = datetime.fromisoformat(since)
        return [row for row in rows if datetime.fromisoformat(row["updatedAt"]) >= bound]

    def page(self, rows: Sequence[dict[str, Any]], start: int, size: int) -> list[dict[str, Any]]:
        """Those of ``rows`` from ``start`` on, as a page has them."""
        size = min(size, self.cap)
        if self.endless:
            return [
                {"id": f"E-{number}", "label": "new", "updatedAt": _text(START)}
                for number in range(start, start + size)
            ]
        if self.repeats:
            start = 0
        if self.shuffles:
            rows = random.Random(len(self.asked)).sample(rows, len(rows))
        return list(rows[max(start - self.doubles, 0) : start + size])

    def more(self, rows: Sequence[dict[str, Any]], following: int) -> bool:
        """Whether it says that there is a page that begins at ``following``."""
        return following < len(rows) or self.endless or self.repeats

    def total(self, rows: Sequence[dict[str, Any]]) -> int:
        """How many it says there are."""
        return 3 if self.miscounts else len(rows) + 1000 * (self.repeats or self.endless)

    def lets_in(self, headers: Mapping[str, str]) -> bool:
        """Whether the request's credentials are right."""
        if self.knows is not None:
            return self.knows(headers.get("authorization", ""))
        basic = base64.b64encode(f"whence:{PASSWORD}".encode()).decode()
        match self.auth:
            case "bearer":
                return headers.get("authorization") == f"Bearer {TOKEN}"
            case "header":
                return headers.get("x-api-key") == TOKEN
            case "basic":
                return headers.get("authorization") == f"Basic {basic}"
            case _:
                return True


def _text(moment: datetime) -> str:
    return moment.isoformat().replace("+00:00", "Z")
