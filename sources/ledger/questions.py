"""Questions that nobody could answer yet, and the answers that came: each question once, however often it is asked."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NamedTuple
from uuid import UUID

from sources.ledger.database import Pool
from sources.ledger.statements import ANSWERS, StatementRow, write_answer
from sources.values import JSON


class QuestionRow(NamedTuple):
    """A question as it is asked."""

    question_id: UUID
    product: UUID
    other: UUID
    about: UUID | None
    field: str | None
    steward: str | None
    contact: str | None
    wording: str


@dataclass(frozen=True, slots=True)
class StoredQuestion:
    """A question as the ledger has it. ``answered_at`` is None where no answer counts any more, or ever did."""

    question_id: UUID
    product: UUID
    other: UUID
    about: UUID | None
    field: str | None
    steward: str | None
    contact: str | None
    wording: str
    asked: int
    first_asked_at: datetime
    last_asked_at: datetime
    answered_at: datetime | None
    verdict: str | None
    text: str | None
    author: str | None
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class Answer:
    """What somebody answered."""

    verdict: str
    qualifiers: Mapping[str, JSON]
    condition: str | None
    text: str | None
    author: str
    answered_at: datetime
    expires_at: datetime


async def ask(pool: Pool, rows: Sequence[QuestionRow], at: datetime) -> None:
    """Put questions; one that is there already is asked once more."""
    columns = list(zip(*sorted(rows), strict=True))
    await pool.execute(_ASK, *columns, at)


async def questions(
    pool: Pool,
    at: datetime,
    *,
    ids: Sequence[UUID] | None = None,
    open_: bool | None = None,
    steward: str | None = None,
    product: UUID | None = None,
    after: tuple[int, UUID] | None = None,
    limit: int = 100,
) -> list[StoredQuestion]:
    """Questions, those asked most often first: these ids, open ones at ``at`` or answered ones, a steward's, a product's."""
    asked, last = after if after is not None else (None, None)
    chosen = None if ids is None else list(ids)
    rows = await pool.fetch(_QUESTIONS, at, chosen, open_, steward, product, asked, last, limit)
    return [StoredQuestion(**row) for row in rows]


async def count_questions(
    pool: Pool, at: datetime, *, open_: bool | None = None, steward: str | None = None, product: UUID | None = None
) -> int:
    """How many questions there are of these."""
    count: int = await pool.fetchval(_COUNT, at, open_, steward, product)
    return count


async def known_questions(pool: Pool, product: UUID, other: UUID) -> dict[tuple[UUID | None, str | None], UUID]:
    """The questions about two products, also those asked under ids that were merged into theirs: by the product whose fact
    is missing and the field."""
    rows = await pool.fetch(_KNOWN, product, other)
    return {(row["about"], row["field"]): row["question_id"] for row in reversed(rows)}


async def answer(pool: Pool, question: StoredQuestion, said: Answer) -> None:
    """Keep an answer, and have it count as a statement in place of an earlier one to the same question."""
    async with pool.acquire() as connection, connection.transaction():
        await connection.execute("select from questions where question_id = $1 for update", question.question_id)
        number: int = await connection.fetchval(
            "select coalesce(max(number), 0) + 1 from answers where question_id = $1", question.question_id
        )
        await connection.execute(
            _ANSWER,
            question.question_id,
            number,
            said.verdict,
            said.qualifiers,
            said.condition,
            said.text,
            said.author,
            said.answered_at,
            said.expires_at,
        )
        await connection.execute(
            "update questions set answered_at = $2 where question_id = $1", question.question_id, said.answered_at
        )
        await write_answer(
            connection,
            StatementRow(
                ANSWERS,
                str(question.question_id),
                number,
                f"id={question.product}",
                f"id={question.other}",
                "works-with",
                said.verdict,
                said.qualifiers,
                said.condition,
                said.text,
                said.author,
                said.answered_at,
                said.answered_at,
                said.expires_at,
            ),
        )


_ASK = """
insert into questions (question_id, product_id, with_id, about_id, field, steward, contact, wording, asked,
                       first_asked_at, last_asked_at)
select q.*, 1, $9, $9 from unnest($1::uuid[], $2::uuid[], $3::uuid[], $4::uuid[], $5::text[], $6::text[], $7::text[],
                                  $8::text[]) as q
on conflict (question_id) do update
set asked = questions.asked + 1, last_asked_at = excluded.last_asked_at, wording = excluded.wording,
    steward = excluded.steward, contact = excluded.contact
"""
_NEWEST = """
from questions q left join lateral (
    select verdict, text, author, answered_at, expires_at from answers a where a.question_id = q.question_id
    order by number desc limit 1
) a on a.expires_at > $1
"""
_QUESTIONS = f"""
select q.question_id, coalesce(f.product_id, q.product_id) as product, coalesce(g.product_id, q.with_id) as other,
       coalesce(h.product_id, q.about_id) as about, q.field, q.steward, q.contact, q.wording, q.asked,
       q.first_asked_at, q.last_asked_at, a.answered_at, a.verdict, a.text, a.author, a.expires_at
{_NEWEST}
left join former_ids f on f.former_id = q.product_id
left join former_ids g on g.former_id = q.with_id
left join former_ids h on h.former_id = q.about_id
where ($2::uuid[] is null or q.question_id = any($2::uuid[]))
  and ($3::boolean is null or (a.answered_at is null) = $3)
  and ($4::text is null or q.steward = $4)
  and ($5::uuid is null or coalesce(f.product_id, q.product_id) = $5 or coalesce(g.product_id, q.with_id) = $5)
  and ($2::uuid[] is not null or coalesce(f.product_id, q.product_id) <> coalesce(g.product_id, q.with_id))
  and ($6::bigint is null or (-q.asked, q.question_id) > (-$6::bigint, $7::uuid))
order by q.asked desc, q.question_id limit $8
"""
_KNOWN = """
with one as (select $1::uuid as id union select former_id from former_ids where product_id = $1),
     two as (select $2::uuid as id union select former_id from former_ids where product_id = $2)
select q.question_id, coalesce(h.product_id, q.about_id) as about, q.field
from questions q left join former_ids h on h.former_id = q.about_id
where (q.product_id in (table one) and q.with_id in (table two))
   or (q.product_id in (table two) and q.with_id in (table one))
order by q.first_asked_at, q.question_id
"""
_COUNT = f"""
select count(*) {_NEWEST}
left join former_ids f on f.former_id = q.product_id
left join former_ids g on g.former_id = q.with_id
where coalesce(f.product_id, q.product_id) <> coalesce(g.product_id, q.with_id)
  and ($2::boolean is null or (a.answered_at is null) = $2) and ($3::text is null or q.steward = $3)
  and ($4::uuid is null or coalesce(f.product_id, q.product_id) = $4 or coalesce(g.product_id, q.with_id) = $4)
"""
_ANSWER = """
insert into answers (question_id, number, verdict, qualifiers, condition, text, author, answered_at, expires_at)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9)
"""
