"""Building the schemas: one for each audience, with the fields it may see and no trace of the others."""

from __future__ import annotations

import strawberry
from strawberry.schema.config import StrawberryConfig

from resolvers.ownership import OwnershipMap
from schema.batches import attach_batches
from schema.facts import FACT_TYPES
from schema.query import query_type
from schema.scalars import SCALARS


def build_schema(ownership: OwnershipMap, audience: str) -> strawberry.Schema:
    """The schema of one audience. Raises KeyError for one that is not declared."""
    declared = ownership.audiences[audience]
    fields = ownership.fields_for(audience)
    query, mutation = query_type(fields, declared.governance, declared.asks, declared.answers, declared.decides)
    schema = strawberry.Schema(
        query=query,
        mutation=mutation,
        types=[FACT_TYPES[kind] for kind in dict.fromkeys(field.type for field in fields)],
        config=StrawberryConfig(scalar_map=SCALARS),
    )
    attach_batches(schema, fields)
    return schema


def build_schemas(ownership: OwnershipMap) -> dict[str, strawberry.Schema]:
    """Every audience's schema."""
    return {audience: build_schema(ownership, audience) for audience in ownership.audiences}
