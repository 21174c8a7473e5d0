"""How much of what may be said about a product is said."""

from __future__ import annotations

from collections.abc import Sequence

import strawberry

from resolvers import facts
from schema.definitions import FieldDefinition


@strawberry.type(description="How much of what may be said about a product is said.")
class Completeness:
    """Counts of fields; ``share`` is filled of total."""

    channel: str | None
    filled: int
    total: int
    share: float
    missing: list[FieldDefinition] = strawberry.field(description="The fields without a value.")


def completeness(found: Sequence[facts.Fact], channel: str | None) -> Completeness:
    """The completeness of a product with these facts."""
    applicable = [one for one in found if one.status is not facts.FactStatus.NOT_APPLICABLE]
    missing = [one.definition for one in applicable if one.value is None]
    filled = len(applicable) - len(missing)
    share = filled / len(applicable) if applicable else 1.0
    return Completeness(
        channel=channel,
        filled=filled,
        total=len(applicable),
        share=share,
        missing=missing,  # type: ignore[arg-type]
    )
