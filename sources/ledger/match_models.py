"""What was learned about the records of two catalogues, in SQL."""

from __future__ import annotations

from dataclasses import dataclass

from sources.ledger.database import Connection, Pool

KEPT = 3
"""Models of two catalogues that are kept, the last one in use."""


@dataclass(frozen=True, slots=True)
class StoredModel:
    """A model as it is kept; see the table ``match_models``."""

    version: str
    reading: str
    provisional: bool
    left_records: int
    right_records: int
    certain: int
    decisions: int


async def last_models(pool: Pool) -> dict[tuple[str, str], StoredModel]:
    """The model in use of each two catalogues."""
    rows = await pool.fetch(_LAST)
    return {(row[0], row[1]): StoredModel(*row[2:]) for row in rows}


async def model_content(pool: Pool, left: str, right: str, version: str) -> bytes | None:
    """The model of two catalogues of that version; None where it is not there any more."""
    content: bytes | None = await pool.fetchval(_CONTENT, left, right, version)
    return content


async def write_model(connection: Connection, left: str, right: str, model: StoredModel, content: bytes) -> None:
    """Take a model into use, and forget those that are too old."""
    await connection.execute(
        _WRITE,
        left,
        right,
        model.version,
        model.reading,
        model.provisional,
        model.left_records,
        model.right_records,
        model.certain,
        model.decisions,
        content,
    )
    await connection.execute(_FORGET, left, right, KEPT)


_LAST = """
select distinct on (left_source, right_source) left_source, right_source, version, reading, provisional, left_records,
       right_records, certain, decisions
from match_models order by left_source, right_source, number desc
"""
_CONTENT = """
select content from match_models where left_source = $1 and right_source = $2 and version = $3
order by number desc limit 1
"""
_WRITE = """
insert into match_models (left_source, right_source, version, reading, provisional, left_records, right_records, certain,
                          decisions, trained_at, content)
values ($1, $2, $3, $4, $5, $6, $7, $8, $9, clock_timestamp(), $10)
"""
_FORGET = """
delete from match_models where left_source = $1 and right_source = $2 and number not in (
    select number from match_models where left_source = $1 and right_source = $2 order by number desc limit $3)
"""
