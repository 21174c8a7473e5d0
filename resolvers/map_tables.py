"""What ``[content]``, ``[audiences.X]``, ``[fields.X]``, ``[identity]`` and ``[limits]`` in whence.toml may say, unchecked.

Every key is optional here, so that one that is missing or wrong does not hide the others; the rules ask for what must
be there.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from types import MappingProxyType
from typing import Annotated, Any

from pydantic import BeforeValidator, Strict

from resolvers.compatibility.tables import CompatibilityTable, RelationTable, RuleTable
from resolvers.matching_flow.declared import MatchingTable
from resolvers.mistakes import Finding, Loc
from resolvers.request_limits import LimitsTable
from sources.declaration import ConnectorKind, ConnectorOptions, Declared, SourceDeclaration
from sources.durations import Duration
from sources.values import FieldType

SECTIONS = (
    "content",
    "audiences",
    "sources",
    "fields",
    "identity",
    "limits",
    "compatibility",
    "relations",
    "rules",
)
IDENTITY_KEYS = ("gtin", "brand+mpn", "sku")
"""The keys by which records are linked, best first."""

FIELD_TYPES = tuple(kind.value for kind in FieldType)


def _tolerance(value: Any) -> Any:
    """A bare number is the same amount as one in quotes."""
    if isinstance(value, float):
        return format(Decimal(repr(value)), "f")
    return str(value) if isinstance(value, int) and not isinstance(value, bool) else value


class StewardTable(Declared):
    """``steward = { name = ..., contact = ... }``."""

    name: str
    contact: str | None = None


class FieldTable(Declared):
    """``[fields.X]`` as written."""

    label: str | None = None
    description: str | None = None
    type: str | None = None
    unit: str | None = None
    currency: str | None = None
    system_of_record: str | None = None
    fallback: tuple[str, ...] = ()
    steward: StewardTable | None = None
    max_age: Duration | None = None
    tolerance: Annotated[str | None, BeforeValidator(_tolerance)] = None
    readers: tuple[str, ...] = ()
    writers: tuple[str, ...] = ()
    audiences: tuple[str, ...] | None = None

    @property
    def kind(self) -> FieldType | None:
        """The type, or None where ``type`` is missing or names none."""
        return FieldType(self.type) if self.type in FIELD_TYPES else None


class AudienceTable(Declared):
    """``[audiences.X]``."""

    governance: bool = False
    asks: bool | None = None
    """May put questions to stewards; without it, who sees the ownership map may."""
    answers: bool = False
    """May answer them."""
    decides: Annotated[bool, Strict()] = False
    """May say which records are one product."""
    trusted_documents: str | None = None
    only_trusted: bool = False
    automatic_persisted_queries: bool = True
    limits: LimitsTable | None = None


class ContentTable(Declared):
    """``[content]``. Without ``locales``, the mappings' own locales in the order in which they come."""

    locales: tuple[str, ...] | None = None


class IdentityTable(Declared):
    """``[identity]``."""

    keys: tuple[str, ...] = IDENTITY_KEYS
    matching: MatchingTable | None = None
    """Without it, records are linked by keys alone."""


DEFAULT_AUDIENCES: Mapping[str, AudienceTable] = MappingProxyType(
    {
        "internal": AudienceTable(governance=True),
        "support": AudienceTable(governance=True),
        "storefront": AudienceTable(),
    }
)


@dataclass(frozen=True, slots=True)
class SourceTable:
    """``[sources.X]`` as far as it could be read. ``maps`` are the fields it says something about, None: unreadable."""

    declaration: SourceDeclaration | None
    kind: ConnectorKind[ConnectorOptions] | None
    options: ConnectorOptions | None
    maps: frozenset[str] | None


@dataclass(frozen=True, slots=True)
class MapTables:
    """The whole file as far as it could be read. ``raw`` is what it says, with its ``${ENV}`` unfilled: safe to show.

    A section that could not be read at all is None; ``unreadable`` are the places that were left out, so that no rule
    reports them twice.
    """

    raw: Mapping[str, Any]
    content: ContentTable
    audiences: Mapping[str, AudienceTable] | None
    sources: Mapping[str, SourceTable] | None
    fields: Mapping[str, FieldTable] | None
    identity: IdentityTable
    compatibility: CompatibilityTable
    relations: Mapping[str, RelationTable] | None
    rules: Mapping[str, RuleTable] | None
    limits: LimitsTable
    findings: tuple[Finding, ...]
    unreadable: frozenset[Loc] = field(default_factory=frozenset)

    def at(self, loc: Loc) -> Any:
        """What the file says at a place, or None."""
        value: Any = self.raw
        for part in loc:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int) and part < len(value):
                value = value[part]
            else:
                return None
        return value
