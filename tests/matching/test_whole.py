"""Whole catalogues on disk come out as small ones in memory, also after a kill."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from math import log
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from resolvers.matching.comparing import weighed
from resolvers.matching.competition import FAINT
from resolvers.matching.evidence import Finding
from resolvers.matching.profile import Listing, profile
from resolvers.matching.run import Matching, Settings, match
from resolvers.matching.screening import Screen
from resolvers.matching.verdicts import Policy, Verdict
from resolvers.matching.weights import Evidence

if TYPE_CHECKING:
    from resolvers.matching_whole.run import WholeRun

pytestmark = pytest.mark.needs("match")
Told = dict[tuple[str, str], tuple[float, Verdict, tuple[Finding, ...]]]


@pytest.fixture(scope="module")
def in_memory() -> Matching:
    from tests.matching.whole import sides

    return match(*sides())


@pytest.fixture(scope="module")
def expected(in_memory: Matching) -> Told:
    return {
        (one.left, one.right): (one.probability, one.verdict, in_memory.why(one))
        for one in in_memory.pairs
        if one.verdict is not Verdict.NONE
    }


def told(run: WholeRun) -> Told:
    return {(one.left, one.right): (one.probability, one.verdict, one.findings) for one in run.decided()}


def same(found: Told, wanted: Told) -> bool:
    return found.keys() == wanted.keys() and all(
        found[pair][1:] == wanted[pair][1:] and found[pair][0] == pytest.approx(wanted[pair][0], abs=1e-4)
        for pair in wanted
    )


def test_it_comes_out_as_in_memory(tmp_path: Path, in_memory: Matching, expected: Told) -> None:
    from tests.matching.whole import finished, sides

    run = finished(tmp_path / "run", sides())
    assert len(expected) > 20
    assert same(told(run), expected)
    assert (run.version, run.once) == (in_memory.model.version, in_memory.model.once)
    for table in ("pairs", "worth"):
        assert run.state.tables.value(f"select count(*) from {table}") == len(in_memory.pairs)
    run.close()


def test_what_is_learned_from_a_sample_says_which_pairs_are_worth_comparing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tests.matching.whole import finished, sides

    monkeypatch.setattr("resolvers.matching.run.SAMPLE", 60)
    runs = []
    for lost in (0.0, 0.0025):
        monkeypatch.setattr("resolvers.matching_whole.learning.LOST", lost)
        run = finished(tmp_path / f"{lost}", sides())
        links = {pair for pair, one in told(run).items() if one[1] is Verdict.LINK}
        runs.append((links, *(run.state.tables.value(f"select count(*) from {table}") for table in ("pairs", "worth"))))
        run.close()
    (links, pairs, compared), (fewer_links, as_many, fewer) = runs
    assert pairs == as_many >= compared > fewer
    assert len(links) > 20
    assert len(links ^ fewer_links) <= len(links) // 20


def test_nearness_is_cut_where_next_to_no_match_is_lost(in_memory: Matching) -> None:
    from resolvers.matching_whole.learning import LOST, worth

    lefts = {key: at for at, key in enumerate(sorted({one.left for one in in_memory.pairs}))}
    rights = {key: at for at, key in enumerate(sorted({one.right for one in in_memory.pairs}))}
    pairs = [(lefts[one.left], rights[one.right]) for one in in_memory.pairs]
    levels = [one.levels for one in in_memory.pairs]
    evidence = Evidence(in_memory.model.comparisons, (len(lefts), len(rights)), pairs, levels, ([], []))
    near = [one.probability for one in in_memory.pairs]
    cut = worth(evidence, in_memory.model.weights, near)
    assert min(near) < cut < max(near)
    assert sum(one for one in near if one < cut) <= LOST * sum(near) * 1.05
    assert worth(evidence, in_memory.model.weights, [1.0] * len(near)) == 1.0


@pytest.mark.parametrize(("step", "times"), [("read right", 2), ("block", 2), ("score", 2), ("decide", 1)])
def test_a_run_that_is_killed_goes_on(tmp_path: Path, expected: Told, step: str, times: int) -> None:
    from resolvers.matching_whole.run import WholeRun
    from tests.matching.whole import finished, sides

    directory = tmp_path / "run"
    command = [sys.executable, "-m", "tests.matching.whole", str(directory), step, str(times)]
    killed = subprocess.run(command, capture_output=True, timeout=60, check=False)
    assert killed.returncode == -9, killed.stderr
    steps: list[str] = []
    run = finished(directory, sides(), told=lambda name, done, of: steps.append(name))
    assert isinstance(run, WholeRun)
    assert not run.state.fresh
    assert "read left" not in steps
    assert same(told(run), expected)
    run.close()


def test_other_settings_begin_anew(tmp_path: Path) -> None:
    from tests.matching.whole import finished, sides

    finished(tmp_path / "run", sides()).close()
    again = finished(tmp_path / "run", sides())
    assert not again.state.fresh
    again.close()
    other = finished(tmp_path / "run", sides(), settings=Settings(Policy(precision=0.5)))
    assert other.state.fresh
    other.close()


def test_what_is_known_comes_out_no_more_and_takes_its_records(tmp_path: Path, expected: Told) -> None:
    from tests.matching.whole import finished, sides

    links = [pair for pair, one in expected.items() if one[1] is Verdict.LINK]
    joined, apart = links[0], links[1]
    run = finished(tmp_path / "run", sides(), [(*joined, True), (*apart, False)])
    found = told(run)
    assert apart not in found
    assert not [pair for pair in found if pair[0] == joined[0] or pair[1] == joined[1]]
    run.close()


def test_many_identical_titles_lead_nowhere(tmp_path: Path) -> None:
    from tests.matching.whole import finished

    left = [Listing(f"a{at:05}", "USB cable black") for at in range(3000)]
    run = finished(tmp_path / "run", (left, [replace(one, key=f"b{one.key}") for one in left]))
    assert run.state.tables.value("select count(*) from pairs") == 0
    assert list(run.decided()) == []
    run.close()


@pytest.mark.parametrize(("left", "right"), [(0, 0), (0, 3), (3, 0), (1, 1)])
def test_small_catalogues(tmp_path: Path, left: int, right: int) -> None:
    from tests.matching.whole import finished

    run = finished(
        tmp_path / "run",
        ([Listing(f"a{at}", "Kettle") for at in range(left)], [Listing(f"b{at}", "Kettle") for at in range(right)]),
    )
    assert run.state.tables.value("select count(*) from pairs") == left * right
    run.close()


def test_texts_in_other_scripts_are_kept(tmp_path: Path) -> None:
    from resolvers.matching_whole.shelf import packed, unpacked

    for one in (
        Listing("ключ", "Электрический чайник Vitek VT-7009 1,7 л", "Белый", price=12.5, identifiers={"gtin": "123"}),
        Listing("鍵", "電気ケトル 1.2L ブラック", attributes={"color": "黒", "height": "20 cm"}),
        Listing("", ""),
    ):
        assert unpacked(packed(profile(one))) == profile(one)


def test_a_screen_drops_only_what_is_faint(in_memory: Matching) -> None:
    from tests.matching.whole import sides

    model = in_memory.model
    left, right = ({one.key: weighed(profile(one), model.vocabulary) for one in side} for side in sides())
    screen, scorer = Screen(model.weights, model.vocabulary), model.weights.scorer()
    dropped = 0
    for pair in in_memory.pairs:
        found = screen.compare(left[pair.left], right[pair.right])
        log_odds = scorer.log_odds(pair.levels)
        if found is None:
            dropped += 1
            assert log_odds <= log(FAINT) + 1e-9
        else:
            assert found == (pair.levels, log_odds)
    assert dropped > len(in_memory.pairs) / 20


@pytest.fixture(scope="module")
def counted(tmp_path_factory: pytest.TempPathFactory) -> Iterator[WholeRun]:
    from tests.matching.whole import finished, sides

    run = finished(tmp_path_factory.mktemp("counts") / "run", sides())
    yield run
    run.close()


def test_counts_are_those_in_memory(counted: WholeRun, in_memory: Matching) -> None:
    from resolvers.matching_whole.counts import stored_vocabulary
    from resolvers.matching_whole.scoring import Learned

    learned = Learned.read(counted.directory / "learned")
    stored = stored_vocabulary(counted.directory, learned.records, learned.brands, learned.variants)
    known = in_memory.model.vocabulary
    assert (stored.records, stored.brands, stored.variants) == (known.records, known.brands, known.variants)
    assert len(known.words) > 20
    for mine, theirs in ((stored.words, known.words), (stored.texts, known.texts)):
        assert {word: max(1, mine[word]) for word in theirs} == dict(theirs)
    for of in ("codes", "stems", "values"):
        for side in (0, 1):
            here, there = getattr(known, of)
            both = {one for one in {*here, *there} if here[one] + there[one] > 1}
            assert {one: getattr(stored, of)[side][one] for one in both} == {
                one: getattr(known, of)[side][one] for one in both
            }
    assert stored.words["a word that nobody has"] == 0
