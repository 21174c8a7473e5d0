"""``Mutation``: questions to stewards, and their answers; decisions about which records are one product. Nothing else is ever
written through this API."""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Annotated, Any, cast
from uuid import UUID

import strawberry

from resolvers.compatibility.evidence import Verdict
from resolvers.compatibility.narrowing import KNOWN
from resolvers.compatibility.questions import LONGEST_ANSWER, OPEN_FOR, NoSuchQuestion
from schema.compatibility import LONGEST_VALUE, ContextInput, judge, read_context
from schema.context import RequestContext, WhenceInfo
from schema.failures import bad_input
from schema.inputs import ProductLookup
from schema.product import ProductNode
from schema.texts import plain_text
from sources.ranges import is_range
from sources.statements import RANGES, VERDICTS

Find = Callable[[RequestContext, ProductLookup, ProductLookup], Coroutine[Any, Any, list[ProductNode]]]


@strawberry.input(description="A range or a list that an answer is limited to: " + ", ".join(KNOWN) + ".")
class QualifierInput:
    """A range has from and to, or one of them; position, region, channel, adapter and quantity have values."""

    name: str
    from_: str | None = strawberry.field(name="from", default=strawberry.UNSET)
    to: str | None = strawberry.UNSET
    values: list[str] | None = strawberry.UNSET


def mutation_type(
    question: type[Any] | None, find: Find, deciding: Mapping[str, Any], *, asks: bool, answers: bool
) -> type[Any] | None:
    """``Mutation`` for an audience that may ask and answer, with the mutations of ``deciding``; None for one that may do
    nothing."""
    namespace: dict[str, Any] = dict(deciding)
    if asks:
        namespace["ask_question"] = _ask(question, find)
    if answers:
        namespace["answer_question"] = _answer(question)
    if not namespace:
        return None
    made = type("Mutation", (), {"__annotations__": {}, "__module__": __name__, **namespace})
    return cast(type[Any], strawberry.type(made, description="Questions to stewards and their answers, and decisions."))


def _ask(question: type[Any] | None, find: Find) -> Any:
    async def resolve(
        info: WhenceInfo,
        product: ProductLookup,
        with_: Annotated[ProductLookup, strawberry.argument(name="with")],
        context: list[ContextInput] | None = None,
    ) -> Any:
        one, other = await find(info.context, product, with_)
        judgement = await judge(info.context, one, other, read_context(context))
        if judgement.verdict not in OPEN_FOR:
            raise bad_input(judgement.summary, "KNOWN", verdict=judgement.verdict.value)
        return await info.context.questions.ask(judgement)

    return strawberry.mutation(
        resolver=resolve,
        name="askQuestion",
        graphql_type=list[question],  # type: ignore[valid-type]
        description="Put what is missing for a verdict into its stewards' queues: a question for each missing fact, once "
        "however often it is asked.",
    )


def _answer(question: type[Any] | None) -> Any:
    async def resolve(
        info: WhenceInfo,
        question: strawberry.ID,
        verdict: Verdict,
        author: str,
        text: str | None = None,
        condition: str | None = None,
        qualifiers: list[QualifierInput] | None = None,
        expires_at: datetime | None = None,
    ) -> Any:
        if verdict.value not in VERDICTS:
            raise bad_input(f"An answer says {', '.join(VERDICTS)}; who does not know leaves the question open.")
        if verdict is Verdict.CONDITIONAL and not (condition or qualifiers or text):
            raise bad_input("CONDITIONAL needs qualifiers, a condition or a text: say on what it depends.")
        now = datetime.now(UTC)
        if expires_at is not None and not now < expires_at <= now + LONGEST_ANSWER:
            raise bad_input("expiresAt is a moment to come, within a century.")
        try:
            return await info.context.questions.answer(
                _id(question),
                verdict,
                qualifiers=_qualifiers(qualifiers),
                condition=plain_text("condition", condition),
                text=plain_text("text", text),
                author=plain_text("author", author, LONGEST_VALUE) or _nobody(),
                expires_at=expires_at,
            )
        except NoSuchQuestion:
            raise bad_input("There is no such question.", "NOT_FOUND") from None

    return strawberry.mutation(
        resolver=resolve,
        name="answerQuestion",
        graphql_type=question,
        description="Answer a question: from now until it expires the answer is a statement, with its author and date.",
    )


def _id(text: str) -> UUID:
    try:
        return UUID(str(text))
    except ValueError:
        raise bad_input("There is no such question.", "NOT_FOUND") from None


def _nobody() -> str:
    raise bad_input("author is who answers: a name.")


def _qualifiers(given: Sequence[QualifierInput] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for one in given or ():
        if one.name not in KNOWN or one.name in found:
            raise bad_input(
                f"An answer has no qualifier {one.name[:40]!r}, or has it already; it has {', '.join(KNOWN)}."
            )
        ends = {"from": one.from_ or None, "to": one.to or None}
        values = list(one.values or ())
        if len(values) > 50 or any(len(text or "") > LONGEST_VALUE for text in (*ends.values(), *values)):
            raise bad_input(f"{one.name}: at most 50 values of {LONGEST_VALUE} characters.")
        if one.name in RANGES:
            found[one.name] = {end: text for end, text in ends.items() if text}
            if not is_range(one.name, found[one.name]):
                raise bad_input(f"{one.name} from {one.from_!r} to {one.to!r} is no range.")
        else:
            found[one.name] = values
        if not found[one.name]:
            raise bad_input(f"{one.name} needs {'from or to' if one.name in RANGES else 'values'}.")
    return found
