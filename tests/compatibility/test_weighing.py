"""Weighing evidence, and narrowing it to a context: pure, one case after another."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from resolvers.compatibility.evidence import Evidence, EvidenceKind, Nearness, Verdict
from resolvers.compatibility.narrowing import narrow
from resolvers.compatibility.weighing import weigh
from sources.ranges import is_range, natural
from sources.statements import range_of

COMPATIBLE, CONDITIONAL, INCOMPATIBLE = Verdict.COMPATIBLE, Verdict.CONDITIONAL, Verdict.INCOMPATIBLE
CONFLICTING, UNKNOWN = Verdict.CONFLICTING, Verdict.UNKNOWN


def said(verdict: Verdict, rank: int = 0, **more: Any) -> Evidence:
    """A statement."""
    given: dict[str, Any] = {"kind": EvidenceKind.STATEMENT, "nearness": Nearness.PRODUCT, **more}
    return Evidence(verdict=verdict, sentence="", rank=rank, **given)


def ruled(verdict: Verdict, name: str = "", rank: int = 1) -> Evidence:
    """What a rule says."""
    return said(verdict, rank, kind=EvidenceKind.RULE, rule=name)


@pytest.mark.parametrize(
    ("pieces", "verdict"),
    [
        ([], UNKNOWN),
        ([said(COMPATIBLE)], COMPATIBLE),
        ([said(COMPATIBLE), said(INCOMPATIBLE)], CONFLICTING),
        ([said(CONDITIONAL), said(INCOMPATIBLE)], CONFLICTING),
        ([said(COMPATIBLE), said(CONDITIONAL)], CONDITIONAL),
        ([said(COMPATIBLE, 1), said(INCOMPATIBLE, 0)], INCOMPATIBLE),
        ([said(COMPATIBLE, 1), said(INCOMPATIBLE, 0, nearness=Nearness.FAMILY)], COMPATIBLE),
        ([said(INCOMPATIBLE, bears=False)], UNKNOWN),
        ([ruled(COMPATIBLE), ruled(INCOMPATIBLE)], INCOMPATIBLE),
        ([ruled(COMPATIBLE), ruled(UNKNOWN)], UNKNOWN),
        ([ruled(INCOMPATIBLE), ruled(UNKNOWN)], INCOMPATIBLE),
        ([ruled(UNKNOWN), said(COMPATIBLE, 2)], COMPATIBLE),
        ([ruled(INCOMPATIBLE), said(COMPATIBLE, 1)], CONFLICTING),
    ],
)
def test_what_several_pieces_come_to(pieces: list[Evidence], verdict: Verdict) -> None:
    for order in (pieces, pieces[::-1]):
        weighed = weigh(order)
        assert weighed.verdict is verdict
        assert len(weighed.evidence) == len(pieces), "none is left out"
        assert [one.decisive for one in weighed.evidence] == sorted(
            (one.decisive for one in weighed.evidence), reverse=True
        )


def test_the_weakest_is_the_oldest_of_those_that_decide() -> None:
    dates = [datetime(year, 1, 1, tzinfo=UTC) for year in (2024, 2020, 2010)]
    newer, older, beside = (
        said(COMPATIBLE, rank, last_updated=date, record_id=str(date.year))
        for rank, date in zip((0, 0, 1), dates, strict=True)
    )
    weakest = weigh([newer, older, beside]).weakest
    assert weakest is not None
    assert weakest.record_id == "2020"
    undated = weigh([newer, said(COMPATIBLE, record_id="undated")]).weakest
    assert undated is not None
    assert undated.record_id == "undated"
    assert weigh([]).weakest is None


SERIAL = {"serial": {"from": "H1-240000", "to": "H1-299999"}}


@pytest.mark.parametrize(
    ("verdict", "qualifiers", "condition", "context", "narrowed"),
    [
        (COMPATIBLE, {}, None, {}, COMPATIBLE),
        (CONDITIONAL, {}, "if new", {"serial": "H1-1"}, CONDITIONAL),
        (CONDITIONAL, SERIAL, None, {}, CONDITIONAL),
        (CONDITIONAL, SERIAL, "some text", {"serial": "h1-240000"}, COMPATIBLE),
        (CONDITIONAL, SERIAL, None, {"serial": "H1-300000"}, INCOMPATIBLE),
        (CONDITIONAL, SERIAL, None, {"serial": "H1-99999"}, INCOMPATIBLE),
        (COMPATIBLE, SERIAL, None, {"serial": "H1-300000"}, None),
        (INCOMPATIBLE, {"serial": {"to": "H1-180000"}}, None, {}, CONDITIONAL),
        (INCOMPATIBLE, {"serial": {"to": "H1-180000"}}, None, {"serial": "H1-170000"}, INCOMPATIBLE),
        (INCOMPATIBLE, {"serial": {"to": "H1-180000"}}, None, {"serial": "H1-180001"}, None),
        (CONDITIONAL, {"region": ["DE", "AT"]}, None, {"region": "fr"}, None),
        (COMPATIBLE, {"region": ["DE", "AT"]}, None, {"region": "at"}, COMPATIBLE),
        (COMPATIBLE, {"firmware": {"from": "2.9"}}, None, {"firmware": "2.10"}, COMPATIBLE),
        (COMPATIBLE, {"adapter": ["A-7"]}, None, {}, CONDITIONAL),
        (COMPATIBLE, {"date": {"to": "2026-01-31"}}, None, {"date": "2026-01-31T10:00:00Z"}, COMPATIBLE),
        (COMPATIBLE, {"date": {"to": "2026-01-31"}}, None, {"date": "2026-02-01"}, None),
        (COMPATIBLE, {"firmware": {"to": "2.1"}}, None, {"firmware": "2.10"}, None),
        (COMPATIBLE, {"firmware": {"to": "2.1"}}, None, {"firmware": "2.1.3"}, COMPATIBLE),
        (CONDITIONAL, {"serial": {"to": "H1-29"}}, None, {"serial": "H1-290"}, INCOMPATIBLE),
        (CONDITIONAL, {"date": {"to": "2026-01-31"}}, "if new", {"date": "2026-01-01"}, CONDITIONAL),
        (CONDITIONAL, {"date": {"to": "2026-01-31"}}, None, {"date": "2026-01-01"}, CONDITIONAL),
        (COMPATIBLE, {"region": ["DE"]}, "if new", {"region": "DE"}, CONDITIONAL),
        (CONDITIONAL, {"region": ["DE"]}, None, {"region": "DE"}, COMPATIBLE),
    ],
)
def test_a_statement_in_a_context(
    verdict: Verdict,
    qualifiers: dict[str, Any],
    condition: str | None,
    context: dict[str, str],
    narrowed: Verdict | None,
) -> None:
    found = narrow(verdict, qualifiers, condition, None, context)
    assert found.verdict is narrowed
    assert (found.condition is not None) is (narrowed is CONDITIONAL)
    assert (found.only is not None) is (narrowed is None or (verdict is CONDITIONAL and narrowed is INCOMPATIBLE))


def test_a_condition_stands_beside_where_a_statement_holds_and_for_what_must_be_so() -> None:
    assert narrow(COMPATIBLE, {"region": ["DE", "AT"]}, "if new", None, {}).condition == "region DE or AT and if new"
    found = narrow(CONDITIONAL, {**SERIAL, "region": ["DE"]}, "old ones", None, {})
    assert found.condition == "region DE and old ones"


@pytest.mark.parametrize("serial", ["H1 250123", "h1/250123", "H1-250123"])
def test_signs_between_the_parts_of_a_serial_number_do_not_count(serial: str) -> None:
    assert narrow(CONDITIONAL, SERIAL, None, None, {"serial": serial}).verdict is COMPATIBLE


@pytest.mark.parametrize(("name", "asked"), [("serial", "250123"), ("serial", "banana"), ("year", "MY2020")])
def test_what_cannot_be_compared_settles_nothing(name: str, asked: str) -> None:
    limits = SERIAL if name == "serial" else {"year": {"from": "2018", "to": "2022"}}
    found = narrow(CONDITIONAL, limits, None, None, {name: asked})
    assert (found.verdict, found.condition is not None) == (CONDITIONAL, True)


def test_a_range_that_holds_nothing_is_none() -> None:
    for name, first, last in (("year", "2020", "2010"), ("year", "abc", "2010"), ("serial", "H2-1", "H1-9")):
        assert not is_range(name, {"from": first, "to": last})
    assert is_range("firmware", {"from": "2.9", "to": "2.10"})
    assert is_range("firmware", {"from": "2.1.3", "to": "2.1"})


def test_numbers_in_names_are_in_their_own_order() -> None:
    assert sorted(["2.10", "2.9", "v2.9.1", "10"], key=natural) == ["2.9", "v2.9.1", "2.10", "10"]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("serial numbers from H1-240000 to H1-299999", {"from": "H1-240000", "to": "H1-299999"}),
        ("2012-2015", {"from": "2012", "to": "2015"}),
        ("2012 – 2015", {"from": "2012", "to": "2015"}),
        ("2012+", {"from": "2012"}),
        ("up to H1-180000", {"to": "H1-180000"}),
        ("v2.1 or later", {"from": "v2.1"}),
        ("2019", {"from": "2019", "to": "2019"}),
        ("bowls made since last spring", {}),
    ],
)
def test_a_range_in_words(text: str, found: dict[str, str]) -> None:
    assert range_of(text) == found
