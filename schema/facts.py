"""The envelopes: ``Fact`` and its concrete types, what they hold, and what is said beside the value.

They read :class:`resolvers.facts.Fact` as it is: an envelope is never null and its value may be, so that a system that is
down cannot blank the product around it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

import strawberry
from strawberry.scalars import JSON
from strawberry.types import Info

from resolvers import facts
from resolvers.compatibility.evidence import EvidenceKind, Verdict
from resolvers.facts import FactStatus, Freshness
from schema.definitions import FieldDefinition
from sources.contract import Basis
from sources.values import FieldType

strawberry.enum(FactStatus, description="How a fact came about.")
strawberry.enum(Verdict, description="Whether two products go together; UNKNOWN is not INCOMPATIBLE.")
strawberry.enum(EvidenceKind, description="What a piece of evidence is.")
strawberry.enum(Freshness, description="A fact's age against its field's max age.")
strawberry.enum(
    Basis,
    name="LastUpdatedBasis",
    description="Which clock: the field's own, the record's, or when Whence first saw it.",
)


def _locale(root: strawberry.Parent[facts.Fact | facts.Candidate]) -> str | None:
    return root.scope.locale


def _channel(root: strawberry.Parent[facts.Fact | facts.Candidate]) -> str | None:
    return root.scope.channel


def _claims(root: strawberry.Parent[facts.Conflict]) -> list[Claim]:
    return list(root.candidates)  # type: ignore[arg-type]


@strawberry.type(description="An amount of money.")
class Money:
    """See :class:`sources.values.Money`."""

    amount: Decimal
    currency: str = strawberry.field(description="ISO 4217.")


@strawberry.type(description="An amount of something measured.")
class Quantity:
    """See :class:`sources.values.Quantity`."""

    amount: Decimal
    unit: str


@strawberry.type(description="A picture, film or document.")
class Media:
    """See :class:`sources.values.Media`."""

    url: str
    alt: str | None
    media_type: str | None


@strawberry.type(description="Something a person wrote about a product.")
class Note:
    """See :class:`sources.values.Note`."""

    text: str
    author: str | None
    created_at: datetime | None
    kind: str | None


@strawberry.type(description="What one record says about a field.")
class Claim:
    """See :class:`resolvers.facts.Candidate`."""

    source: str
    source_record_id: str
    value: JSON | None = strawberry.field(description="As the system said it, in its own unit.")
    display: str = strawberry.field(description="The value in one line.")
    last_updated: datetime | None
    observed_at: datetime
    is_winner: bool
    reason: str = strawberry.field(description="One sentence: why it won, or why not.")

    locale: str | None = strawberry.field(resolver=_locale, description="The locale it is for; null for any.")
    channel: str | None = strawberry.field(resolver=_channel, description="The channel it is for; null for any.")


@strawberry.type(description="Systems that differ about a field beyond its tolerance.")
class Conflict:
    """See :class:`resolvers.facts.Conflict`."""

    definition: FieldDefinition
    summary: str = strawberry.field(description="One sentence: who says what.")

    claims: list[Claim] = strawberry.field(resolver=_claims, description="The winner, and those that contradict it.")


@strawberry.interface(description="A field of a product: the winning claim and its provenance.")
class Fact:
    """See :class:`resolvers.facts.Fact`."""

    definition: FieldDefinition
    status: FactStatus
    freshness: Freshness
    source: str | None = strawberry.field(description="The system that supplied the value.")
    source_record_id: str | None = strawberry.field(description="That system's own id for the record.")
    last_updated: datetime | None = strawberry.field(description="When the value last changed in that system.")
    last_updated_basis: Basis | None
    observed_at: datetime | None = strawberry.field(description="When Whence last saw it there.")
    candidates: list[Claim] = strawberry.field(description="What every system says, the winner included.")
    conflict: Conflict | None = strawberry.field(
        description="Null unless systems disagree beyond the field's tolerance."
    )

    locale: str | None = strawberry.field(
        resolver=_locale, description="The locale of the value that was taken; null for one that is for any."
    )
    channel: str | None = strawberry.field(
        resolver=_channel, description="The channel of the value that was taken; null for one that is for any."
    )


def _fact_type(kind: FieldType, name: str, value: Any) -> type[Any]:
    """The envelope of one type of field: the interface, and ``value``."""

    def is_type_of(cls: type, root: object, info: Info[Any, Any]) -> bool:
        return isinstance(root, facts.Fact) and root.definition.type is kind

    made = type(
        name,
        (Fact,),
        {
            "__annotations__": {"value": value},
            "__module__": __name__,
            "__doc__": f"A fact whose field is of type ``{kind.value}``.",
            "is_type_of": classmethod(is_type_of),
        },
    )
    return strawberry.type(made, description=f"A fact of type {kind.value}.")


FACT_TYPES: Mapping[FieldType, type[Any]] = {
    kind: _fact_type(kind, name, value)
    for kind, name, value in (
        (FieldType.TEXT, "TextFact", str | None),
        (FieldType.NUMBER, "NumberFact", Decimal | None),
        (FieldType.INTEGER, "IntegerFact", int | None),
        (FieldType.BOOLEAN, "BooleanFact", bool | None),
        (FieldType.DATETIME, "DateTimeFact", datetime | None),
        (FieldType.MONEY, "MoneyFact", Money | None),
        (FieldType.QUANTITY, "QuantityFact", Quantity | None),
        (FieldType.MEDIA, "MediaFact", Media | None),
        (FieldType.TEXT_LIST, "TextListFact", list[str] | None),
        (FieldType.NOTE_LIST, "NoteListFact", list[Note] | None),
        (FieldType.JSON, "JSONFact", JSON | None),
    )
}

PLAIN_TYPES: Mapping[FieldType, Any] = {
    FieldType.TEXT: str | None,
    FieldType.NUMBER: Decimal | None,
    FieldType.INTEGER: int | None,
    FieldType.BOOLEAN: bool | None,
    FieldType.DATETIME: datetime | None,
    FieldType.MONEY: Decimal | None,
    FieldType.QUANTITY: Decimal | None,
    FieldType.MEDIA: str | None,
    FieldType.TEXT_LIST: list[str] | None,
    FieldType.NOTE_LIST: list[str] | None,
    FieldType.JSON: JSON | None,
}
"""What a field is in ``values``: an amount without its unit or currency, an address, the texts of notes."""


def plain(kind: FieldType, value: Any) -> Any:
    """A fact's value as ``values`` gives it."""
    if value is None:
        return None
    match kind:
        case FieldType.MONEY | FieldType.QUANTITY:
            return value.amount
        case FieldType.MEDIA:
            return value.url
        case FieldType.NOTE_LIST:
            return [note.text for note in value]
        case _:
            return value
