"""What the company's system over HTTP holds, and how it behaves; REST and GraphQL say the same of it."""

from __future__ import annotations

import base64
from collections.abc import Mapping
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
    cap: int = MAX_SIZE
    """At most so many a page, whatever is asked for."""
    repeats: bool = False
    """It does not know the paging parameters: every page is the first, and every page has a next."""
    endless: bool = False
    """There is always another page with new records."""
    ignores_ids: bool = False
    foreign_next: str = ""
    """An address that the next page is said to have."""
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
        self.records[key] = {"id": key, **values, "updatedAt": moment.isoformat().replace("+00:00", "Z")}

    def remove(self, key: str) -> None:
        """Deletes a record."""
        self.records.pop(key, None)

    def rows(self, since: str | None = None) -> list[dict[str, Any]]:
        """The records, by key; those changed at or after ``since``."""
        rows = [self.records[key] for key in sorted(self.records)]
        if since is None:
            return rows
        bound = datetime.fromisoformat(since)
        return [row for row in rows if datetime.fromisoformat(row["updatedAt"]) >= bound]

    def lets_in(self, headers: Mapping[str, str]) -> bool:
        """Whether the request's credentials are right."""
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
