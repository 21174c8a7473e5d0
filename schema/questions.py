"""``questions``: what nobody could say, as the queues of stewards; and how often which verdict was given."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import strawberry

from resolvers.compatibility.evidence import Verdict
from schema.connections import Connection, Edge, PageInfo, page_size, read_position
from schema.context import WhenceInfo
from schema.definitions import FieldDefinition, Steward
from schema.failures import bad_input
from schema.making import made_type, plain_field, product_field, resolved_field
from schema.product import ProductNode
from sources.ledger.tally import verdict_counts

LONGEST_LOOK_BACK = 366
"""Days."""


def question_type(product: type[Any]) -> type[Any]:
    """``Question`` around ``product``."""

    def id_(root: strawberry.Parent[Any]) -> strawberry.ID:
        return strawberry.ID(str(root.question_id))

    def state(root: strawberry.Parent[Any]) -> str:
        return "OPEN" if root.answered_at is None else "ANSWERED"

    def steward(root: strawberry.Parent[Any], info: WhenceInfo) -> Steward | None:
        contact = root.contact if info.context.governs else None
        return Steward(name=root.steward, contact=contact) if root.steward else None

    def about(root: strawberry.Parent[Any]) -> Any:
        return ProductNode(root.about) if root.about is not None else None

    def definition(root: strawberry.Parent[Any], info: WhenceInfo) -> Any:
        context = info.context
        found = context.ownership.fields.get(root.field) if root.field else None
        return found if found is not None and context.audience in found.audiences else None

    def wording(root: strawberry.Parent[Any], info: WhenceInfo) -> str:
        hidden = root.field is not None and definition(root, info) is None
        return "Something about the two is not known." if hidden else root.wording

    return made_type(
        "Question",
        "What nobody could say about two products, and whose question it is.",
        id=resolved_field("id", strawberry.ID, id_, "Stable."),
        state=resolved_field("state", str, state, "OPEN, or ANSWERED until the answer expires."),
        wording=resolved_field("wording", str, wording, "What was told when it was last asked."),
        product=product_field(product, "product", "One of the two."),
        with_=product_field(product, "other", "The other.", "with"),
        about=resolved_field("about", product | None, about, "Whose fact is missing."),
        field=resolved_field("field", FieldDefinition | None, definition, "Which fact is missing."),
        steward=resolved_field("steward", Steward | None, steward, "Whose question it is."),
        asked=plain_field("asked", int, "How often it was asked."),
        firstAskedAt=plain_field("firstAskedAt", datetime, "When it was first asked.", "first_asked_at"),
        lastAskedAt=plain_field("lastAskedAt", datetime, "When it was last asked.", "last_asked_at"),
        answeredAt=plain_field("answeredAt", datetime | None, "When it was answered.", "answered_at"),
        verdict=plain_field("verdict", Verdict | None, "The answer."),
        text=plain_field("text", str | None, "The answer in words."),
        author=plain_field("author", str | None, "Who answered."),
        expiresAt=plain_field("expiresAt", datetime | None, "Until when the answer counts.", "expires_at"),
    )


@strawberry.input(description="Which questions.")
class QuestionFilter:
    """All of these must hold."""

    answered: bool | None = strawberry.UNSET
    steward: str | None = strawberry.UNSET
    product: strawberry.ID | None = strawberry.UNSET


def questions_field(question: type[Any]) -> Any:
    """``Query.questions``."""
    edge = made_type(
        "QuestionEdge",
        "A question and its place.",
        cursor=plain_field("cursor", str, "Its place."),
        node=plain_field("node", question, "The question."),
    )

    async def total(root: strawberry.Parent[Connection[Any]], info: WhenceInfo) -> int:
        count: int = await info.context.questions.count(**root.counting)
        return count

    connection = made_type(
        "QuestionConnection",
        "A page of questions, those asked most often first.",
        edges=plain_field("edges", list[edge], "The questions."),  # type: ignore[valid-type]
        pageInfo=plain_field("pageInfo", PageInfo, "Where it stands.", "page_info"),
        totalCount=resolved_field("totalCount", int, total, "How many there are on all pages."),
    )

    async def resolve(
        info: WhenceInfo, where: QuestionFilter | None = None, first: int = 50, after: str | None = None
    ) -> Any:
        context, size = info.context, page_size(first)
        chosen = _chosen(where)
        listing = ["questions", context.audience, repr(chosen)]
        position = read_position(context.cursors, listing, after)
        start = (int(position[0]), UUID(position[1])) if position else None
        found = await context.questions.list(**chosen, after=start, limit=size + 1)
        edges = [Edge(context.cursors.write(listing, [one.asked, str(one.question_id)]), one) for one in found[:size]]
        page = PageInfo(
            has_next_page=len(found) > size,
            has_previous_page=after is not None,
            start_cursor=edges[0].cursor if edges else None,
            end_cursor=edges[-1].cursor if edges else None,
        )
        return Connection(edges, page, chosen)

    return strawberry.field(
        resolver=resolve,
        name="questions",
        graphql_type=connection,
        description="What nobody could say, by how often it was asked: the stewards' queues.",
    )


def _chosen(where: QuestionFilter | None) -> dict[str, Any]:
    answered = (where.answered if where else None) if where and where.answered is not strawberry.UNSET else None
    steward = where.steward if where and where.steward is not strawberry.UNSET else None
    product = None
    if where and where.product:
        try:
            product = UUID(str(where.product))
        except ValueError:
            raise bad_input("product is the id of a product.") from None
    return {"open_": None if answered is None else not answered, "steward": steward, "product": product}


@strawberry.type(description="How often a verdict was given on a day (UTC).")
class VerdictCount:
    """A day, a verdict and a count."""

    day: str = strawberry.field(description="As 2026-01-31.")
    verdict: Verdict
    count: int


def verdict_counts_field() -> Any:
    """``Query.verdictCounts``."""

    async def resolve(info: WhenceInfo, days: int = 30) -> list[VerdictCount]:
        if not 1 <= days <= LONGEST_LOOK_BACK:
            raise bad_input(f"days is {days}; ask for 1 to {LONGEST_LOOK_BACK}.")
        since: date = datetime.now(UTC).date() - timedelta(days=days - 1)
        await info.context.judging.tally.write()
        rows = await verdict_counts(info.context.catalogue.pool, since)
        return [
            VerdictCount(day=day.isoformat(), verdict=Verdict(verdict), count=count) for day, verdict, count in rows
        ]

    return strawberry.field(
        resolver=resolve,
        name="verdictCounts",
        description="How often which verdict was given, the newest day first: the unanswered ones are UNKNOWN.",
    )
