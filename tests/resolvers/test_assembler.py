"""Survivorship: which claim wins, why the others do not, and what is said about it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from resolvers.assembler import assemble
from resolvers.executor import Heard
from resolvers.facts import Fact, FactStatus, Freshness
from sources.contract import EVERYWHERE, Basis, Claim, RecordKey, Scope
from sources.failures import Failure, FailureKind
from sources.values import Money, Note, Quantity, Value
from tests.resolvers.memory_source import house_map

MAP = house_map()
NOW = datetime(2026, 6, 1, tzinfo=UTC)
RECENTLY, LATELY, LONG_AGO = (NOW - timedelta(days=days) for days in (1, 10, 400))
SEEN = NOW - timedelta(minutes=5)
DOWN = Failure(FailureKind.TIMEOUT, "slow")
EN, DE, FR, SHOP = Scope("en"), Scope("de"), Scope("fr"), Scope("en", "shop")


def claim(field: str, value: Value, scope: Scope = EVERYWHERE, at: datetime | None = LATELY, **more: Any) -> Claim:
    return Claim(field, scope, value, at, Basis.SOURCE_RECORD, SEEN, **more)


def heard(source: str, *claims: Claim, id: str = "1", failure: Failure | None = None) -> Heard:  # noqa: A002
    return Heard(RecordKey(source, id), claims, failure)


def fact(
    field: str,
    *said: Heard,
    locale: str | None = None,
    channel: str | None = None,
    visible: frozenset[str] | None = None,
    down: Mapping[str, Failure] | None = None,
    **definition: Any,
) -> Fact:
    defined = replace(MAP.fields[field], **definition)
    return assemble(defined, said, MAP.scopes(locale, channel), NOW, visible=visible, down=down)


def euro(amount: str) -> Money:
    return Money(Decimal(amount), "EUR")


def reasons(one: Fact) -> dict[str, str]:
    return {candidate.source: candidate.reason for candidate in one.candidates}


# ── Status ─────────────────────────────────────────────────────────────────────────────────────────────────────────


def test_ok_is_the_system_of_record() -> None:
    found = fact("price", heard("pim", claim("price", euro("12"))), heard("erp", claim("price", euro("10"))))
    assert (found.status, found.value, found.source, found.source_record_id) == (FactStatus.OK, euro("10"), "erp", "1")
    assert (found.last_updated, found.last_updated_basis, found.observed_at) == (LATELY, Basis.SOURCE_RECORD, SEEN)
    assert [one.source for one in found.candidates] == ["erp", "pim"]
    assert [one.is_winner for one in found.candidates] == [True, False]
    assert "system of record" in reasons(found)["erp"]
    assert "erp comes before pim" in reasons(found)["pim"]


@pytest.mark.parametrize("owner", [[], [heard("erp")]])
def test_fallback_is_the_next_in_order_where_the_owner_holds_nothing(owner: list[Heard]) -> None:
    found = fact("price", *owner, heard("pim", claim("price", euro("12"))))
    assert (found.status, found.source) == (FactStatus.FALLBACK, "pim")
    assert "holds no value" in reasons(found)["pim"]


def test_the_fallbacks_are_asked_in_their_order() -> None:
    said = [heard(name, claim("price", euro("1"))) for name in ("pim", "wms")]
    assert fact("price", *said, fallback=("wms", "pim")).source == "wms"
    assert fact("price", *said, fallback=("pim", "wms")).source == "pim"
    assert fact("price", *said, fallback=()).status is FactStatus.MISSING


def test_last_known_is_the_owner_that_cannot_be_reached_even_where_a_fallback_can() -> None:
    found = fact(
        "price", heard("erp", claim("price", euro("10")), failure=DOWN), heard("pim", claim("price", euro("12")))
    )
    assert (found.status, found.value, found.source) == (FactStatus.LAST_KNOWN, euro("10"), "erp")
    assert "last known" in reasons(found)["erp"]


def test_missing_is_that_nobody_who_may_answer_holds_a_value() -> None:
    assert fact("price").status is FactStatus.MISSING
    found = fact("price", heard("wms", claim("price", euro("3"))), heard("erp"))
    assert (found.status, found.value, found.source, found.conflict) == (FactStatus.MISSING, None, None, None)
    assert "may not answer price" in reasons(found)["wms"]


def test_unavailable_is_that_the_owner_cannot_be_reached_and_nothing_is_known() -> None:
    assert fact("price", heard("erp", failure=DOWN)).status is FactStatus.UNAVAILABLE
    assert fact("price", down={"erp": DOWN}).status is FactStatus.UNAVAILABLE
    assert fact("price", down={"wms": DOWN}).status is FactStatus.MISSING


def test_a_fallback_for_an_owner_that_cannot_be_reached_says_so() -> None:
    found = fact("price", heard("erp", failure=DOWN), heard("pim", claim("price", euro("12"))))
    assert found.status is FactStatus.FALLBACK
    assert "could not be reached and nothing is known from it" in reasons(found)["pim"]


def test_what_cannot_be_read_is_passed_over_and_told() -> None:
    broken = claim("price", None, unreadable='"call us" is not a number')
    found = fact("price", heard("erp", broken), heard("pim", claim("price", euro("12"))))
    assert (found.status, found.source) == (FactStatus.FALLBACK, "pim")
    assert '"call us" is not a number' in reasons(found)["erp"]
    alone = fact("price", heard("erp", broken))
    assert (alone.status, [one.value for one in alone.candidates]) == (FactStatus.MISSING, [None])


def test_of_several_records_of_one_system_the_one_that_changed_last_speaks() -> None:
    found = fact(
        "price",
        heard("erp", claim("price", euro("10"), at=LONG_AGO), id="1"),
        heard("erp", claim("price", euro("11"), at=RECENTLY), id="2"),
        heard("erp", claim("price", euro("12"), at=None), id="3"),
    )
    assert (found.value, found.source_record_id) == (euro("11"), "2")
    assert "another record of erp was changed later" in found.candidates[1].reason


# ── Scopes ─────────────────────────────────────────────────────────────────────────────────────────────────────────

TITLES = (claim("title", "Kettle", EN), claim("title", "Kessel", DE), claim("title", "Bouilloire", FR))


@pytest.mark.parametrize(
    ("said", "locale", "channel", "wins"),
    [
        (TITLES, None, None, "Kettle"),
        (TITLES, "de", None, "Kessel"),
        (TITLES, "fr", None, "Bouilloire"),
        (TITLES, "de-AT", None, "Kessel"),
        (TITLES[1:], None, None, "Kessel"),
        (TITLES[1:], "it", None, "Kessel"),
        (TITLES[2:], None, None, None),
        ((*TITLES, claim("title", "Tea!", SHOP)), None, None, "Kettle"),
        ((*TITLES, claim("title", "Tea!", SHOP)), None, "shop", "Tea!"),
        ((*TITLES, claim("title", "Tea!", SHOP)), "de", "shop", "Kessel"),
        ((claim("title", "Any"), TITLES[1]), "en", None, "Kessel"),
        ((claim("title", "Any"), TITLES[2]), "en", None, "Any"),
        ((claim("title", None, EN, unreadable="a list"), TITLES[1]), "en", None, "Kessel"),
    ],
)
def test_the_best_scope_wins(said: Sequence[Claim], locale: str | None, channel: str | None, wins: str | None) -> None:
    found = fact("title", heard("pim", *said), locale=locale, channel=channel)
    assert found.value == wins
    if wins is not None:
        (winner,) = (one for one in found.candidates if one.is_winner)
        assert found.scope == winner.scope


def test_claims_in_other_scopes_say_why_they_did_not_win_and_contradict_nothing() -> None:
    found = fact("title", heard("pim", *TITLES), locale="de")
    told = {one.scope.locale: one.reason for one in found.candidates}
    assert "it is for en, and de was preferred" in told["en"]
    assert "it is for fr, which was not asked for" in told["fr"]
    assert found.conflict is None


def test_the_owner_in_another_language_comes_before_a_fallback_in_the_one_asked_for() -> None:
    found = fact("title", heard("pim", TITLES[1]), heard("erp", TITLES[0]), locale="en")
    assert (found.value, found.scope) == ("Kessel", DE)


# ── Conflict ───────────────────────────────────────────────────────────────────────────────────────────────────────


def test_systems_that_differ_beyond_the_tolerance_are_in_conflict() -> None:
    said = [heard("erp", claim("price", euro("10.00"))), heard("pim", claim("price", euro("10.02")))]
    found = fact("price", *said)
    assert found.conflict is not None
    assert [one.source for one in found.conflict.candidates] == ["erp", "pim"]
    assert found.conflict.summary == "Price: erp says 10.00 EUR, but pim 10.02 EUR."
    near = fact("price", said[0], heard("pim", claim("price", euro("10.01"))))
    assert near.conflict is None
    other = fact("price", said[0], heard("pim", claim("price", Money(Decimal("10.00"), "USD"))))
    assert other.conflict is not None


def test_a_voice_that_may_not_answer_contradicts_all_the_same() -> None:
    found = fact("price", heard("erp", claim("price", euro("10"))), heard("wms", claim("price", euro("99"))))
    assert found.conflict is not None


def test_units_do_not_contradict_and_the_fact_is_in_its_fields_unit() -> None:
    said = (
        heard("wms", claim("weight", Quantity(Decimal("0.85"), "kg"))),
        heard("erp", claim("weight", Quantity(Decimal("1.874"), "lb"))),
    )
    found = fact("weight", *said)
    assert (found.value, found.conflict) == (Quantity(Decimal("850"), "g"), None)
    assert [one.display for one in found.candidates] == ["0.85 kg", "1.874 lb"]
    assert fact("weight", *said, tolerance=None).conflict is not None


def test_an_amount_of_something_else_is_unreadable_and_not_an_error() -> None:
    """A field's unit was changed, and what the ledger holds was read before."""
    found = fact("weight", heard("wms", claim("weight", Quantity(Decimal("85"), "cm"))))
    assert (found.status, found.value) == (FactStatus.MISSING, None)
    assert "85 cm is no amount of g" in reasons(found)["wms"]


def test_saying_nothing_contradicts_nothing() -> None:
    broken = claim("price", None, unreadable="a list")
    assert fact("price", heard("erp", claim("price", euro("10"))), heard("pim", broken)).conflict is None


# ── Notes, freshness, visibility ───────────────────────────────────────────────────────────────────────────────────


def test_notes_are_gathered_from_every_record_newest_first() -> None:
    def note(text: str, at: datetime, record_id: str) -> Heard:
        return heard("crm", claim("tickets", (Note(text),), at=at), id=record_id)

    found = fact("tickets", note("old", LONG_AGO, "1"), note("new", RECENTLY, "2"), note("middle", LATELY, "3"))
    assert [one.text for one in found.value] == ["new", "middle", "old"]
    assert (found.last_updated, found.source_record_id, found.conflict) == (RECENTLY, "2", None)
    assert [one.reason.split(":")[0] for one in found.candidates] == ["Won", "Used", "Used"]


@pytest.mark.parametrize(
    ("at", "max_age", "expected"),
    [
        (LATELY, timedelta(days=10), Freshness.FRESH),
        (LATELY, timedelta(days=10) - timedelta(microseconds=1), Freshness.STALE),
        (LONG_AGO, timedelta(days=30), Freshness.STALE),
        (LONG_AGO, None, Freshness.UNKNOWN),
        (None, timedelta(days=30), Freshness.UNKNOWN),
        (NOW + timedelta(hours=2), timedelta(days=30), Freshness.FRESH),
        (NOW + timedelta(days=300), timedelta(days=30), Freshness.UNKNOWN),
    ],
)
def test_freshness_is_the_values_age_by_its_systems_clock(
    at: datetime | None, max_age: timedelta | None, expected: Freshness
) -> None:
    found = fact("price", heard("erp", claim("price", euro("10"), at=at)), max_age=max_age)
    assert found.freshness is expected


def test_what_is_missing_has_no_freshness() -> None:
    assert fact("price").freshness is Freshness.UNKNOWN


def test_who_may_not_see_a_system_sees_of_it_the_winner_alone() -> None:
    said = (
        heard("erp", claim("price", euro("10"), at=RECENTLY), id="1"),
        heard("erp", claim("price", euro("55"), at=LONG_AGO), id="2"),
        heard("pim", claim("price", euro("12"))),
        heard("wms", claim("price", euro("99"))),
    )
    found = fact("price", *said, visible=frozenset({"pim"}))
    assert [(one.source, one.source_record_id) for one in found.candidates] == [("erp", "1"), ("pim", "1")]
    assert found.conflict is not None
    assert "99" not in found.conflict.summary
    assert [one.source for one in fact("price", *said[2:], visible=frozenset()).candidates] == ["pim"]
    assert fact("price", said[0], said[3], visible=frozenset()).conflict is None


def test_a_reason_names_no_system_that_the_asker_may_not_see() -> None:
    found = fact("price", heard("pim", claim("price", euro("12"))), visible=frozenset({"pim"}))
    assert "erp" not in reasons(found)["pim"]
