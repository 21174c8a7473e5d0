"""The model of a run, learned from a sample of it: as :func:`resolvers.matching.run.match` learns it from two catalogues."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from math import exp
from pathlib import Path

from resolvers.matching import run as in_memory
from resolvers.matching import variants
from resolvers.matching.competition import Competition
from resolvers.matching.copies import Copies
from resolvers.matching.duplicates import lists_once
from resolvers.matching.profile import Profile
from resolvers.matching.vocabulary import BRAND_SHARE, MIN_BRAND
from resolvers.matching.weights import Evidence, Levels, Weights, learn
from resolvers.matching_whole.blocking import fellows
from resolvers.matching_whole.counts import CountFile, Kind, StoredCounts, path_of, write_counts
from resolvers.matching_whole.scoring import Bench, Learned, shelves
from resolvers.matching_whole.tables import Tables

LOST = 0.0025
"""Share of the expected matches that may be among pairs which are not compared."""
_LIMIT = 40.0


def count(tables: Tables, directory: Path) -> None:
    """Write the count files from ``counted(side, kind, text, records)``."""
    for kind in Kind:
        columns = (
            (numbers.tobytes(), left.tobytes(), right.tobytes())
            for numbers, left, right in tables.batches(
                """
                select text, coalesce(sum(records) filter (side = 0), 0)::uinteger,
                       coalesce(sum(records) filter (side = 1), 0)::uinteger
                from counted where kind = ? group by text having sum(records) > 1 order by text
                """,
                [int(kind)],
            )
        )
        write_counts(path_of(directory, kind), columns)


def brands(tables: Tables, directory: Path) -> frozenset[str]:
    """The brands that records give, and first words that are taken for one, as
    :func:`resolvers.matching.vocabulary.vocabulary` learns them."""
    words = StoredCounts(CountFile(path_of(directory, Kind.WORD)))
    given = {name for (name,) in tables.rows("select distinct name from brands")}
    heads = tables.rows(
        "select name, sum(records)::bigint from heads group by name having sum(records) >= ?", [MIN_BRAND]
    )
    return learned_brands(given, heads, words)


def learned_brands(given: Iterable[str], heads: Iterable[tuple[str, int]], words: Mapping[str, int]) -> frozenset[str]:
    """The brands of ``given`` and of ``heads``, first words of names with how many names begin so."""
    # One that is not in the file stands in one name: such a word heads no three.
    return frozenset(
        set(given)
        | {
            word
            for word, times in heads
            if times >= MIN_BRAND and word.isalpha() and times >= BRAND_SHARE * words[word]
        }
    )


def variant_words(tables: Tables, directory: Path, sizes: tuple[int, int]) -> frozenset[str]:
    """Words that tell variants apart, learned from a sample of either catalogue."""

    def samples() -> Iterator[tuple[Profile, list[Profile]]]:
        for side, shelf in enumerate(shelves(directory)):
            step = max(1, sizes[side] // variants.SAMPLE)
            like = dict(fellows(tables, side, sizes[side], step, variants.SISTERS))
            for place in range(0, sizes[side], step):
                yield shelf[place], [shelf[other] for other in like.get(place, ())]

    return variants.words_apart(samples())


def learned_model(
    tables: Tables, directory: Path, learned: Learned, sizes: tuple[int, int], once: tuple[bool | None, bool | None]
) -> tuple[Learned, float]:
    """``learned`` with weights, and with whether either catalogue lists a product once where ``once`` does not say; and
    how near a pair must be to be worth comparing (``pairs.near``), 0 where the sample was everything."""
    bench = Bench(directory, learned)
    copies = Copies(), Copies()
    near = (
        _fellow_levels(tables, bench, learned, sizes, 0, copies[0]),
        _fellow_levels(tables, bench, learned, sizes, 1, copies[1]),
    )
    lists = (
        lists_once(learned.comparisons, near[0]) if once[0] is None else once[0],
        lists_once(learned.comparisons, near[1]) if once[1] is None else once[1],
    )
    evidence, nearness = _evidence(tables, bench, learned, sizes, near, copies)
    weights = learn(evidence, once=lists)
    told = (weights.m, weights.s, weights.u, weights.sisters, weights.activity)
    sampled = _step(sizes) > 1
    return replace(learned, weights=told, once=lists), worth(evidence, weights, nearness) if sampled else 0.0


def worth(evidence: Evidence, weights: Weights, nearness: Sequence[float]) -> float:
    """From which nearness on the evidence's pairs hold all of the matches that are expected among them, but for LOST.

    The keys that two records share say much of what comparing them will; how much, is learned here. A pair counts as far as
    it may be the best of its records, for a product that is listed twice is as near the second time.
    """
    scorer = weights.scorer()
    odds = {one: exp(max(-_LIMIT, min(_LIMIT, scorer.log_odds(one)))) for one in set(evidence.levels)}
    chances = Competition(evidence.pairs).settled([odds[one] for one in evidence.levels])
    left = LOST * sum(chances)
    for near, chance in sorted(zip(nearness, chances, strict=True)):
        left -= chance
        if left < 0:
            return near
    return 0.0


def _step(sizes: tuple[int, int]) -> int:
    """Of the smaller catalogue every so many-th record is in the sample."""
    return max(1, min(sizes) // in_memory.SAMPLE)


def _fellow_levels(
    tables: Tables, bench: Bench, learned: Learned, sizes: tuple[int, int], side: int, copies: Copies
) -> list[list[Levels]]:
    within = bench.vocabulary.within(side)
    step = max(1, sizes[side] // in_memory.FELLOWS_SAMPLE)
    like: Mapping[int, list[int]] = dict(fellows(tables, side, sizes[side], step, in_memory.FELLOWS))
    return [
        [
            tuple(one.compare(bench[side, place], bench[side, other], within) for one in learned.comparisons)
            for other in like.get(place, ())
            if copies.shown(other, bench[side, other].profile)
        ]
        for place in range(0, sizes[side], step)
        if copies.shown(place, bench[side, place].profile)
    ]


def _evidence(
    tables: Tables,
    bench: Bench,
    learned: Learned,
    sizes: tuple[int, int],
    near: tuple[list[list[Levels]], list[list[Levels]]],
    copies: tuple[Copies, Copies],
) -> tuple[Evidence, array[float]]:
    """The evidence of the sample, and of each of its pairs the nearness."""
    here, there = sizes
    step = _step(sizes)
    small = "one" if here <= there else "other"
    pairs: list[tuple[int, int]] = []
    levels: list[Levels] = []
    nearness = array("f")
    once_each: dict[Levels, Levels] = {}
    statement = f"select one, other, near from pairs where {small} % ? = 0 order by one, other"
    for ones, others, nears in tables.batches(statement, [step]):
        columns = array("I", ones.tobytes()), array("I", others.tobytes()), array("f", nears.tobytes())
        for one_place, other_place, near_by in zip(*columns, strict=True):
            pair = one_place, other_place
            left, right = bench[0, one_place], bench[1, other_place]
            if not (copies[0].shown(pair[0], left.profile) and copies[1].shown(pair[1], right.profile)):
                continue
            found = tuple(one.compare(left, right, bench.vocabulary) for one in learned.comparisons)
            pairs.append(pair)
            nearness.append(near_by)
            levels.append(once_each.setdefault(found, found))
    fixed = _fixed(tables, pairs)
    shown = round(here * copies[0].share()), round(there * copies[1].share())
    sizes_shown = (-(-shown[0] // step), -(-shown[1] // step))
    return Evidence(learned.comparisons, sizes_shown, pairs, levels, near, fixed), nearness


def _fixed(tables: Tables, pairs: Sequence[tuple[int, int]]) -> dict[int, float]:
    """The chances that are known of a sample's pairs, by their places in it."""
    known = {(one, other): same for one, other, same in tables.rows("select one, other, same from known")}
    lefts = {pair[0] for pair, same in known.items() if same}
    rights = {pair[1] for pair, same in known.items() if same}
    fixed = {}
    for at, pair in enumerate(pairs):
        if pair in known:
            fixed[at] = float(known[pair])
        elif pair[0] in lefts or pair[1] in rights:
            fixed[at] = 0.0
    return fixed
