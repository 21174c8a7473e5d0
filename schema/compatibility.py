"""``compatibility``: does one product go with another?"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Annotated, Any

import strawberry

from resolvers.compatibility import evidence
from resolvers.compatibility.narrowing import KNOWN
from resolvers.compatibility.viewing import Viewer, fields_seen
from schema.context import RequestContext, WhenceInfo
from schema.failures import bad_input
from schema.inputs import ProductLookup
from schema.product import ProductNode

LONGEST_VALUE = 200


@strawberry.input(description="Something known of the case: " + ", ".join(KNOWN) + ".")
class ContextInput:
    """A name and a value."""

    name: str
    value: str


def read_context(given: Sequence[ContextInput] | None) -> dict[str, str]:
    """The context of a question. Raises GraphQLError for a name that there is not, or one given twice."""
    found: dict[str, str] = {}
    for one in given or ():
        if one.name not in KNOWN:
            raise bad_input(f"A context has no {one.name[:40]!r}; it has {', '.join(KNOWN)}.")
        if one.name in found:
            raise bad_input(f"The context names {one.name} twice.")
        if not one.value.strip() or len(one.value) > LONGEST_VALUE or "\x00" in one.value:
            raise bad_input(f"{one.name} has 1 to {LONGEST_VALUE} plain characters.")
        found[one.name] = _date(one.value.strip()) if one.name == "date" else one.value.strip()
    return found


def _date(text: str) -> str:
    """A date as statements are compared with it, however ISO 8601 lets it be written."""
    try:
        return datetime.fromisoformat(text).isoformat()
    except ValueError:
        raise bad_input("date is written 2026-01-31.") from None


def viewer(context: RequestContext) -> Viewer:
    """What the asker may see."""
    return fields_seen(context.ownership, context.audience)


async def judge(
    context: RequestContext, one: ProductNode, other: ProductNode, given: Mapping[str, str]
) -> evidence.Judgement:
    """The verdict about two products. Raises GraphQLError for a product and itself."""
    if one.product == other.product:
        raise bad_input("Both lookups mean the same product. Ask about two.", "SAME_PRODUCT")
    rows = {node.product: node.winners[0] for node in (one, other) if node.winners and node.winners[0]}
    hearing = await context.judging.hear(one.product, [other.product], given, viewer(context), rows=rows)
    context.failures.update(hearing.failures)
    judgement = hearing.judgement(other.product)
    context.judging.tally.note(judgement.verdict)
    return judgement


def compatibility_field(verdict: type[Any], find: Any) -> Any:
    """``Query.compatibility``; ``find`` finds the products of two lookups."""

    async def resolve(
        info: WhenceInfo,
        product: ProductLookup,
        with_: Annotated[ProductLookup, strawberry.argument(name="with")],
        context: list[ContextInput] | None = None,
    ) -> Any:
        one, other = await find(info.context, product, with_)
        return await judge(info.context, one, other, read_context(context))

    return strawberry.field(
        resolver=resolve,
        name="compatibility",
        graphql_type=verdict,
        description="Does one product go with another? The verdict, a sentence to read out, and what it rests on.",
    )
