"""Plans: which system is asked for what, decided before anything is asked."""

from __future__ import annotations

from resolvers.planner import Via, live_fields, plan, steps_by_source
from sources.contract import RecordKey
from tests.resolvers.memory_source import house_map, live

STORED = house_map()
LIVE = house_map(*live("erp", "pim"))
KEYS = [RecordKey(name, number) for number in "12" for name in ("pim", "erp", "wms")]


def test_what_is_stored_is_read_from_the_ledger_alone() -> None:
    steps = plan(STORED, KEYS, ["price", "stock"], past=False)
    assert [(step.source, step.via, step.fields) for step in steps] == [
        ("erp", Via.LEDGER, ("price", "stock")),
        ("pim", Via.LEDGER, ("price",)),
    ]
    assert steps[0].reason == "erp is synced into the ledger: system of record of price, stock."
    assert steps[1].reason == "pim is synced into the ledger: fallback for price."


def test_a_live_source_is_asked_itself_once_for_what_it_may_answer_and_all_its_records() -> None:
    steps = plan(LIVE, KEYS, ["price", "title", "weight", "rating"], past=False)
    live = steps_by_source(steps)
    assert list(live) == ["erp", "pim"]
    assert live["erp"].fields == ("title", "price", "weight")
    assert live["erp"].keys == (RecordKey("erp", "1"), RecordKey("erp", "2"))
    assert live["pim"].fields == ("title", "price")
    assert "fallback for title, weight" in live["erp"].reason


def test_a_live_source_is_not_asked_for_what_it_may_not_answer() -> None:
    alone = house_map(*live("pim"), ('fallback = ["pim"]\ntolerance', "tolerance"))
    steps = plan(alone, KEYS, ["price", "title"], past=False)
    assert [(step.source, step.via, step.fields) for step in steps if step.source == "pim"] == [
        ("pim", Via.LIVE, ("title",)),
        ("pim", Via.LEDGER, ("price",)),
    ]
    assert "another voice on price" in steps[-1].reason
    assert live_fields(alone, "pim", ["price"]) == ()


def test_nothing_is_asked_about_the_past_of_sources_without_records_or_for_fields_they_do_not_have() -> None:
    assert steps_by_source(plan(LIVE, KEYS, ["price"], past=True)) == {}
    assert plan(LIVE, [], ["price"], past=False) == ()
    assert [step.source for step in plan(LIVE, KEYS, ["rating"], past=False)] == ["wms"]
    assert plan(LIVE, KEYS, [], past=False) == ()
