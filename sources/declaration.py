"""What ``[sources.X]`` in whence.toml says: the part that is the same for every kind of system.

What is left over belongs to the connector, which declares it as a :class:`ConnectorOptions` of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any, Generic, Literal, Self, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, model_validator

from sources.contract import Connector
from sources.durations import Duration

TIMEZONE_DEFAULT = "UTC"


class Declared(BaseModel):
    """A frozen part of whence.toml; a key it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", str_strip_whitespace=False)


class ConnectorOptions(Declared):
    """What a connector takes beyond the common part. Secrets have been put in place of their ``${ENV}``."""

    def beside(self, directory: Path) -> Self:
        """The same with relative paths taken from ``directory``, where whence.toml is. Without paths: as it is."""
        return self


class SyncDeclaration(Declared):
    """How a stored source is kept up to date."""

    every: Duration = timedelta(minutes=5)
    """How long between two syncs."""
    by: str | None = None
    """The column whose clock can be trusted to move with every change of a record: only what is newer is read then.
    Without it, everything is read and compared."""
    full_every: Duration = timedelta(days=1)
    """With ``by``: how long between two full comparisons, which also find what was deleted."""
    page: Annotated[int, Field(ge=1, le=100_000)] = 1000
    """Records a page, where the system lets us choose."""


class LimitsDeclaration(Declared):
    """``[sources.X.limits]``: how much Whence takes from one system, whatever its connector and its answers.

    Beyond a limit a read fails with TOO_LARGE, and its message names the key to raise. What a connector bounds itself, such
    as the bytes of one HTTP answer (``max_bytes``), it bounds earlier."""

    at_once: Annotated[int, Field(ge=1, le=1000)] = 4
    """Live reads that the system gets at the same time; the next ones wait, within their deadline."""
    pages: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Pages of one walk."""
    records: Annotated[int, Field(ge=1, le=10_000_000)] = 100_000
    """Records of one page, and of what one live read brings."""
    columns: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    """Columns, or members, of one record."""
    page_bytes: Annotated[int, Field(ge=1024, le=1 << 34)] = 128 * 1024 * 1024
    """Of one page, and of what one live read brings, when everything is unpacked: a character of a text counts 1, any other
    value 8."""


def _waits(wait: timedelta) -> timedelta:
    if not timedelta(milliseconds=100) <= wait <= timedelta(hours=1):
        raise ValueError('write a time between 100ms and 1h, such as "5s"')
    return wait


class BreakerDeclaration(Declared):
    """``[sources.X.breaker]``: when Whence stops asking a system that fails, and when it tries again.

    It is about live reads: a stored source is tried at its own interval."""

    after: Annotated[int, Field(ge=0, le=1000)] = 5
    """Live reads that fail in a row before the system is left alone; 0: it never is."""
    wait: Annotated[Duration, AfterValidator(_waits)] = timedelta(seconds=1)
    """How long it is left alone at first; then one read tries, and each time that this fails, the wait doubles."""
    longest: Annotated[Duration, AfterValidator(_waits)] = timedelta(minutes=1)
    """How long at most, unless the system itself asks for more (``Retry-After``)."""

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.longest < self.wait:
            raise ValueError("longest: write a time that is no shorter than wait")
        return self


class NoteMapping(Declared):
    """Where the parts of a note stand, within each note."""

    text: str = "text"
    author: str | None = None
    created_at: str | None = None
    kind: str | None = None


class FieldMapping(Declared):
    """Where one claim stands in a record, and how to read it."""

    path: str | None = None
    """Column or JMESPath. For a ``note_list`` the note itself, or the list of notes; None: the record is the note."""
    unit: str | None = None
    unit_path: str | None = None
    currency: str | None = None
    currency_path: str | None = None
    minor_units: bool = False
    """The amount is in cents (minor units of its currency)."""
    locale: str | None = None
    channel: str | None = None
    per_locale: bool = False
    """The value is an object whose members are locales."""
    updated_at: str | None = None
    """The field's own clock, where the system keeps one."""
    split: str | None = None
    """For a ``text_list`` in one cell: what separates its entries."""
    note: NoteMapping | None = None
    alt: str | None = None
    media_type: str | None = None
    empty: tuple[str, ...] = ()
    """Texts that mean "no value" here, such as "n/a" or "-"."""
    zero_is_empty: bool = False
    """A zero means "no value" here."""
    prefix: str = ""
    """Put before a text or a media address: the host of relative addresses."""


def _mappings(value: Any) -> Any:
    """``"origin"`` is short for ``{ path = "origin" }``, and one mapping for a list of one."""
    entries = value if isinstance(value, list | tuple) else [value]
    return tuple({"path": entry} if isinstance(entry, str) else entry for entry in entries)


FieldMappings = Annotated[tuple[FieldMapping, ...], BeforeValidator(_mappings)]


class PartyMapping(Declared):
    """How a statement names a product, or a kind of products: by exactly one of these, each a path."""

    sku: str | None = None
    gtin: str | None = None
    mpn: str | None = None
    record: str | None = None
    """The id of a record, of ``source``."""
    source: str | None = None
    name: str | None = None
    """What any department calls it."""
    category: str | None = None
    """All products of a category; likewise of a family."""
    family: str | None = None
    field: str | None = None
    """All products of which this field is what stands at ``value``, or ``is``."""
    value: str | None = None
    is_: str | None = Field(default=None, validation_alias="is")

    def given(self) -> tuple[str, ...]:
        """The ways in which it is named."""
        return tuple(key for key in PARTY_KEYS if getattr(self, key) is not None)

    def paths(self) -> tuple[tuple[str, str], ...]:
        """The paths that it names, by key."""
        keys = (*(key for key in PARTY_KEYS if key != "field"), "value")
        return tuple((key, path) for key in keys if (path := getattr(self, key)) is not None)


PARTY_KEYS = ("sku", "gtin", "mpn", "record", "name", "category", "family", "field")


class Choice(Declared):
    """One of some words: what stands at ``path``, by what ``values`` make of it; where nothing stands, ``default``."""

    path: str | None = None
    values: Mapping[str, str] = Field(default_factory=dict)
    default: str | None = None


def _choice(value: Any) -> Any:
    return {"default": value} if isinstance(value, str) else value


Chosen = Annotated[Choice, BeforeValidator(_choice)]


class RangeMapping(Declared):
    """Where a range begins and ends."""

    from_: str | None = Field(default=None, validation_alias="from")
    to: str | None = None


class StatementMapping(Declared):
    """``[sources.X.statements]``: where a record says what goes with what."""

    each: str | None = None
    """A list in the record, each entry of which is a statement, with paths from there; without it the record is one."""
    subject: PartyMapping | None = None
    """Without it, the record's own product; likewise the object."""
    object: PartyMapping | None = None
    relation: Chosen = Choice(default="works-with")
    verdict: Chosen = Choice(default="COMPATIBLE")
    """A word that is none of the verdicts by itself goes through ``values``; where nothing stands nothing is said."""
    condition: str | None = None
    """What must be so, in words."""
    qualifiers: Mapping[
        Literal["serial", "year", "firmware", "date", "position", "region", "channel", "adapter", "quantity"],
        str | RangeMapping,
    ] = Field(default_factory=dict)
    text: str | None = None
    author: str | None = None
    updated_at: str | None = None
    """The statement's own clock, where it has one."""
    max_age: Duration | None = None
    steward: str | None = None
    """Who answers for it, where that is not the source's title."""
    contact: str | None = None

    def paths(self) -> tuple[tuple[str, str], ...]:
        """The paths from the record that it names, by key."""
        if self.each is not None:
            return (("each", self.each),)
        found = [(key, path) for key in ("condition", "text", "author", "updated_at") if (path := getattr(self, key))]
        found += [
            (f"{side}.{key}", path)
            for side in ("subject", "object")
            if (party := getattr(self, side))
            for key, path in party.paths()
        ]
        found += [
            (f"{key}.path", choice.path) for key in ("relation", "verdict") if (choice := getattr(self, key)).path
        ]
        for key, where in self.qualifiers.items():
            ends = (where,) if isinstance(where, str) else (where.from_, where.to)
            found += [(f"qualifiers.{key}", path) for path in ends if path]
        return tuple(found)


def _statements(value: Any) -> Any:
    """One table is short for a list of one."""
    return value if isinstance(value, list | tuple) else [value]


class SourceDeclaration(Declared):
    """The common part of ``[sources.X]``."""

    name: str
    title: str
    connector: str
    read: Literal["stored", "live"] = "stored"
    """``stored`` is answered from the ledger; ``live`` asks the system itself at query time."""
    per_product: Literal["one", "many"] = "one"
    """``one``: a catalogue, one record a product. ``many``: notes about products, which join a product by their keys and
    never found one that is listed. A source of nothing but statements is such a one by itself."""
    sync: SyncDeclaration = SyncDeclaration()
    deadline: Duration = timedelta(seconds=2)
    """For one live read, all its keys, pages and retries together; a page of a sync has ten times as long."""
    retries: Annotated[int, Field(ge=0, le=10)] = 2
    """How often a read that failed for a reason that may pass by itself is tried again, within its deadline; so is each page
    of a sync."""
    breaker: BreakerDeclaration = BreakerDeclaration()
    limits: LimitsDeclaration = LimitsDeclaration()
    key: str
    """Where the record's own id stands."""
    updated_at: str | None = None
    """The record's clock."""
    timezone: str = TIMEZONE_DEFAULT
    """For clocks that name no zone."""
    decimal: Literal[".", ","] = "."
    """The decimal separator of numbers in texts."""
    names: tuple[str, ...] = ()
    identifiers: Mapping[Literal["gtin", "sku", "mpn", "brand"], str] = Field(default_factory=dict)
    fields: Mapping[str, FieldMappings] = Field(default_factory=dict)
    statements: Annotated[tuple[StatementMapping, ...], BeforeValidator(_statements)] = ()
    audiences: tuple[str, ...] | None = None
    """Who may find products by this system's names and see its records; without it, all who see the ownership map."""

    @model_validator(mode="after")
    def _of_statements(self) -> Self:
        silent = not (self.fields or self.identifiers or self.names)
        if self.statements and silent and "per_product" not in self.model_fields_set:
            object.__setattr__(self, "per_product", "many")
        return self


O = TypeVar("O", bound=ConnectorOptions)  # noqa: E741


@dataclass(frozen=True, slots=True)
class ConnectorKind(Generic[O]):
    """A kind of system, as the registry or an entry point in the group ``whence.sources`` names it."""

    options: type[O]
    open: Callable[[SourceDeclaration, O], Connector]
    """Opens one system; connects to nothing yet. Raises ValueError for options that contradict the declaration."""
