"""Questions: what is missing for a verdict, put into the queue of whose it is; and answers, which become statements."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from uuid import UUID, uuid5

from resolvers.compatibility.evidence import Judgement, Missing, Verdict
from resolvers.compatibility.sentences import opened
from resolvers.ownership import OwnershipMap
from sources.ledger import questions as ledger
from sources.ledger.database import Pool
from sources.ledger.questions import Answer, QuestionRow, StoredQuestion
from sources.values import JSON

OPEN_FOR = (Verdict.UNKNOWN, Verdict.CONFLICTING)
"""The verdicts that leave a question."""
LONGEST_ANSWER = timedelta(days=36525)
_NAMESPACE = UUID("5a4f6f0c-9d0b-5f6e-8a57-1f5d0c3b7e11")


class NoSuchQuestion(Exception):
    """Nobody asked this."""


@dataclass(frozen=True, slots=True)
class Questions:
    """The questions of one installation, by one ownership map."""

    pool: Pool
    ownership: OwnershipMap

    async def ask(self, judgement: Judgement) -> list[StoredQuestion]:
        """Ask for what is missing; each question is put once, and counts how often it was asked."""
        missing = judgement.missing or (
            Missing("what systems say about them differs", steward=self.ownership.compatibility.steward),
        )
        now = datetime.now(UTC)
        known = await ledger.known_questions(self.pool, judgement.product, judgement.other)
        rows = {row.question_id: row for row in (_row(judgement, one, known) for one in missing)}
        await ledger.ask(self.pool, list(rows.values()), now)
        return await ledger.questions(self.pool, now, ids=list(rows))

    async def about(self, judgement: Judgement, missing: Missing) -> StoredQuestion | None:
        """The question about what is missing for a verdict, where somebody asked it."""
        known = await ledger.known_questions(self.pool, judgement.product, judgement.other)
        wanted = known.get(_subject(missing))
        found = await ledger.questions(self.pool, datetime.now(UTC), ids=[wanted]) if wanted is not None else []
        return found[0] if found else None

    async def list(
        self,
        *,
        open_: bool | None,
        steward: str | None,
        product: UUID | None,
        after: tuple[int, UUID] | None,
        limit: int,
    ) -> list[StoredQuestion]:
        """Questions, those asked most often first."""
        now = datetime.now(UTC)
        return await ledger.questions(
            self.pool, now, open_=open_, steward=steward, product=product, after=after, limit=limit
        )

    async def count(self, *, open_: bool | None, steward: str | None, product: UUID | None) -> int:
        """How many there are."""
        now = datetime.now(UTC)
        return await ledger.count_questions(self.pool, now, open_=open_, steward=steward, product=product)

    async def answer(
        self,
        question: UUID,
        verdict: Verdict,
        *,
        qualifiers: Mapping[str, JSON],
        condition: str | None,
        text: str | None,
        author: str,
        expires_at: datetime | None,
    ) -> StoredQuestion:
        """Answer a question: from now until ``expires_at`` it is a statement. Raises NoSuchQuestion."""
        now = datetime.now(UTC)
        found = await ledger.questions(self.pool, now, ids=[question])
        if not found:
            raise NoSuchQuestion
        until = expires_at or now + self.ownership.compatibility.answers_last
        said = Answer(verdict.value, qualifiers, condition, text, author, now, until)
        await ledger.answer(self.pool, found[0], said)
        (answered,) = await ledger.questions(self.pool, now, ids=[question])
        return answered


def question_id(product: UUID, other: UUID, missing: Missing) -> UUID:
    """The id of a question: the same for the two in either order."""
    first, second = sorted((product, other))
    field = missing.definition.name if missing.definition else ""
    return uuid5(_NAMESPACE, f"{first} {second} {missing.product or ''} {field}")


def _subject(missing: Missing) -> tuple[UUID | None, str | None]:
    return missing.product, missing.definition.name if missing.definition else None


def _row(judgement: Judgement, missing: Missing, known: Mapping[tuple[UUID | None, str | None], UUID]) -> QuestionRow:
    product, other = sorted((judgement.product, judgement.other))
    steward = missing.steward
    return QuestionRow(
        known.get(_subject(missing)) or question_id(judgement.product, judgement.other, missing),
        product,
        other,
        missing.product,
        missing.definition.name if missing.definition else None,
        steward.name if steward else None,
        steward.contact if steward else None,
        opened(judgement.summary if judgement.verdict is Verdict.UNKNOWN else "What systems say about them differs")[
            :2000
        ],
    )
