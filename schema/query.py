"""``Query``: the ways in."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, cast
from uuid import UUID

import strawberry

from resolvers.lookup import LONGEST_LOOKUP, Ambiguous, Found, Lookup
from resolvers.ownership import FieldDefinition
from schema.compatibility import compatibility_field
from schema.connections import Connection, PageInfo, connect, page_size, read_position
from schema.context import RequestContext, WhenceInfo
from schema.decisions import deciding_mutations, decision_type, decisions_field
from schema.failures import bad_input
from schema.inputs import ProductLookup, filter_type, order_type, read_filter, read_order
from schema.matching import candidate_type, match_candidates_field, match_record_type
from schema.mutation import mutation_type
from schema.ownership import OwnershipMap, ReadPlan, Source, read_plan, source_type
from schema.partners import add_partners
from schema.product import ProductNode, product_type
from schema.questions import question_type, questions_field, verdict_counts_field
from schema.verdicts import verdict_type
from sources.ledger.conditions import Every, HasRecord, Listed

MOST_LOOKUPS = 100


def query_type(
    fields: Sequence[FieldDefinition],
    governs: bool,
    asks: bool = False,
    answers: bool = False,
    decides: bool = False,
) -> tuple[type[Any], type[Any] | None]:
    """``Query`` and ``Mutation`` for an audience that sees ``fields`` and, if it ``governs``, the ownership map; one that
    neither ``asks``, ``answers`` nor ``decides`` has no mutations."""
    product = product_type(fields, governs or decides)
    question = question_type(product) if asks or answers else None
    verdict = verdict_type(product, question, bool(fields))
    add_partners(product, verdict)
    found = _connection("Product", product, "A product and its place.")
    hit = strawberry.type(
        _annotated("SearchHit", {"product": product, "alias": str, "source": str, "scheme": str | None}),
        description="What matched, and whose name it is.",
    )
    hits = _connection("Search", hit, "A hit and its place.", counted=False)
    where_type = filter_type(fields, governs)
    ordering = order_type(fields)
    namespace = {
        "product": _product(product),
        "products_by": _products_by(product),
        "products": _products(found, where_type, ordering, fields),
        "search": _search(hits),
        "compatibility": compatibility_field(verdict, find_two),
    }
    if question is not None:
        namespace |= {"questions": questions_field(question), "verdict_counts": verdict_counts_field()}
    deciding: dict[str, Any] = {}
    if decides:
        record = match_record_type(product)
        decision = decision_type(record)
        namespace |= {
            "match_candidates": match_candidates_field(candidate_type(product, record, decision)),
            "decisions": decisions_field(decision),
        }
        deciding = deciding_mutations(product, decision)
    mutation = mutation_type(question, find_two, deciding, asks=asks, answers=answers)
    if governs:
        namespace |= {"sources": _sources(), "ownership_map": _ownership_map(), "plan": _plan()}
    made = type("Query", (), {"__annotations__": {}, "__module__": __name__, **namespace})
    query = strawberry.type(made, description="Products, and what is known about who owns what.")
    return cast(type[Any], query), mutation


# ── One product ────────────────────────────────────────────────────────────────────────────────────────────────────


def _product(product: type[Any]) -> Any:
    async def resolve(info: WhenceInfo, by: ProductLookup, as_of: datetime | None = None) -> Any:
        return await find_one(info.context, by.lookup(), as_of)

    return strawberry.field(
        resolver=resolve,
        name="product",
        graphql_type=product | None,
        description="One product, by any identifier or name; with asOf, as Whence knew it then. Names and links are those "
        "of today: a product whose records are all gone since is found by its id.",
    )


def _products_by(product: type[Any]) -> Any:
    async def resolve(info: WhenceInfo, lookups: list[ProductLookup], as_of: datetime | None = None) -> list[Any]:
        return await find_several(info.context, [one.lookup() for one in lookups], as_of)

    return strawberry.field(
        resolver=resolve,
        name="productsBy",
        graphql_type=list[product | None],  # type: ignore[valid-type]
        description="Products in the order asked; null where there is none.",
    )


async def find_several(
    context: RequestContext, lookups: Sequence[Lookup], as_of: datetime | None
) -> list[ProductNode | Exception | None]:
    """What each lookup means: its product, None, or the GraphQLError of one that is ambiguous. Raises GraphQLError for too
    many."""
    if len(lookups) > MOST_LOOKUPS:
        raise bad_input(f"{len(lookups)} lookups; ask for at most {MOST_LOOKUPS} at a time.")
    moment = past(as_of)
    found = await context.catalogue.find(lookups, context.visible, past=moment is not None)
    nodes = await _present(context, found, moment)
    return [
        ambiguous(one, lookup) if isinstance(one, Ambiguous) else node
        for one, node, lookup in zip(found, nodes, lookups, strict=True)
    ]


async def find_one(context: RequestContext, lookup: Lookup, as_of: datetime | None) -> ProductNode | None:
    """The product of one lookup, or None. Raises GraphQLError where it is ambiguous."""
    moment = past(as_of)
    found = await context.catalogue.find([lookup], context.visible, past=moment is not None)
    if isinstance(found[0], Ambiguous):
        raise ambiguous(found[0], lookup)
    return (await _present(context, found, moment))[0]


async def find_with_winners(
    context: RequestContext, lookups: Sequence[Lookup], *, origins: bool
) -> list[ProductNode | Exception | None]:
    """What each lookup means today, as :func:`find_several`, together with its winners."""
    found = await context.catalogue.find_with_winners(lookups, context.visible, context.reader.rules, origins=origins)
    nodes: list[ProductNode | Exception | None] = []
    for one, lookup in zip(found, lookups, strict=True):
        if isinstance(one, Ambiguous):
            nodes.append(ambiguous(one, lookup))
        else:
            nodes.append(None if one is None else ProductNode(one[0], None, (one[1],)))
    return nodes


async def find_two(context: RequestContext, one: ProductLookup, other: ProductLookup) -> list[ProductNode]:
    """The products of two lookups, today. Raises GraphQLError where there is none, and where several are meant."""
    lookups = [one.lookup(), other.lookup()]
    nodes = []
    for node, lookup in zip(await find_with_winners(context, lookups, origins=True), lookups, strict=True):
        if isinstance(node, Exception):
            raise node
        if node is None:
            raise bad_input(f"No product is meant by {lookup}; search finds what is near a name.", "NOT_FOUND")
        nodes.append(node)
    return nodes


async def _present(context: RequestContext, found: Sequence[Found], as_of: datetime | None) -> list[ProductNode | None]:
    """The products that were found; of the past, only those that somebody had a record of by then."""
    ids = [one if isinstance(one, UUID) else None for one in found]
    if as_of is None:
        return [ProductNode(one) if one is not None else None for one in ids]
    ledger = context.reader.executor.ledger.at(as_of)
    records = await ledger.of([one for one in ids if one is not None], ())
    return [ProductNode(one, as_of) if one is not None and records[one] else None for one in ids]


def ambiguous(found: Ambiguous, lookup: Lookup) -> Exception:
    """Several products are meant: the candidates come back, and no guess."""
    products = [str(product) for product in found.products[:20]]
    return bad_input(
        f"{len(found.products)} products are meant by {lookup}; ask by one of their ids.",
        "AMBIGUOUS",
        candidates=products,
    )


def past(as_of: datetime | None) -> datetime | None:
    """A moment that has been. Raises GraphQLError for one to come."""
    if as_of is not None and as_of > datetime.now(UTC):
        raise bad_input("asOf lies in the future; ask for a moment that has been.")
    return as_of


# ── Lists ──────────────────────────────────────────────────────────────────────────────────────────────────────────


def _products(
    connection: type[Any], where_type: type[Any], ordering: type[Any], fields: Sequence[FieldDefinition]
) -> Any:
    async def resolve(
        info: WhenceInfo, where: Any = None, order_by: Any = None, first: int | None = 20, after: str | None = None
    ) -> Any:
        context, size = info.context, page_size(first)
        condition = Every((HasRecord(tuple(sorted(context.visible))), read_filter(where, fields, context.catalogue)))
        order = read_order(order_by, context.catalogue)
        listing = ["products", context.audience, repr(condition), repr(order)]
        position = read_position(context.cursors, listing, after)
        start = Listed(UUID(position[0]), position[1]) if position else None
        listed = await context.catalogue.list(condition, order, start, size + 1)
        found = [([str(one.product), one.ordered_by], ProductNode(one.product)) for one in listed]
        return connect(context.cursors, listing, found, size, after, condition)

    resolve.__annotations__ |= {"where": where_type | None, "order_by": ordering | None}
    return strawberry.field(
        resolver=resolve,
        name="products",
        graphql_type=connection,
        description="Products by what their facts are, as the ledger holds them.",
    )


def _search(connection: type[Any]) -> Any:
    async def resolve(info: WhenceInfo, text: str, first: int | None = 20, after: str | None = None) -> Any:
        context, size = info.context, page_size(first)
        if len(text) > LONGEST_LOOKUP or "\x00" in text:
            raise bad_input(f"A search has at most {LONGEST_LOOKUP} plain characters.")
        listing = ["search", context.audience, text]
        position = read_position(context.cursors, listing, after)
        start = (int(position[0]), UUID(position[1])) if position else None
        hits = await context.catalogue.search(text, context.visible, start, size + 1)
        found = [
            (
                [hit.score, str(hit.product)],
                _Hit(ProductNode(hit.product), hit.alias, hit.source, hit.scheme),
            )
            for hit in hits
        ]
        return connect(context.cursors, listing, found, size, after)

    return strawberry.field(
        resolver=resolve,
        name="search",
        graphql_type=connection,
        description="Products by what any department calls them: name, SKU, GTIN or local id.",
    )


class _Hit:
    """What stands behind ``SearchHit``."""

    def __init__(self, product: ProductNode, alias: str, source: str, scheme: str) -> None:
        self.product, self.alias, self.source, self.scheme = product, alias, source, scheme


def _connection(name: str, node: type[Any], description: str, *, counted: bool = True) -> type[Any]:
    edge = strawberry.type(_annotated(f"{name}Edge", {"cursor": str, "node": node}), description=description)
    connection = _annotated(f"{name}Connection", {"edges": list[edge], "page_info": PageInfo})  # type: ignore[valid-type]
    if counted:

        async def total_count(root: strawberry.Parent[Connection[Any]], info: WhenceInfo) -> int:
            return await info.context.catalogue.count(root.counting or Every(()))

        connection.total_count = strawberry.field(resolver=total_count, description="How many there are on all pages.")
    return strawberry.type(connection, description="A page of a list.")


def _annotated(name: str, annotations: dict[str, Any]) -> type[Any]:
    return type(name, (), {"__annotations__": annotations, "__module__": __name__})


# ── Governance ─────────────────────────────────────────────────────────────────────────────────────────────────────


def _sources() -> Any:
    async def resolve(info: WhenceInfo) -> list[Source]:
        reports = await info.context.governance.sources()
        return [source_type(report, info.context.ownership, info.context.audience) for report in reports]

    return strawberry.field(resolver=resolve, name="sources", description="Every system that Whence reads.")


def _ownership_map() -> Any:
    async def resolve(info: WhenceInfo) -> OwnershipMap:
        ownership = info.context.ownership
        fields: Any = list(ownership.fields_for(info.context.audience))
        return OwnershipMap(version=ownership.digest, fields=fields)

    return strawberry.field(resolver=resolve, name="ownershipMap", description="Who owns what.")


def _plan() -> Any:
    async def resolve(info: WhenceInfo, by: ProductLookup, fields: list[str]) -> ReadPlan:
        node = await find_one(info.context, by.lookup(), None)
        if node is None:
            raise bad_input("No product is meant by this lookup.", "NOT_FOUND")
        return await read_plan(info.context, node, fields)

    return strawberry.field(
        resolver=resolve, name="plan", description="Which system is asked for what, and why, without asking."
    )
