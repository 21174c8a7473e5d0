"""Events out of order: whatever comes late or twice, a claim gives way to a newer one alone."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from resolvers.event_order import each_once, newest_claims
from resolvers.recording import Counts
from sources.contract import EVERYWHERE, Basis, Claim, Document, DocumentPage, Record, RecordKey, Scope
from sources.values import encode_datetime
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.ledger_reading import change_log, claim
from tests.resolvers.memory_source import House, MemorySystem

NOW = datetime(2026, 6, 1, tzinfo=UTC)


def on(day: int) -> datetime:
    return datetime(2026, 1, day, tzinfo=UTC)


def said(
    value: Any, clock: datetime | None, basis: Basis = Basis.SOURCE_RECORD, name: str = "f", scope: Scope = EVERYWHERE
) -> Claim:
    return Claim(name, scope, value, clock, basis, NOW)


def own(value: Any, clock: datetime | None, name: str = "f") -> Claim:
    return said(value, clock, Basis.SOURCE_FIELD, name)


def record(clock: datetime | None, *claims: Claim, record_id: str = "1") -> Record:
    return Record(RecordKey("erp", record_id), claims, (), (), (), clock, NOW)


@pytest.mark.parametrize(
    ("held", "clock", "came", "value"),
    [
        (said("held", on(5)), on(5), record(on(6), said("new", on(6))), "new"),
        (said("held", on(5)), on(5), record(on(4), said("new", on(4))), "held"),
        (said("held", on(5)), on(5), record(on(5), said("new", on(5))), "new"),
        (said("held", on(5)), on(5), record(None, said("new", None)), "new"),
        (said("held", None), None, record(on(1), said("new", on(1))), "new"),
        # A field's own clock comes before the record's.
        (own("held", on(3)), on(5), record(on(6), own("new", on(2))), "held"),
        (own("held", on(3)), on(5), record(on(4), own("new", on(4))), "new"),
        (own("held", on(3)), on(5), record(on(4), own("new", on(2))), "held"),
        # Where it says nothing, the record's does.
        (own("held", on(3)), on(5), record(on(6), own("new", on(3))), "new"),
        (own("held", on(3)), on(5), record(on(4), own("new", on(3))), "held"),
        (own("held", on(3)), None, record(None, own("new", on(3))), "new"),
        (own("held", on(3)), None, record(None, own("new", on(2))), "held"),
        # When we saw something is no clock of the system's.
        (said("held", NOW, Basis.OBSERVED), on(5), record(on(6), own("new", on(6))), "new"),
        (said("held", NOW, Basis.OBSERVED), on(5), record(on(4), own("new", on(4))), "held"),
    ],
)
def test_the_newer_claim_counts(held: Claim, clock: datetime | None, came: Record, value: str) -> None:
    claims, stays = newest_claims(came, {"f": (held,)}, clock)
    assert [one.value for one in claims] == [value]
    assert stays == (value == "held" or (clock is not None and came.updated_at is not None and came.updated_at < clock))


def test_what_only_an_older_record_says_does_not_come_back_and_what_only_the_newer_said_stays() -> None:
    held = {"f": (said("f", on(5)),), "g": (said("g", on(5), name="g"),)}
    claims, _ = newest_claims(record(on(4), said("old", on(4)), own("dropped", on(4), name="h")), held, on(5))
    assert {one.field: one.value for one in claims} == {"f": "f", "g": "g"}


def test_each_scope_has_its_own_claim() -> None:
    german, english = Scope("de"), Scope("en")
    held = {
        "f": (
            Claim("f", german, "alt", on(3), Basis.SOURCE_FIELD, NOW),
            Claim("f", english, "old", on(3), Basis.SOURCE_FIELD, NOW),
        )
    }
    came = record(
        on(5),
        Claim("f", german, "neu", on(4), Basis.SOURCE_FIELD, NOW),
        Claim("f", english, "older", on(2), Basis.SOURCE_FIELD, NOW),
    )
    claims, stays = newest_claims(came, held, on(5))
    assert ([one.value for one in claims], stays) == (["neu", "old"], True)


def test_of_a_page_that_names_a_record_twice_the_newest_counts_or_else_the_last() -> None:
    page = [record(on(2), record_id="a"), record(on(1), record_id="a"), record(None, record_id="b"), record(on(1))]
    assert [(one.key.id, one.updated_at) for one in each_once(page, by_clock=True)] == [
        ("a", on(2)),
        ("b", None),
        ("1", on(1)),
    ]
    assert each_once(page, by_clock=False)[0].updated_at == on(1)
    assert each_once([record(on(2)), record(None)], by_clock=True)[0].updated_at is None


# ── In the ledger ──────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Events(MemorySystem):
    """A system that is read as a whole once, and then sends whatever lies in ``pages``."""

    pages: list[DocumentPage] = field(default_factory=list)

    def send(self, *documents: dict[str, Any], gone: tuple[str, ...] = ()) -> None:
        found = tuple(Document(one, one["id"]) for one in documents)
        self.pages.append(DocumentPage(found, {"seen": 1}, enumerating=False, last=True, gone=gone))

    async def changes(self, cursor: Any) -> Any:
        if cursor is None:
            async for page in super().changes(None):
                yield page
        else:
            yield self.pages.pop(0) if self.pages else DocumentPage((), cursor, enumerating=False, last=True)


def event(stock: int, day: int, **more: Any) -> dict[str, Any]:
    return {"id": "1", "stock": stock, "changed": encode_datetime(on(day)), **more}


async def eventful(house: House) -> tuple[House, Events]:
    erp = Events()
    erp.log = []
    erp.documents["1"] = event(5, 5, price="10", price_changed=encode_datetime(on(3)), sku="A", label="Kettle")
    other = House(house.pool, house.ownership, {**house.systems, "erp": erp})
    await other.sync_all(["erp"])
    return other, erp


async def test_a_field_whose_own_clock_is_newer_is_taken_from_a_record_that_is_older(house: House) -> None:
    late, erp = await eventful(house)
    erp.send(event(4, 4, price="12", price_changed=encode_datetime(on(9)), sku="B", label="Jug"))
    assert (await late.sync("erp")).counts == Counts(seen=1, changed=1)
    assert (await claim(house, "1", "price"))["value"]["amount"] == "12"
    assert (await claim(house, "1", "price"))["lastUpdated"] == encode_datetime(on(9))
    assert (await claim(house, "1", "stock"))["value"] == 5
    row = await house.pool.fetchrow("select names, updated_at, document ->> 'sku' as sku from records")
    assert row is not None
    assert tuple(row) == (["Kettle"], on(5), "A"), "the rest of the record is older"
    await check_ledger(late)
    # All that the system says now is what it said first: the next full read takes it back to that.
    assert (await late.sync("erp", full=True)).counts.changed == 1
    assert (await claim(house, "1", "price"))["value"]["amount"] == "10"
    await check_ledger(late)


async def test_a_field_whose_own_clock_is_older_stays_when_the_record_is_newer(house: House) -> None:
    late, erp = await eventful(house)
    stale = event(6, 6, price="8", price_changed=encode_datetime(on(1)), sku="A", label="Kettle")
    for changed in (1, 0):
        erp.send(stale)
        assert (await late.sync("erp")).counts == Counts(seen=1, changed=changed)
        assert (await claim(house, "1", "price"))["value"]["amount"] == "10"
        assert (await claim(house, "1", "stock"))["value"] == 6
    erp.documents["1"] = stale
    assert (await late.sync("erp", full=True)).counts.changed == 1, "read as a whole it is what the system says"
    assert (await claim(house, "1", "price"))["value"]["amount"] == "8"
    await check_ledger(late)


async def test_a_record_that_was_deleted_is_not_brought_back_by_an_event_from_before(house: House) -> None:
    late, erp = await eventful(house)
    erp.send(event(6, 6), gone=())
    erp.send(gone=("1",))
    erp.send(event(5, 5))
    for _ in range(3):
        await late.sync("erp")
    assert [kind for kind, _, _ in await change_log(house)] == ["ADDED", "CHANGED", "GONE"]
    erp.send(event(7, 7))
    assert (await late.sync("erp")).counts == Counts(seen=1, added=1)
    await check_ledger(late)


async def test_what_came_late_leaves_no_trace_at_all(house: House) -> None:
    late, erp = await eventful(house)
    before = await house.pool.fetch("select xmin, * from records")
    log = await change_log(house)
    erp.send(event(1, 4, price="1", price_changed=encode_datetime(on(2)), sku="Z", extra={"new": 1}))
    assert (await late.sync("erp")).counts == Counts(seen=1)
    assert await house.pool.fetch("select xmin, * from records") == before
    assert await change_log(house) == log
    assert await house.pool.fetchval("select folded from aliases where scheme = 'sku'") == "a"


async def test_a_clock_two_hours_off_orders_its_own_events_all_the_same(house: House) -> None:
    late, erp = await eventful(house)
    ahead = datetime.now(UTC) + timedelta(hours=2)
    for stock, clock in ((7, ahead + timedelta(minutes=1)), (8, ahead)):
        erp.send({"id": "1", "stock": stock, "changed": encode_datetime(clock)})
        await late.sync("erp")
    assert (await claim(house, "1", "stock"))["value"] == 7
