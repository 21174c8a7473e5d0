"""Fields as the map defines them: ``FieldDefinition`` and ``Steward``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import strawberry

from resolvers import ownership
from schema.context import WhenceInfo


def _type(root: strawberry.Parent[ownership.FieldDefinition]) -> str:
    return root.type.value


def _tolerance(root: strawberry.Parent[ownership.FieldDefinition]) -> str | None:
    return root.tolerance.text if root.tolerance else None


def _known(sources: Sequence[str], info: WhenceInfo) -> list[str]:
    """Of some systems, those that the asker may know."""
    return [source for source in sources if source in info.context.visible]


def _fallback(root: strawberry.Parent[ownership.FieldDefinition], info: WhenceInfo) -> list[str]:
    return _known(root.fallback, info)


def _readers(root: strawberry.Parent[ownership.FieldDefinition], info: WhenceInfo) -> list[str]:
    return _known(root.readers, info)


def _writers(root: strawberry.Parent[ownership.FieldDefinition], info: WhenceInfo) -> list[str]:
    return _known(root.writers, info)


def _audiences(root: strawberry.Parent[ownership.FieldDefinition], info: WhenceInfo) -> list[str]:
    context = info.context
    return [audience for audience in root.audiences if context.governs or audience == context.audience]


def _steward(root: strawberry.Parent[ownership.FieldDefinition], info: WhenceInfo) -> Steward | None:
    """The steward; their contact only for those who see the ownership map."""
    if root.steward is None:
        return None
    return Steward(name=root.steward.name, contact=root.steward.contact if info.context.governs else None)


@strawberry.type(description="Who is responsible for a field.")
class Steward:
    """See :class:`resolvers.ownership.Steward`."""

    name: str
    contact: str | None = strawberry.field(description="How to reach them.")


@strawberry.type(description="A field of the product as whence.toml defines it.")
class FieldDefinition:
    """See :class:`resolvers.ownership.FieldDefinition`, whose attributes it reads."""

    name: str
    label: str = strawberry.field(description="What people call it.")
    description: str | None
    unit: str | None = strawberry.field(description="The unit that quantities are answered in.")
    system_of_record: str | None = strawberry.field(description="The system that owns it.")
    fallback: list[str] = strawberry.field(
        resolver=_fallback, description="The systems asked, in this order, where that holds no value."
    )
    steward: Steward | None = strawberry.field(resolver=_steward, description="Who is responsible for it.")
    max_age: timedelta | None = strawberry.field(description="How old its last update may be to count as fresh.")
    readers: list[str] = strawberry.field(resolver=_readers, description="The systems that consume it.")
    writers: list[str] = strawberry.field(resolver=_writers, description="The systems that people may change it in.")
    audiences: list[str] = strawberry.field(resolver=_audiences, description="Who may see it.")

    type: str = strawberry.field(resolver=_type, description="Its type, as whence.toml names it.")
    tolerance: str | None = strawberry.field(
        resolver=_tolerance,
        description="How far systems may differ without contradicting each other: a share or an amount.",
    )
