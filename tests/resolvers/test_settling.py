"""Dating claims: last updated moves with the value, and with nothing else."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from resolvers.settling import settle
from sources.contract import EVERYWHERE, Basis, Claim, Scope
from sources.values import Money, Note, Quantity

JANUARY, MARCH, MAY, NOW = (datetime(2026, month, 1, tzinfo=UTC) for month in (1, 3, 5, 6))
F = frozenset({"f"})
ENGLISH, GERMAN, FRENCH = Scope("en"), Scope("de"), Scope("fr")


def said(value: Any, at: datetime | None = JANUARY, scope: Scope = EVERYWHERE, **more: Any) -> Claim:
    basis = Basis.OBSERVED if at is None else Basis.SOURCE_RECORD
    return Claim(
        **{"field": "f", "scope": scope, "value": value, "last_updated": at, "basis": basis} | more, observed_at=NOW
    )


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Decimal("0.850"), Decimal("0.85")),
        (Money(Decimal("10"), "EUR"), Money(Decimal("10.00"), "EUR")),
        (Quantity(Decimal("1"), "kg"), Quantity(Decimal("1.0"), "kg")),
        ("Kettle", "Kettle"),
        (("a", "b"), ("a", "b")),
        ((Note("x", created_at=JANUARY),), (Note("x", created_at=JANUARY),)),
        ({"a": [1, None]}, {"a": [1, None]}),
    ],
)
def test_a_value_that_is_the_same_keeps_its_date(before: Any, after: Any) -> None:
    settled, moved = settle([said(after, MARCH)], {"f": (said(before),)})
    assert (settled[0].last_updated, settled[0].basis, moved) == (JANUARY, Basis.SOURCE_RECORD, frozenset())


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (Money(Decimal("10"), "EUR"), Money(Decimal("10"), "USD")),
        (Quantity(Decimal("1"), "kg"), Quantity(Decimal("1"), "g")),
        ("Kettle", "kettle"),
        (("a", "b"), ("b", "a")),
        (True, False),
    ],
)
def test_a_value_that_moved_takes_the_new_date(before: Any, after: Any) -> None:
    settled, moved = settle([said(after, MARCH)], {"f": (said(before),)})
    assert (settled[0].last_updated, moved) == (MARCH, F)


def test_without_a_clock_it_is_when_we_first_saw_it() -> None:
    (first,), _ = settle([said("a", None)], {})
    assert (first.last_updated, first.basis) == (NOW, Basis.OBSERVED)
    again = said("a", None)._replace(observed_at=NOW.replace(day=2))
    (second,), moved = settle([again], {"f": (first,)})
    assert (second.last_updated, moved) == (NOW, frozenset())


def test_a_system_that_begins_to_keep_a_clock_does_not_move_what_it_says() -> None:
    (first,), _ = settle([said("a", None)], {})
    (second,), moved = settle([said("a", JANUARY)], {"f": (first,)})
    assert (second.last_updated, second.basis, moved) == (NOW, Basis.OBSERVED, frozenset())


@pytest.mark.parametrize("clock", [None, JANUARY])
def test_a_clock_that_stands_still_is_not_believed(clock: datetime | None) -> None:
    (settled,), _ = settle([said("b", JANUARY)], {"f": (said("a"),)}, clock=clock)
    assert (settled.last_updated, settled.basis) == (NOW, Basis.OBSERVED)


def test_nor_one_that_stood_there_already_for_another_reason() -> None:
    (settled,), _ = settle([said("b", MARCH)], {"f": (said("a"),)}, clock=MARCH)
    assert (settled.last_updated, settled.basis) == (NOW, Basis.OBSERVED)
    (settled,), _ = settle([said("b", MAY)], {"f": (said("a"),)}, clock=MARCH)
    assert (settled.last_updated, settled.basis) == (MAY, Basis.SOURCE_RECORD)


def test_what_is_only_read_otherwise_keeps_the_systems_date() -> None:
    (settled,), moved = settle([said("b", JANUARY)], {"f": (said("a"),)}, clock=JANUARY, reread=True)
    assert (settled.last_updated, settled.basis, moved) == (JANUARY, Basis.SOURCE_RECORD, F)


def test_a_scope_that_comes_goes_or_moves_moves_its_field_and_dates_itself_alone() -> None:
    known = {"f": (said("a", JANUARY, ENGLISH), said("b", JANUARY, GERMAN))}
    settled, moved = settle([said("a", MARCH, ENGLISH), said("c", MARCH, GERMAN)], known)
    assert ([one.last_updated for one in settled], moved) == ([JANUARY, MARCH], F)
    assert settle([said("a", MARCH, ENGLISH)], known)[1] == {"f"}
    both = [said("a", MARCH, ENGLISH), said("b", MARCH, GERMAN)]
    assert settle(both, known)[1] == frozenset()
    assert settle([*both, said("d", MARCH, FRENCH)], known)[1] == {"f"}
    assert settle(list(reversed(both)), known)[1] == frozenset(), "their order says nothing"


def test_a_field_that_is_no_longer_claimed_has_moved() -> None:
    assert settle([], {"f": (said("a"),)}) == ((), frozenset({"f"}))


def test_what_cannot_be_read_any_more_has_moved_and_so_has_what_can_be_again() -> None:
    broken = said(None, MARCH, unreadable="no number")
    (settled,), moved = settle([broken], {"f": (said("a"),)})
    assert (settled.last_updated, moved) == (MARCH, F)
    assert settle([broken], {"f": (settled,)})[1] == frozenset()
    assert settle([said("a", MAY)], {"f": (settled,)})[1] == {"f"}
