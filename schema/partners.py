"""``Product.compatibleWith``: what goes with a product, a page at a time."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

import strawberry
from strawberry.types import get_object_definition

from resolvers.compatibility.evidence import Verdict
from resolvers.compatibility.partners import DEFAULT_VERDICTS
from schema.compatibility import LONGEST_VALUE, ContextInput, read_context, viewer
from schema.connections import Connection, Edge, PageInfo, page_size, read_position
from schema.context import RequestContext, WhenceInfo
from schema.failures import bad_input
from schema.making import made_type, plain_field
from schema.product import ProductNode

MOST_CATEGORIES = 50
MOST_LISTS = 20
"""Products of one request whose partners are asked for: each takes as much as a page of verdicts."""


@strawberry.input(description="Which partners.")
class CompatibilityFilter:
    """All of these must hold."""

    verdict: list[Verdict] | None = strawberry.UNSET
    category: list[str] | None = strawberry.UNSET


def add_partners(product: type[Any], verdict: type[Any]) -> None:
    """Add ``Product.compatibleWith``: the type it answers holds products, so that it comes after ``Product`` is made."""
    edge = made_type(
        "CompatibilityEdge",
        "A partner and its place.",
        cursor=plain_field("cursor", str, "Its place."),
        node=plain_field("node", verdict, "The verdict."),
    )
    connection = made_type(
        "CompatibilityConnection",
        "A page of what goes with a product.",
        edges=plain_field("edges", list[edge], "The partners."),  # type: ignore[valid-type]
        pageInfo=plain_field("pageInfo", PageInfo, "Where it stands.", "page_info"),
    )

    async def resolve(
        root: strawberry.Parent[ProductNode],
        info: WhenceInfo,
        first: int = 20,
        after: str | None = None,
        where: CompatibilityFilter | None = None,
        context: list[ContextInput] | None = None,
    ) -> Any:
        return await _partners(root, info.context, page_size(first), after, where, read_context(context))

    resolve.__name__ = "compatibleWith"
    field = strawberry.field(
        resolver=resolve,
        name="compatibleWith",
        graphql_type=connection,
        description="What goes with it: everything that is COMPATIBLE, CONDITIONAL or CONFLICTING, or by where.",
    )
    field.python_name = "compatibleWith"
    definition = get_object_definition(product, strict=True)
    field.origin = product
    definition.fields.append(field)


async def _partners(
    node: ProductNode,
    context: RequestContext,
    size: int,
    after: str | None,
    where: CompatibilityFilter | None,
    given: Mapping[str, str],
) -> Connection[Any]:
    context.partner_lists += 1
    if context.partner_lists > MOST_LISTS:
        raise bad_input(f"compatibleWith of more than {MOST_LISTS} products; ask for fewer at a time.")
    verdicts = (where.verdict if where else None) or None
    categories = (where.category if where else None) or None
    if categories and (len(categories) > MOST_CATEGORIES or any(len(one) > LONGEST_VALUE for one in categories)):
        raise bad_input(f"Ask for at most {MOST_CATEGORIES} categories of {LONGEST_VALUE} characters.")
    if categories and context.ownership.compatibility.category not in viewer(context).fields:
        raise bad_input("There are no categories here to choose partners by.")
    if node.as_of is not None:
        raise bad_input("compatibleWith is about today; ask for the product without asOf.")
    chosen = frozenset(verdicts) if verdicts else DEFAULT_VERDICTS
    listing = ["partners", context.audience, str(node.product), sorted(chosen), categories, sorted(given.items())]
    position = read_position(context.cursors, listing, after)
    page = await context.partners.page(
        node.product,
        given,
        viewer(context),
        size=size,
        after=UUID(position[0]) if position else None,
        verdicts=chosen,
        categories=categories,
        rows=node.winners_at_hand,
    )
    context.failures.update(page.failures)
    edges = [Edge(context.cursors.write(listing, [str(one.other)]), one) for one in page.found]
    end = context.cursors.write(listing, [str(page.reached)]) if page.reached else None
    info = PageInfo(
        has_next_page=page.reached is not None,
        has_previous_page=after is not None,
        start_cursor=edges[0].cursor if edges else None,
        end_cursor=end or (edges[-1].cursor if edges else None),
    )
    return Connection(edges, info)
