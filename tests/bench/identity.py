"""How well, and how fast, two catalogues are matched: ``make bench NAME=identity ARGS="LEFT RIGHT TRUTH"``.

LEFT and RIGHT are files with a header, one record a row; TRUTH holds the true pairs of ids in its first two columns. Nothing
is taken from TRUTH but the figures. Without files, the made-up worlds are measured, or those named with ``--world``.
``--splink`` adds what Splink's model makes of the same comparisons, ``--speed`` matches 100,000 made-up records against
1,000,000 (``--sizes 10000 100000`` for others) and measures nothing else.
"""

from __future__ import annotations

import argparse
import resource
import shlex
import sys
import time
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rich.console import Console

from resolvers.matching.profile import Listing
from resolvers.matching.run import Matching, Scored, Settings, match
from resolvers.matching.verdicts import Policy, Verdict
from tests.bench.goals import Goal, Report, Table
from tests.bench.identity_files import listings, read, true_pairs
from tests.bench.identity_worlds import WORLDS, World
from tests.bench.machine import Machine

LEFT_OUT = ", a third left out"
_PROGRESS = Console(stderr=True, highlight=False)


@dataclass(frozen=True, slots=True)
class Score:
    """How the verdicts compare with the truth."""

    links: int
    right: int
    queue: int
    queue_right: int
    compared: int
    pairs: int
    expected: float

    @property
    def precision(self) -> float:
        """The share of links that are true."""
        return self.right / self.links if self.links else 1.0

    @property
    def recall(self) -> float:
        """The share of true pairs that are linked."""
        return self.right / self.pairs if self.pairs else 1.0

    @property
    def f1(self) -> float:
        """The harmonic mean of both."""
        return 2 * self.right / (self.links + self.pairs) if self.links + self.pairs else 1.0

    @property
    def with_review(self) -> float:
        """The recall when a person has decided the queue."""
        return (self.right + self.queue_right) / self.pairs if self.pairs else 1.0


def score(found: Matching, truth: frozenset[tuple[str, str]]) -> Score:
    """The verdicts against the true pairs."""
    counts: Counter[tuple[Verdict, bool]] = Counter(
        (one.verdict, (one.left, one.right) in truth) for one in found.pairs
    )
    links = [one for one in found.pairs if one.verdict is Verdict.LINK]
    return Score(
        links=len(links),
        right=counts[Verdict.LINK, True],
        queue=counts[Verdict.REVIEW, True] + counts[Verdict.REVIEW, False],
        queue_right=counts[Verdict.REVIEW, True],
        compared=sum(count for (_, true), count in counts.items() if true),
        pairs=len(truth),
        expected=sum(one.probability for one in links) / max(1, len(links)),
    )


def mistakes(found: Matching, truth: frozenset[tuple[str, str]]) -> Counter[str]:
    """The wrong links and the missed pairs, by what stands behind each."""
    kinds: Counter[str] = Counter()
    linked_left = {one.left: one for one in found.pairs if one.verdict is Verdict.LINK}
    linked_right = {one.right: one for one in found.pairs if one.verdict is Verdict.LINK}
    partners: Counter[str] = Counter()
    for left, right in truth:
        partners.update((f"left {left}", f"right {right}"))
    compared = set()
    for one in found.pairs:
        true = (one.left, one.right) in truth
        if true:
            compared.add((one.left, one.right))
        if one.verdict is Verdict.LINK and not true:
            lacking = not partners[f"left {one.left}"] or not partners[f"right {one.right}"]
            kinds["wrong link: " + ("one has no partner" if lacking else "both have another partner")] += 1
        elif true and one.verdict is not Verdict.LINK:
            taken = (found.model.once[1] and one.left in linked_left) or (
                found.model.once[0] and one.right in linked_right
            )
            kinds["missed: " + ("another was linked" if taken else _doubt(found, one))] += 1
    kinds["missed: never compared"] = len(truth - compared)
    return kinds


def _doubt(found: Matching, one: Scored) -> str:
    """What speaks most against a pair, or that nothing does."""
    against = [finding for finding in found.why(one) if finding.weight < -1]
    return f"{against[0].comparison} {against[0].outcome}" if against else "too little to go by"


def sides(world: World) -> tuple[list[Listing], list[Listing]]:
    """The records of both catalogues."""
    lefts, rights = {one for one, _ in world.pairs}, {one for _, one in world.pairs}
    return listings(world.left, lefts), listings(world.right, rights)


def of_files(left: Path, right: Path, truth: Path) -> World:
    """Two catalogues and their true pairs, of which either end may come first."""
    rows, pairs = (read(left), read(right)), true_pairs(truth)
    turned = frozenset((right, left) for left, right in pairs)
    worlds = [World(f"{left.stem} and {right.stem}", *rows, one) for one in (pairs, turned)]

    def held(world: World) -> int:
        here, there = ({one.key for one in side} for side in sides(world))
        return sum(left in here and right in there for left, right in world.pairs)

    return max(worlds, key=held)


def without(world: World, third: int = 3) -> World:
    """``world`` without every third record of its right catalogue: their partners must find nothing."""
    right = [row for at, row in enumerate(world.right) if at % third != third - 1]
    kept = {one.key for one in listings(right, {one for _, one in world.pairs})}
    return World(f"{world.name}{LEFT_OUT}", world.left, right, frozenset(p for p in world.pairs if p[1] in kept))


def measure(
    world: World, settings: Settings, *, leave_out: bool, show: int, splink: bool = False
) -> tuple[list[str | float], list[Table], str, Score]:
    """A row of the main table, further tables, a text of single mistakes, and the score."""
    left, right = sides(world)
    _PROGRESS.print(f"{world.name}: {len(left):,} and {len(right):,} records")
    began = time.process_time()
    found = match(left, right, settings)
    seconds = time.process_time() - began
    told = score(found, world.pairs)
    row: list[str | float] = [
        f"{world.name} ({len(left)} × {len(right)}, {len(world.pairs)} true)",
        *(f"{figure:.3f}" for figure in (told.f1, told.precision, told.recall, told.expected, told.with_review)),
        f"{told.queue}",
        f"{told.compared / max(1, told.pairs):.3f}",
        "/".join("once" if once else "several" for once in found.model.once),
        (len(left) + len(right)) / seconds,
    ]
    kinds = mistakes(found, world.pairs)
    tables = [
        Table(
            f"{world.name}: mistakes by kind", ("kind", "pairs"), tuple((k, n) for k, n in kinds.most_common(14) if n)
        )
    ]
    if leave_out:
        rows: list[tuple[str | float, ...]] = []
        for name in (one.name for one in found.model.comparisons):
            _PROGRESS.print(f"{world.name}: without {name}")
            less = score(match(left, right, Settings(settings.policy, settings.once, frozenset({name}))), world.pairs)
            change = (less.f1 - told.f1, less.precision - told.precision, less.recall - told.recall)
            rows.append((name, *(f"{figure:+.3f}" for figure in (*change, less.with_review - told.with_review))))
        tables.append(
            Table(
                f"{world.name}: what is lost without a comparison",
                ("without", "F1", "precision", "recall", "with review"),
                tuple(rows),
            )
        )
    if splink:
        from tests.bench.identity_splink import splink_table

        tables.append(splink_table(world, left, right, found))
    return row, tables, _singles(found, world, show), told


def goals(title: str, told: Score, *, third_left_out: bool) -> list[Goal]:
    """What is expected of two catalogues, as what is lacking to 1."""
    bounds = (
        {"F1": 0.08, "precision": 0.05}
        if third_left_out
        else {"F1": 0.05, "precision": 0.03, "recall with review": 0.02}
    )
    figures = {"F1": told.f1, "precision": told.precision, "recall with review": told.with_review}
    return [Goal(f"{title}: {name} is less than 1 by", bound, "", 1 - figures[name]) for name, bound in bounds.items()]


def _singles(found: Matching, world: World, show: int) -> str:
    rows = tuple({one.key: one for one in side} for side in sides(world))
    lines: list[str] = []
    shown: Counter[str] = Counter()
    for one in found.pairs:
        true = (one.left, one.right) in world.pairs
        kind = (
            "wrong"
            if one.verdict is Verdict.LINK and not true
            else "missed"
            if true and one.verdict is not Verdict.LINK
            else ""
        )
        if kind and shown[kind] < show:
            shown[kind] += 1
            why = ", ".join(f"{f.comparison} {f.outcome} {f.weight:+.1f}" for f in found.why(one)[:6])
            lines.append(f"{kind} {one.probability:.3f}: {rows[0][one.left].name} | {rows[1][one.right].name} | {why}")
    return "\n".join(lines)


def main(words: Sequence[str]) -> Report:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(prog="identity", description=__doc__)
    parser.add_argument("files", nargs="*", type=Path, metavar="LEFT RIGHT TRUTH")
    parser.add_argument("--world", action="append", choices=sorted(WORLDS), help="a made-up world; may be repeated")
    parser.add_argument("--third", action="store_true", help="also with every third record of RIGHT left out")
    parser.add_argument("--leave-out", action="store_true", help="also without each comparison in turn")
    parser.add_argument(
        "--quick", action="store_true", help="of files neither of the two, which are measured by default"
    )
    parser.add_argument("--precision", type=float, default=Policy().precision, help="what links are held to (0 to 1)")
    parser.add_argument("--show", type=int, default=0, help="single mistakes of either kind that are shown")
    parser.add_argument("--splink", action="store_true", help="also Splink's model (needs the extra: match)")
    parser.add_argument(
        "--speed", action="store_true", help="how fast, and in how much memory (needs the extra: match)"
    )
    parser.add_argument("--sizes", nargs=2, type=int, default=(100_000, 1_000_000), metavar=("NEW", "KNOWN"))
    parser.add_argument("--json", action="store_true")
    given = parser.parse_args(words)
    report = Report("identity", f'make bench NAME=identity ARGS="{shlex.join(words)}"', Machine.this_one("not used"))
    if given.speed:
        from tests.bench.identity_speed import told_of

        return told_of(report, *given.sizes)
    if len(given.files) not in (0, 3):
        parser.error("name three files: two catalogues and the true pairs")
    worlds = [WORLDS[name]() for name in given.world or ([] if given.files else sorted(WORLDS))]
    if given.files:
        worlds.append(of_files(*given.files))
    whole = bool(given.files) and not given.quick
    if given.third or whole:
        worlds += [without(world) for world in worlds]
    rows: list[tuple[str | float, ...]] = []
    for world in worlds:
        settings = Settings(Policy(precision=given.precision))
        leave_out = given.leave_out or (whole and not world.name.endswith(LEFT_OUT))
        row, tables, singles, told = measure(world, settings, leave_out=leave_out, show=given.show, splink=given.splink)
        if given.files:
            report.goals += goals(world.name, told, third_left_out=world.name.endswith(LEFT_OUT))
        rows.append(tuple(row))
        report.tables += tables
        if singles:
            report.texts[f"{world.name}: single mistakes"] = singles
    columns = (
        "catalogues",
        "F1",
        "precision",
        "recall",
        "expected precision",
        "recall with review",
        "queue",
        "compared",
        "lists",
        "records/s CPU",
    )
    report.tables.insert(
        0, Table("Links, no labels used", columns, tuple(rows), "thresholds are set from the model's own probabilities")
    )
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**10
    report.notes.append(f"most memory: {peak:.0f} MB")
    return report


if __name__ == "__main__":
    found = main(sys.argv[1:])
    if "--json" in sys.argv:
        print(found.as_json())
    else:
        found.show(Console(width=150))
