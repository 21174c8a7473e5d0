"""What one request to the GraphQL API may take: ``[limits]`` in whence.toml, and of one audience ``[audiences.X.limits]``.

The defaults are wide enough for every page that a person has written a query for, and tight enough that the worst request
within them costs some tens of milliseconds before anything runs.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated

from pydantic import Field

from sources.declaration import Declared
from sources.durations import Duration


@dataclass(frozen=True, slots=True)
class RequestLimits:
    """The most that one request may have."""

    body_bytes: int = 256 * 1024
    deadline: float = 10.0
    """Seconds, from the first byte of the body to the answer."""
    document_length: int = 32_000
    """Characters of a document, comments and spaces included."""
    tokens: int = 2000
    """Names, numbers, texts and punctuators of a document."""
    definitions: int = 100
    """Operations and fragments of a document."""
    comparisons: int = 5000
    """Pairs of fields that would share a name in the answer: telling whether they can costs the square of their number."""
    values: int = 5000
    """Values in the body, nested ones included: those of variables, above all."""
    depth: int = 12
    root_fields: int = 20
    aliases: int = 30
    directives: int = 4
    """On one element."""
    cost: int = 100_000
    """Fields to be resolved, a page counted as long as it may be."""

    def under(self, table: LimitsTable | None) -> RequestLimits:
        """These, with those that ``table`` says in their place."""
        if table is None:
            return self
        said = {name: value for name, value in table if value is not None}
        if isinstance(deadline := said.get("deadline"), timedelta):
            said["deadline"] = deadline.total_seconds()
        return replace(self, **said)


Count = Annotated[int | None, Field(ge=1, le=1_000_000)]


class LimitsTable(Declared):
    """``[limits]`` as written: what it does not say keeps its default."""

    body_bytes: Annotated[int | None, Field(ge=1024, le=16 * 1024 * 1024)] = None
    deadline: Annotated[Duration | None, Field(ge=timedelta(milliseconds=100), le=timedelta(minutes=5))] = None
    document_length: Count = None
    tokens: Annotated[int | None, Field(ge=1, le=100_000)] = None
    definitions: Annotated[int | None, Field(ge=1, le=10_000)] = None
    comparisons: Count = None
    values: Count = None
    depth: Annotated[int | None, Field(ge=1, le=100)] = None
    root_fields: Annotated[int | None, Field(ge=1, le=10_000)] = None
    aliases: Annotated[int | None, Field(ge=0, le=10_000)] = None
    directives: Annotated[int | None, Field(ge=0, le=1000)] = None
    cost: Annotated[int | None, Field(ge=1, le=1_000_000_000)] = None
