"""``matchCandidates``: what a person is to look at, pairs of records and identifiers that stand on several products."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from enum import Enum
from typing import Any
from uuid import UUID

import strawberry

from resolvers.candidates import OPEN, PAIR, SHARED, Candidate, Chosen, position, write_id
from resolvers.lookup import LONGEST_LOOKUP, Lookup
from schema.connections import PageInfo, connect, page_size, read_position
from schema.context import RequestContext, WhenceInfo
from schema.crosswalk import Identifier, MatchFinding, match_findings
from schema.failures import bad_input
from schema.making import made_type, plain_field, resolved_field
from schema.product import ProductNode
from sources.contract import RecordKey
from sources.ledger.candidates import Glimpse, SharedIdentifier
from sources.ledger.pairs import Decision


@strawberry.enum(
    description="PAIR: two records that may be one product. SHARED_IDENTIFIER: one GTIN, SKU or part number on several."
)
class MatchKind(Enum):
    """What a candidate is."""

    PAIR = "PAIR"
    SHARED_IDENTIFIER = "SHARED_IDENTIFIER"


@strawberry.enum(
    description="OPEN: a person should say. CONFIRMED, REJECTED: one has. LINKED: the two are one product already."
)
class MatchState(Enum):
    """How a candidate stands."""

    OPEN = "OPEN"
    CONFIRMED = "CONFIRMED"
    REJECTED = "REJECTED"
    LINKED = "LINKED"


@strawberry.input(description="Which candidates; without state, those that are open.")
class MatchFilter:
    """All of these must hold."""

    kind: list[MatchKind] | None = strawberry.UNSET
    state: list[MatchState] | None = strawberry.UNSET
    source: str | None = strawberry.field(default=strawberry.UNSET, description="A system that has a record of it.")
    product: strawberry.ID | None = strawberry.field(
        default=strawberry.UNSET, description="A product that it is about."
    )
    least_probability: float | None = strawberry.field(
        default=strawberry.UNSET, description="Pairs of this probability or more, and no identifiers."
    )


def match_record_type(product: type[Any]) -> type[Any]:
    """``MatchRecord`` around ``product``."""

    def source(root: strawberry.Parent[Any]) -> str:
        return str(root.key.source)

    def record_id(root: strawberry.Parent[Any]) -> str:
        return str(root.key.id)

    def identifiers(root: strawberry.Parent[Any]) -> list[Identifier]:
        return [
            Identifier(scheme=one["scheme"], value=one["value"])
            for one in root.identifiers
            if "value" in one and "+" not in one["scheme"]
        ]

    def product_(root: strawberry.Parent[Any]) -> Any:
        return ProductNode(root.product) if root.product is not None else None

    return made_type(
        "MatchRecord",
        "A record, in short, as it was last seen.",
        source=resolved_field("source", str, source, "The system that has it."),
        recordId=resolved_field("recordId", str, record_id, "Its id there."),
        names=plain_field("names", list[str], "What it is called there."),
        identifiers=resolved_field("identifiers", list[Identifier], identifiers, "Its identifiers, as compared."),
        linkedBy=plain_field("linkedBy", str, "How it is linked to its product; see Crosswalk.", "linked_by"),
        product=resolved_field("product", product | None, product_, "The product it is on; null where it is gone."),
    )


async def glimpse(context: RequestContext, key: RecordKey) -> Glimpse:
    """A record in short. One that nobody has seen has nothing but its id."""
    return await context.glimpses.load(key) or Glimpse(key, (), (), "apart", None)


def candidate_type(product: type[Any], record: type[Any], decision: type[Any]) -> type[Any]:
    """``MatchCandidate`` around these."""

    def id_(root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(write_id(root))

    def kind(root: strawberry.Parent[Any]) -> Any:
        return MatchKind(SHARED if isinstance(root, SharedIdentifier) else PAIR)

    def state(root: strawberry.Parent[Any]) -> Any:
        return MatchState(root.state)

    async def left(root: strawberry.Parent[Any], info: WhenceInfo) -> Glimpse | None:
        return None if isinstance(root, SharedIdentifier) else await glimpse(info.context, root.pair.left)

    async def right(root: strawberry.Parent[Any], info: WhenceInfo) -> Glimpse | None:
        return None if isinstance(root, SharedIdentifier) else await glimpse(info.context, root.pair.right)

    async def records(root: strawberry.Parent[Any], info: WhenceInfo) -> list[Glimpse]:
        return [one for one in await info.context.glimpses.load_many(_records(root)) if one is not None]

    async def products(root: strawberry.Parent[Any], info: WhenceInfo) -> list[ProductNode]:
        if isinstance(root, SharedIdentifier):
            return [ProductNode(one) for one in dict.fromkeys(own for _, own in root.carriers)]
        found = await info.context.glimpses.load_many(_records(root))
        return [ProductNode(one) for one in dict.fromkeys(one.product for one in found if one and one.product)]

    async def product_count(root: strawberry.Parent[Any], info: WhenceInfo) -> int:
        return root.products if isinstance(root, SharedIdentifier) else len(await products(root, info))

    def identifier(root: strawberry.Parent[Any]) -> Identifier | None:
        return Identifier(scheme=root.scheme, value=root.value) if isinstance(root, SharedIdentifier) else None

    def findings(root: strawberry.Parent[Any]) -> list[MatchFinding]:
        return match_findings(getattr(root, "findings", ()))

    async def decision_(root: strawberry.Parent[Any], info: WhenceInfo) -> Decision | None:
        found = getattr(root, "decision", None)
        return await info.context.decisions.load(found) if found is not None else None

    def of_pair(name: str, type_: Any, description: str, attribute: str) -> Any:
        def resolver(root: strawberry.Parent[Any]) -> Any:
            return getattr(root, attribute, None)

        return resolved_field(name, type_ | None, resolver, description)

    return made_type(
        "MatchCandidate",
        "Records that may be one product, or are said to be by an identifier that stands on several.",
        id=resolved_field("id", strawberry.ID, id_, "Stable; confirmMatch and rejectMatch take it."),
        kind=resolved_field("kind", MatchKind, kind, "What it is."),
        state=resolved_field("state", MatchState, state, "How it stands."),
        left=resolved_field("left", record | None, left, "One record of a pair."),
        right=resolved_field("right", record | None, right, "The other."),
        records=resolved_field("records", list[record], records, "Every record concerned, at most 100."),  # type: ignore[valid-type]
        products=resolved_field("products", list[product], products, "The products concerned, at most 100."),  # type: ignore[valid-type]
        productCount=resolved_field("productCount", int, product_count, "How many products there are, named or not."),
        identifier=resolved_field("identifier", Identifier | None, identifier, "What stands on several products."),
        probability=of_pair("probability", float, "How probable it is that the pair is one product.", "probability"),
        findings=resolved_field("findings", list[MatchFinding], findings, "Why, the weightiest first."),
        ruleVersion=of_pair("ruleVersion", str, "The version of matching that found it.", "rule_version"),
        foundAt=of_pair("foundAt", datetime, "When it was found.", "found_at"),
        decision=resolved_field("decision", decision | None, decision_, "What a person decided about the pair."),
    )


def _records(candidate: Candidate) -> Sequence[RecordKey]:
    if isinstance(candidate, SharedIdentifier):
        return [key for key, _ in candidate.carriers]
    return list(candidate.pair)


def match_candidates_field(candidate: type[Any]) -> Any:
    """``Query.matchCandidates``."""
    edge = made_type(
        "MatchCandidateEdge",
        "A candidate and its place.",
        cursor=plain_field("cursor", str, "Its place."),
        node=plain_field("node", candidate, "The candidate."),
    )
    connection = made_type(
        "MatchCandidateConnection",
        "A page of candidates: identifiers on most products first, then pairs, the surest of those that wait first.",
        edges=plain_field("edges", list[edge], "The candidates."),  # type: ignore[valid-type]
        pageInfo=plain_field("pageInfo", PageInfo, "Where it stands.", "page_info"),
    )

    async def resolve(
        info: WhenceInfo, where: MatchFilter | None = None, first: int = 50, after: str | None = None
    ) -> Any:
        context, size = info.context, page_size(first)
        chosen = await _chosen(context, where)
        listing = ["matchCandidates", context.audience, repr(chosen)]
        found = await context.candidates.list(chosen, read_position(context.cursors, listing, after), size + 1)
        return connect(context.cursors, listing, [(position(one), one) for one in found], size, after)

    return strawberry.field(
        resolver=resolve,
        name="matchCandidates",
        graphql_type=connection,
        description="Records that may be one product, and identifiers that stand on several: a person decides.",
    )


async def _chosen(context: RequestContext, where: MatchFilter | None) -> Chosen:
    if where is None:
        return Chosen()
    source, least = where.source or None, where.least_probability
    if source is not None and source not in context.visible:
        raise bad_input(f"source names no system that you see; name one of {', '.join(sorted(context.visible))}.")
    if least is strawberry.UNSET or least is None:
        least = None
    elif not 0 <= least <= 1:
        raise bad_input("leastProbability is a number from 0 to 1.")
    states = tuple(sorted({one.value for one in where.state})) if where.state else (OPEN,)
    kinds = tuple(sorted({one.value for one in where.kind})) if where.kind else (PAIR, SHARED)
    return Chosen(states, kinds, source, await meant_product(context, where.product), least)


async def meant_product(context: RequestContext, given: str | None) -> UUID | None:
    """The product that a filter's id means now, through merges; None where none is given. Raises GraphQLError."""
    if not given:
        return None
    (found,) = await context.catalogue.find([Lookup(id=str(given)[:LONGEST_LOOKUP])], context.visible, past=True)
    if not isinstance(found, UUID):
        raise bad_input("product is the id of a product that is there.", "NOT_FOUND")
    return found
