"""What many ask for stays, whatever one client sends: the store of documents against floods."""

from __future__ import annotations

import pytest

from app.keeping import HALVING_SECONDS, Keep


class Clock:
    """Time as the test says."""

    now = 0.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def gone() -> list[str]:
    return []


@pytest.fixture
def keep(clock: Clock, gone: list[str]) -> Keep[str, str]:
    """Room for 70 that are in demand and 10 that are new."""
    return Keep(entries=80, weight=8000, dropped=lambda key, _: gone.append(key), clock=clock)


def ask(keep: Keep[str, str], key: str, times: int = 1, weight: int = 1) -> None:
    for _ in range(times):
        if keep.get(key) is None:
            keep.put(key, key.upper(), weight)


def favourites(keep: Keep[str, str], times: int = 5) -> list[str]:
    """As many as there is room for, each asked for so many times."""
    names = [f"favourite {n}" for n in range(70)]
    for name in names:
        ask(keep, name, times)
    assert all(name in keep for name in names)
    return names


def test_what_was_put_is_found(keep: Keep[str, str]) -> None:
    ask(keep, "a")
    assert keep.get("a") == "A"
    assert keep.get("b") is None
    assert not keep.put("a", "another", 1)
    assert keep.get("a") == "A"


@pytest.mark.parametrize("times", [1, 2, 5])
def test_a_flood_of_different_keys_pushes_out_nothing_that_is_used_as_much(keep: Keep[str, str], times: int) -> None:
    names = favourites(keep)
    for n in range(2000):
        ask(keep, f"flood {n}", times)
    assert all(name in keep for name in names)
    assert len(keep) <= 80


def test_the_flood_itself_leaves_again_and_each_that_goes_is_told(keep: Keep[str, str], gone: list[str]) -> None:
    for n in range(2000):
        ask(keep, f"flood {n}")
    assert len(keep) == 10
    assert gone == [f"flood {n}" for n in range(1990)]


def test_what_is_in_more_demand_takes_the_place_of_the_least_used(keep: Keep[str, str], gone: list[str]) -> None:
    names = favourites(keep)
    for name in names[1:]:
        keep.get(name)
    ask(keep, "risen", 5)
    assert names[0] in keep
    ask(keep, "risen", 1)
    assert gone == [names[0]]
    assert keep.get("risen") == "RISEN"


def test_one_large_value_is_weighed_against_all_that_would_go_for_it(keep: Keep[str, str]) -> None:
    names = [f"favourite {n}" for n in range(70)]
    for name in names:
        ask(keep, name, 5, weight=100)
    ask(keep, "large", 20, weight=1000)
    assert all(name in keep for name in names)
    ask(keep, "large", 40, weight=1000)
    assert sum(name not in keep for name in names) == 10
    assert keep.weight <= 8000


def test_what_weighs_too_much_is_not_kept(keep: Keep[str, str]) -> None:
    assert not keep.put("whale", "WHALE", 1001)
    assert keep.put("seal", "SEAL", 1000)
    assert keep.put("otter", "OTTER", 1)
    assert "seal" not in keep
    assert keep.weight == 1


def test_demand_of_long_ago_does_not_hold_a_place_for_ever(keep: Keep[str, str], clock: Clock) -> None:
    names = favourites(keep, 200)
    ask(keep, "risen", 5)
    assert all(name in keep for name in names)
    clock.now += 8 * HALVING_SECONDS
    ask(keep, "newcomer", 5)
    assert sum(name not in keep for name in names) == 1


def test_everything_can_be_let_go(keep: Keep[str, str], gone: list[str]) -> None:
    ask(keep, "a", 3)
    ask(keep, "b")
    keep.clear()
    assert sorted(gone) == ["a", "b"]
    assert (len(keep), keep.weight) == (0, 0)
    ask(keep, "a")
    assert "a" in keep
