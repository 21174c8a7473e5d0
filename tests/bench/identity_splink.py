"""What Splink's model makes of the very same comparisons: Fellegi and Sunter's two kinds of pairs, trained on DuckDB."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from resolvers.matching.profile import Listing
from resolvers.matching.run import Matching
from resolvers.matching.verdicts import Verdict
from resolvers.matching.weights import Evidence
from resolvers.matching_whole.splink_model import duckdb_linker, predicted
from tests.bench.goals import Table
from tests.bench.identity_worlds import World

Pair = tuple[str, str]
SURE = (0.5, 0.9, 0.99)


def splink_table(world: World, left: Sequence[Listing], right: Sequence[Listing], found: Matching) -> Table:
    """How well the pairs do that Splink finds sure and best for both, and with a threshold set in hindsight."""
    ours = {(one.left, one.right): one.probability for one in found.pairs}
    pairs = [(one.left, one.right) for one in found.pairs]
    evidence = Evidence(
        found.model.comparisons,
        (len(left), len(right)),
        [(at, at) for at, _ in enumerate(pairs)],
        [one.levels for one in found.pairs],
        ((), ()),
    )
    chances = predicted(duckdb_linker(evidence))
    splinks = {pair: chances[at] for at, pair in enumerate(pairs)}
    best = _best(splinks)
    rows = [
        _row("Whence, links", [(o.left, o.right) for o in found.pairs if o.verdict is Verdict.LINK], world.pairs),
        *(_row(f"Splink, at least {least}", [p for p in best if splinks[p] >= least], world.pairs) for least in SURE),
        _row("Whence, one to one, in hindsight", _hindsight(ours, world.pairs), world.pairs),
        _row("Splink, one to one, in hindsight", _hindsight(splinks, world.pairs), world.pairs),
    ]
    return Table(
        f"{world.name}: Splink's model", ("pairs", "F1", "precision", "recall", "count"), tuple(rows),
        "Splink's model knows no sisters, and no competition for a partner",
    )  # fmt: skip


def _row(name: str, chosen: Iterable[Pair], truth: frozenset[Pair]) -> tuple[str | float, ...]:
    pairs = set(chosen)
    right = len(pairs & truth)
    f1 = 2 * right / (len(pairs) + len(truth)) if pairs or truth else 1.0
    precision, recall = right / max(1, len(pairs)), right / max(1, len(truth))
    return (name, f"{f1:.3f}", f"{precision:.3f}", f"{recall:.3f}", f"{len(pairs)}")


def _best(chances: Mapping[Pair, float]) -> list[Pair]:
    """The pairs neither of whose records has a better one."""
    left: dict[str, float] = {}
    right: dict[str, float] = {}
    for (one, other), chance in chances.items():
        left[one] = max(chance, left.get(one, 0.0))
        right[other] = max(chance, right.get(other, 0.0))
    return [pair for pair, chance in chances.items() if chance >= max(left[pair[0]], right[pair[1]])]


def _hindsight(chances: Mapping[Pair, float], truth: frozenset[Pair]) -> list[Pair]:
    """The pairs taken best first, each record once, down to the threshold at which F1 is best."""
    taken: set[tuple[int, str]] = set()
    chosen: list[Pair] = []
    right = best = length = 0.0
    for pair in sorted(chances, key=lambda one: (-chances[one], one)):
        ends = {(0, pair[0]), (1, pair[1])}
        if not ends & taken:
            taken |= ends
            chosen.append(pair)
            right += pair in truth
            f1 = 2 * right / (len(chosen) + len(truth))
            if f1 > best:
                best, length = f1, len(chosen)
    return chosen[: int(length)]
