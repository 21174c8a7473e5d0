"""The ownership map: one system of record for each field, its steward, readers and audiences, as checked data.

It is made by :func:`resolvers.map_file.load_map` from whence.toml and never changes afterwards; a new file makes a new map.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from decimal import Decimal
from functools import cached_property
from typing import Any

from resolvers.compatibility.declared import CompatibilityMap
from resolvers.matching_flow.declared import MatchingMap
from resolvers.request_limits import RequestLimits
from resolvers.trusted_documents import TrustedDocuments
from sources.contract import Scope
from sources.declaration import ConnectorKind, ConnectorOptions, SourceDeclaration
from sources.interpretation.entries import FieldShape
from sources.values import FieldType


@dataclass(frozen=True, slots=True)
class Steward:
    """Who is responsible for a field, and how to reach them."""

    name: str
    contact: str | None = None


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two values may differ without contradicting each other: a share of the larger, or an amount.

    The amount is in the field's unit or in the money's currency. ``text`` is what whence.toml says.
    """

    text: str
    share: Decimal | None = None
    amount: Decimal | None = None


@dataclass(frozen=True, slots=True)
class FieldDefinition:
    """A field of the product: ``[fields.X]``."""

    name: str
    label: str
    description: str | None
    type: FieldType
    unit: str | None
    currency: str | None
    system_of_record: str
    fallback: tuple[str, ...]
    steward: Steward | None
    max_age: timedelta | None
    tolerance: Tolerance | None
    readers: tuple[str, ...]
    writers: tuple[str, ...]
    audiences: tuple[str, ...]

    @property
    def chain(self) -> tuple[str, ...]:
        """The systems that may answer, in the order in which they do."""
        return (self.system_of_record, *self.fallback)


@dataclass(frozen=True, slots=True)
class Audience:
    """Who may see which fields, and what it may ask. ``governance``: sees the ownership map, the sources and read plans."""

    name: str
    governance: bool = False
    asks: bool = False
    """May put questions to stewards, and see them."""
    answers: bool = False
    """May answer them."""
    decides: bool = False
    """May see what matching proposes, and say which records are one product."""
    limits: RequestLimits = field(default_factory=RequestLimits)
    manifest: str | None = None
    """The path of its trusted documents, as the map's file says it."""
    trusted: TrustedDocuments | None = None
    """What stands there."""
    only_trusted: bool = False
    """Whether every other document is refused."""
    automatic_persisted_queries: bool = True
    """Whether a client may register a document by its hash."""


@dataclass(frozen=True, slots=True)
class DeclaredSource:
    """A source as declared: the common part, its connector's kind, and the options that opens it (secrets inside)."""

    declaration: SourceDeclaration
    kind: ConnectorKind[ConnectorOptions]
    options: ConnectorOptions

    def __repr__(self) -> str:
        return f"DeclaredSource({self.declaration.name!r})"


@dataclass(frozen=True)
class OwnershipMap:
    """The whole map. ``digest`` is the version: it moves when what whence.toml says moves, comments aside."""

    sources: Mapping[str, DeclaredSource]
    fields: Mapping[str, FieldDefinition]
    audiences: Mapping[str, Audience]
    identity_keys: tuple[str, ...]
    locales: tuple[str, ...]
    digest: str
    secrets: frozenset[str] = field(repr=False)
    """Values that came in through ``${ENV}``; they must never be shown."""
    compatibility: CompatibilityMap = field(default_factory=CompatibilityMap)
    matching: MatchingMap | None = None
    """None: records are linked by keys alone."""
    written: Mapping[str, Any] = field(default_factory=dict, repr=False)
    """What whence.toml says, as parsed: ``${ENV}`` not filled in, and without the secrets that stand in it."""

    def declaration(self, source: str) -> SourceDeclaration:
        """The common part of ``[sources.X]``. Raises KeyError."""
        return self.sources[source].declaration

    def fields_for(self, audience: str) -> tuple[FieldDefinition, ...]:
        """The fields that an audience may see, as declared in order."""
        return tuple(field for field in self.fields.values() if audience in field.audiences)

    def sources_for(self, audience: str) -> frozenset[str]:
        """The sources whose names and records an audience may see."""
        governs = self.audiences[audience].governance
        return frozenset(
            name
            for name, source in self.sources.items()
            if (governs if source.declaration.audiences is None else audience in source.declaration.audiences)
        )

    @cached_property
    def catalogues(self) -> frozenset[str]:
        """The sources that hold one record a product; the others' records are notes."""
        return frozenset(name for name, one in self.sources.items() if one.declaration.per_product == "one")

    def shapes(self) -> Mapping[str, FieldShape]:
        """The fields as a source's mapping reads them."""
        return {name: FieldShape(name, field.type, field.unit, field.currency) for name, field in self.fields.items()}

    @cached_property
    def mapped(self) -> Mapping[str, frozenset[str]]:
        """Field to the sources that say something about it, in its chain or not."""
        return {
            name: frozenset(source for source, declared in self.sources.items() if name in declared.declaration.fields)
            for name in self.fields
        }

    def scopes(self, locale: str | None, channel: str | None) -> tuple[Scope, ...]:
        """The scopes in which a value is looked for, best first: the asked locale and channel, then the declared
        order of locales, each with the channel before without, and at last what is said for everywhere."""
        locales: list[str | None] = [locale] if locale else []
        if locale and "-" in locale:
            locales.append(locale.partition("-")[0])
        locales += [other for other in self.locales if other not in locales]
        locales.append(None)
        channels = (channel, None) if channel else (None,)
        return tuple(Scope(one, other) for one in locales for other in channels)


def map_digest(text: str) -> str:
    """The version of a map: twelve hexadecimal digits of what it says."""
    return hashlib.blake2b(text.encode(), digest_size=6).hexdigest()
