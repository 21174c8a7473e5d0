"""Searching products by what any department calls them: identifiers as they are, names by words and trigrams."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from uuid import UUID

from sources.ledger.database import Pool
from sources.ledger.lookups import Wanted


@dataclass(frozen=True, slots=True)
class Hit:
    """A product that was found, by which alias of which source; ``score`` orders hits, at most 1000."""

    product: UUID
    alias: str
    source: str
    scheme: str
    score: int


async def search_aliases(
    pool: Pool,
    folded: str,
    exact: Sequence[Wanted],
    visible: Collection[str],
    after: tuple[int, UUID] | None,
    limit: int,
) -> list[Hit]:
    """At most ``limit`` hits behind ``after`` (score, product), best first, one a product.

    ``folded`` is looked for in names, ``exact`` among identifiers and record ids. An unlisted product (a note that stays
    apart) is found only by an exact identifier.
    """
    score, product = after if after is not None else (None, None)
    rows = await pool.fetch(
        _SEARCH,
        folded,
        [f"%{_escaped(word)}%" for word in folded.split()],
        [one.scheme for one in exact],
        [one.folded for one in exact],
        list(visible),
        score,
        product,
        limit,
        _escaped(folded),
        [record_id for one in exact for record_id in one.record_ids],
    )
    return [Hit(row["product_id"], row["alias"], row["source"], row["scheme"], row["score"]) for row in rows]


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("%", "\\%").replace("_", "\\_")


_SEARCH = """
with hits as (
    select a.product_id, a.alias, a.source, a.scheme, 1000 as score, true as exact
    from unnest($3::text[], $4::text[]) as w (scheme, folded)
    join aliases a on a.folded = w.folded and a.scheme = w.scheme
    where a.source = any($5::text[])
  union all
    select x.product_id, x.record_id, x.source, 'record', 1000, true
    from unnest($10::text[]) as w (record_id)
    join crosswalk x on x.source = any($5::text[]) and x.record_id = w.record_id and x.gone_at is null
  union all
    select product_id, alias, source, scheme,
           case when folded = $1 then 990
                when folded like $9 || '%' then 900
                when folded like '% ' || $9 || '%' then 850
                when folded like '%' || $9 || '%' then 800
                when folded like all ($2::text[]) then 750
                else (word_similarity($1, folded) * 700)::int end,
           false
    from aliases
    where scheme = 'name' and source = any($5::text[]) and (folded like all ($2::text[]) or folded %> $1)
), best as (
    select distinct on (h.product_id) h.*
    from hits h join products p using (product_id)
    where p.listed or h.exact
    order by h.product_id, h.score desc, h.source, h.alias
)
select product_id, alias, source, scheme, score from best
where $6::int is null or score < $6 or (score = $6 and product_id > $7)
order by score desc, product_id limit $8
"""
