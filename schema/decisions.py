"""What people decide about which records are one product: the mutations, and who said what, when and why."""

from __future__ import annotations

from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any, TypeAlias
from uuid import UUID

import strawberry

from resolvers.candidates import read_id
from resolvers.deciding import MOST_MERGED, Decided
from resolvers.lookup import Lookup
from resolvers.refusals import Refused
from schema.compatibility import LONGEST_VALUE
from schema.connections import PageInfo, connect, page_size, read_position
from schema.context import RequestContext, WhenceInfo
from schema.failures import bad_input
from schema.inputs import RecordInput
from schema.making import made_type, plain_field, resolved_field
from schema.matching import glimpse, meant_product
from schema.product import ProductNode
from schema.texts import plain_text
from sources.contract import RecordKey
from sources.ledger.candidates import Glimpse
from sources.ledger.pairs import Decision, Pair, decision_history
from sources.storable import is_storable

MOST_RECORDS = 200
"""Records that a split names."""
Given: TypeAlias = Annotated[strawberry.ID, strawberry.argument(name="id")]


def decision_type(record: type[Any]) -> type[Any]:
    """``MatchDecision`` around ``record``."""

    def id_(root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(str(root.id))

    def action(root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(str(root.action))

    async def left(root: strawberry.Parent[Any], info: WhenceInfo) -> Glimpse:
        return await glimpse(info.context, root.pair.left)

    async def right(root: strawberry.Parent[Any], info: WhenceInfo) -> Glimpse:
        return await glimpse(info.context, root.pair.right)

    return made_type(
        "MatchDecision",
        "What a person decided about two records. It stays, whatever happens to them, until it is undone.",
        id=resolved_field("id", strawberry.ID, id_, "Its id; undoDecision takes it."),
        action=resolved_field("action", strawberry.ID, action, "What was done at once; undoDecision takes it too."),
        kind=plain_field("kind", str, "confirm, reject, merge or split."),
        left=resolved_field("left", record, left, "One of the two."),
        right=resolved_field("right", record, right, "The other."),
        verdict=plain_field("verdict", str, "SAME: they are one product. APART: they are not."),
        by=plain_field("by", str, "Who decided."),
        why=plain_field("why", str | None, "Why."),
        decidedAt=plain_field("decidedAt", datetime, "When.", "decided_at"),
        inEffect=plain_field(
            "inEffect",
            bool,
            "Whether it counts: it is not undone, and no later one about the two is there.",
            "in_effect",
        ),
        undoneAt=plain_field("undoneAt", datetime | None, "When it was undone.", "undone_at"),
        undoneBy=plain_field("undoneBy", str | None, "Who undid it.", "undone_by"),
        undoneWhy=plain_field("undoneWhy", str | None, "Why it was undone.", "undone_why"),
    )


@strawberry.input(description="Which decisions.")
class DecisionFilter:
    """All of these must hold."""

    product: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="About any record of this product, those that are gone included."
    )
    candidate: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="About a pair of records; see MatchCandidate."
    )
    action: strawberry.ID | None = strawberry.UNSET


def decisions_field(decision: type[Any]) -> Any:
    """``Query.decisions``."""
    edge = made_type(
        "MatchDecisionEdge",
        "A decision and its place.",
        cursor=plain_field("cursor", str, "Its place."),
        node=plain_field("node", decision, "The decision."),
    )
    connection = made_type(
        "MatchDecisionConnection",
        "A page of decisions, the latest first.",
        edges=plain_field("edges", list[edge], "The decisions."),  # type: ignore[valid-type]
        pageInfo=plain_field("pageInfo", PageInfo, "Where it stands.", "page_info"),
    )

    async def resolve(
        info: WhenceInfo, where: DecisionFilter | None = None, first: int = 50, after: str | None = None
    ) -> Any:
        context, size = info.context, page_size(first)
        given = (where.product, where.candidate, where.action) if where is not None else (None, None, None)
        product, pair = await meant_product(context, given[0]), _pair(given[1])
        action = _uuid(given[2], "an act") if given[2] else None
        listing = ["decisions", context.audience, str(product), repr(pair), str(action)]
        place = read_position(context.cursors, listing, after)
        found = await decision_history(
            context.catalogue.pool,
            product=product,
            pair=pair,
            action=action,
            visible=sorted(context.visible),
            after=(datetime.fromisoformat(place[0]), UUID(place[1])) if place else None,
            limit=size + 1,
        )
        rows = [([one.decided_at.isoformat(), str(one.id)], one) for one in found]
        return connect(context.cursors, listing, rows, size, after)

    return strawberry.field(
        resolver=resolve,
        name="decisions",
        graphql_type=connection,
        description="Who decided what about which records are one product, and undid what, the latest first.",
    )


def _pair(given: str | None) -> Pair | None:
    if not given:
        return None
    try:
        meant = read_id(str(given))
    except Refused as refused:
        raise bad_input(str(refused), refused.code) from None
    if not isinstance(meant, Pair):
        raise bad_input("candidate is a pair of records; decisions about an identifier are found by its products.")
    return meant


# ── Mutations ──────────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass(frozen=True, slots=True)
class Outcome:
    """What stands behind ``DecisionResult``."""

    decided: Decided
    products: Sequence[UUID]
    """Those of which the asker sees a record."""
    visible: frozenset[str]


def deciding_mutations(product: type[Any], decision: type[Any]) -> dict[str, Any]:
    """The mutations of an audience that decides."""

    def action(root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(str(root.decided.action))

    def decisions(root: strawberry.Parent[Any]) -> list[Decision]:
        return [one for one in root.decided.decisions if all(key.source in root.visible for key in one.pair)]

    def products(root: strawberry.Parent[Any]) -> list[ProductNode]:
        return [ProductNode(one) for one in root.products]

    def overrides(root: strawberry.Parent[Any]) -> list[Decision]:
        return [one for one in root.decided.overrides if all(key.source in root.visible for key in one.pair)]

    result = made_type(
        "DecisionResult",
        "What came of a decision.",
        action=resolved_field("action", strawberry.ID, action, "What was done at once; undoDecision takes it."),
        decisions=resolved_field("decisions", list[decision], decisions, "What was decided, pair by pair."),  # type: ignore[valid-type]
        products=resolved_field("products", list[product], products, "The products that the records are on now."),  # type: ignore[valid-type]
        overrides=resolved_field(
            "overrides",
            list[decision],  # type: ignore[valid-type]
            overrides,
            "What was decided before and holds no more; undo this, and it holds again.",
        ),
    )

    def mutation(name: str, resolver: Any, description: str) -> Any:
        return strawberry.mutation(resolver=resolver, name=name, graphql_type=result, description=description)

    return {
        "confirm_match": mutation(
            "confirmMatch",
            _confirm,
            "A candidate is one product: its two records are, or all that share its identifier.",
        ),
        "reject_match": mutation(
            "rejectMatch", _reject, "A candidate is not one product. Its records are never on one, nor proposed again."
        ),
        "merge_products": mutation(
            "mergeProducts",
            _merge,
            "These products are one. Their ids go on meaning it; what kept them apart is overridden.",
        ),
        "split_product": mutation(
            "splitProduct", _split, "These records are not the product that they are on. The others keep its id."
        ),
        "undo_decision": mutation(
            "undoDecision", _undo, "A decision, or all that was done at once, by its id: as if it had never been."
        ),
    }


async def _confirm(info: WhenceInfo, id_: Given, by: str, why: str | None = None) -> Any:
    who, because = _said(by, why)
    return await _done(info.context, info.context.candidates.confirm(str(id_), who, because))


async def _reject(info: WhenceInfo, id_: Given, by: str, why: str | None = None) -> Any:
    who, because = _said(by, why)
    return await _done(info.context, info.context.candidates.reject(str(id_), who, because))


async def _merge(info: WhenceInfo, products: list[strawberry.ID], by: str, why: str | None = None) -> Any:
    who, because = _said(by, why)
    if len(products) > MOST_MERGED:
        raise bad_input(f"{len(products)} products; at most {MOST_MERGED} are merged at once.", "TOO_MANY")
    ids = [_uuid(one, "a product") for one in products]
    return await _done(info.context, info.context.deciding.merge(ids, who, because))


async def _split(
    info: WhenceInfo, product: strawberry.ID, records: list[RecordInput], by: str, why: str | None = None
) -> Any:
    who, because = _said(by, why)
    if len(records) > MOST_RECORDS:
        raise bad_input(f"{len(records)} records; at most {MOST_RECORDS} are split off at once.", "TOO_MANY")
    if not all(is_storable(part) for one in records for part in (one.source, one.id)):
        raise bad_input("records are of the product's crosswalk: a source and a recordId.", "NOT_FOUND")
    off = [RecordKey(one.source, str(one.id)) for one in records]
    return await _done(info.context, info.context.deciding.split(_uuid(product, "a product"), off, who, because))


async def _undo(info: WhenceInfo, id_: Given, by: str, why: str | None = None) -> Any:
    who, because = _said(by, why)
    return await _done(info.context, info.context.deciding.undo(_uuid(id_, "a decision"), who, because))


async def _done(context: RequestContext, deciding: Coroutine[Any, Any, Decided]) -> Outcome:
    try:
        decided = await deciding
    except Refused as refused:
        raise bad_input(str(refused), refused.code, **refused.details) from None
    context.reader.unready(decided.products)
    lookups = [Lookup(id=str(product)) for product in decided.products]
    seen = await context.catalogue.find(lookups, context.visible, past=True)
    return Outcome(decided, [product for product in seen if isinstance(product, UUID)], context.visible)


def _said(by: str, why: str | None) -> tuple[str, str | None]:
    who = plain_text("by", by, LONGEST_VALUE)
    if who is None:
        raise bad_input("by is who decides: a name.")
    return who, plain_text("why", why)


def _uuid(text: str, what: str) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise bad_input(f"{str(text)[:80]!r} is not the id of {what}.", "NOT_FOUND") from None
