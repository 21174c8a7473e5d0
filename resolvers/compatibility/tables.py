"""What ``[compatibility]``, ``[relations.X]`` and ``[rules.X]`` in whence.toml may say, unchecked."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from sources.declaration import Declared
from sources.durations import Duration


def _several(value: Any) -> Any:
    """A text alone is short for a list of one."""
    return [value] if isinstance(value, str) else value


def _each_several(value: Any) -> Any:
    return {key: _several(one) for key, one in value.items()} if isinstance(value, dict) else value


Texts = Annotated[tuple[str, ...], BeforeValidator(_several)]
PatternTable = Annotated[Mapping[str, tuple[str, ...]], BeforeValidator(_each_several)]


class NamedSteward(Declared):
    """``steward = { name = ..., contact = ... }``."""

    name: str
    contact: str | None = None


class RelationTable(Declared):
    """``[relations.X]``."""

    title: str | None = None
    inverse: str | None = None
    inverse_title: str | None = None
    bears: bool = True
    schema_org: (
        Literal["isAccessoryOrSparePartFor", "isConsumableFor", "isSimilarTo", "isRelatedTo", "isVariantOf"] | None
    ) = None
    inverse_schema_org: (
        Literal["isAccessoryOrSparePartFor", "isConsumableFor", "isSimilarTo", "isRelatedTo", "isVariantOf"] | None
    ) = None


class RuleTable(Declared):
    """``[rules.X]``."""

    title: str | None = None
    a: PatternTable = Field(default_factory=dict)
    b: PatternTable = Field(default_factory=dict)
    when: str | None = None
    check: str | None = None
    holds: str | None = None
    fails: str | None = None
    relation: str | None = None
    conditions: Texts = ()
    steward: NamedSteward | None = None


class ParentTable(Declared):
    """``parent = { field = ..., scheme = ... }``."""

    field: str
    scheme: Literal["sku", "gtin", "mpn"] = "sku"


class CompatibilityTable(Declared):
    """``[compatibility]``."""

    name: str | None = None
    category: str | None = None
    family: str | None = None
    parent: ParentTable | None = None
    evidence: tuple[Texts, ...] = ()
    steward: NamedSteward | None = None
    answers_last: Duration | None = None
