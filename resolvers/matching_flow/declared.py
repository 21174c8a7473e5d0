"""What ``[identity.matching]`` in whence.toml says: unchecked as a table, and checked as a value."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated

import orjson
from pydantic import Field, Strict

from resolvers.matching.verdicts import Policy
from sources.declaration import Declared

READING = 1
"""The version of how a record is read for matching; with another one all of them are read anew."""


class MatchingTable(Declared):
    """``[identity.matching]``. Every field it does not name is found by its usual name."""

    on: Annotated[bool, Strict()] = True
    sources: tuple[str, ...] | None = None
    name: str | None = None
    description: str | None = None
    brand: str | None = None
    category: str | None = None
    price: str | None = None
    attributes: tuple[str, ...] | None = None
    link: Annotated[float, Strict(), Field(ge=0.5, le=1, allow_inf_nan=False)] = 0.97
    """The share of links that must be expected to be right."""
    review: Annotated[float, Strict(), Field(ge=0.0001, lt=0.5, allow_inf_nan=False)] = 0.002
    """The faintest chance that is worth a person's time."""
    queue: Annotated[float, Strict(), Field(ge=0, le=1, allow_inf_nan=False)] = 0.15
    """The longest queue for review, as a share of the smaller catalogue."""
    once: Mapping[str, Annotated[bool, Strict()]] = Field(default_factory=dict)
    """Whether a source lists a product once; of those that are not named it is learned."""


@dataclass(frozen=True, slots=True)
class MatchingMap:
    """How records without a shared key are matched. ``name`` and the others are fields of the map, None where it has none
    that would do."""

    sources: tuple[str, ...]
    name: str | None
    description: str | None
    brand: str | None
    category: str | None
    price: str | None
    attributes: tuple[str, ...]
    locales: Mapping[str, tuple[str | None, ...]]
    """For each text field the order of locales in which its claims are looked through: first what most sources have, so
    that two of them are compared in one language."""
    policy: Policy = field(default_factory=Policy)
    once: Mapping[str, Annotated[bool, Strict()]] = field(default_factory=dict)

    @property
    def reading(self) -> str:
        """The version of everything that decides what is read of a record."""
        said = [
            READING,
            [self.name, self.description, self.brand, self.category, self.price],
            self.attributes,
            sorted((name, list(order)) for name, order in self.locales.items()),
        ]
        return hashlib.blake2b(orjson.dumps(said), digest_size=6).hexdigest()
