"""What live reads saw, on its way into the ledger."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

from resolvers.recording import Counts
from sources.contract import MISSING, Basis, Claim, Failed, Reading, RecordKey, Scope
from sources.failures import Failure, FailureKind
from sources.values import Money
from tests.resolvers.ledger_invariants import check_ledger
from tests.resolvers.ledger_reading import JANUARY, MARCH, change_log, claim, stamps
from tests.resolvers.memory_source import House

LINK = "select product_id, linked_by, reason, confidence, linked_at, gone_at from crosswalk"


def answered(house: House, amount: str, at: datetime, clock: datetime | None = None) -> dict[Any, Any]:
    basis = Basis.SOURCE_RECORD if clock else Basis.OBSERVED
    price = Claim("price", Scope(), Money(Decimal(amount), "EUR"), clock, basis, at)
    return {RecordKey("erp", "1"): {"price": Reading((price,))}}


async def observed_house(house: House) -> datetime:
    house.systems["erp"].put("1", price="10", stock=1, sku="A", label="Kettle", changed=JANUARY)
    await house.sync_all()
    return datetime.now(UTC)


async def test_an_observation_moves_what_it_saw_and_nothing_else(house: House) -> None:
    at = await observed_house(house)
    before = await house.pool.fetchrow("select names, identifiers, document, updated_at from records")
    link = await house.pool.fetchrow(LINK)
    await house.observer.observe("erp", answered(house, "12", at, datetime(2026, 3, 1, 12, tzinfo=UTC)), at)
    price = await claim(house, "1", "price")
    assert (price["value"]["amount"], price["lastUpdated"], price["basis"]) == ("12", MARCH, "SOURCE_RECORD")
    assert (await claim(house, "1", "stock"))["value"] == 1
    assert [list(claims) for _, _, claims in await change_log(house)] == [["price", "stock"], ["price"]]
    assert await house.pool.fetchrow("select names, identifiers, document, updated_at from records") == before
    assert await house.pool.fetchrow(LINK) == link
    await check_ledger(house)


async def test_a_sync_after_an_observation_of_the_same_finds_nothing_new(house: House) -> None:
    at = await observed_house(house)
    clock = datetime(2026, 3, 1, 12, tzinfo=UTC)
    await house.observer.observe("erp", answered(house, "12", at, clock), at)
    house.systems["erp"].edit("1", price="12", changed=MARCH)
    assert (await house.sync("erp")).counts == Counts(seen=1)
    assert (await claim(house, "1", "price"))["lastUpdated"] == MARCH


async def test_what_was_only_there_for_a_moment_does_not_stay_the_last_known(house: House) -> None:
    """A live read saw 12 between two syncs that saw 10: the second must say so, though its document is the old one."""
    at = await observed_house(house)
    await house.observer.observe("erp", answered(house, "12", at), at)
    assert (await house.sync("erp")).counts == Counts(seen=1, changed=1)
    assert (await claim(house, "1", "price"))["value"]["amount"] == "10"
    before = await stamps(house)
    await house.sync_all()
    assert await stamps(house) == before


async def test_an_observation_that_comes_late_does_not_overwrite_what_was_seen_since(house: House) -> None:
    at = await observed_house(house)
    house.systems["erp"].edit("1", price="15", changed=MARCH)
    await house.sync_all()
    await house.observer.observe("erp", answered(house, "12", at), at)
    assert (await claim(house, "1", "price"))["value"]["amount"] == "15"


async def test_an_observation_without_news_only_says_when_it_was_seen(house: House) -> None:
    await observed_house(house)
    soon = datetime.now(UTC) + timedelta(seconds=5)
    before = await house.pool.fetchval("select ctid::text from records")
    await house.observer.observe("erp", answered(house, "10.00", soon), soon)
    assert await house.pool.fetchval("select ctid::text from records") == before, "a moment later is not worth a write"
    later = datetime.now(UTC) + timedelta(minutes=2)
    await house.observer.observe("erp", answered(house, "10.00", later), later)
    assert len(await change_log(house)) == 1
    row = await house.pool.fetchrow("select observed_at, claims from records")
    assert row is not None
    assert (row["observed_at"], row["claims"]["price"][0]["lastUpdated"]) == (later, JANUARY)


async def test_a_failure_says_nothing_and_missing_says_that_there_is_nothing(house: House) -> None:
    at = await observed_house(house)
    down = Failed(Failure(FailureKind.TIMEOUT, "slow"))
    await house.observer.observe("erp", {RecordKey("erp", "1"): {"price": down, "stock": MISSING}}, at)
    assert (await claim(house, "1", "price"))["value"]["amount"] == "10"
    assert (await change_log(house))[-1] == ("CHANGED", "1", {"stock": []})
    await house.observer.observe("erp", {RecordKey("erp", "nobody"): {"price": MISSING}}, at)
    await check_ledger(house)


async def test_observations_while_records_move_to_other_products_leave_the_ledger_whole(house: House) -> None:
    for number in range(15):
        house.systems["wms"].put(f"w{number}", sku=f"S{number}", rating=number)
    await house.sync_all(["wms"])
    for number in range(15):
        house.systems["erp"].put(f"e{number}", sku=f"S{number}")
    house.systems["erp"].page = 1

    async def look(round_: int) -> None:
        for step in range(15):
            at = datetime.now(UTC)
            seen = {
                RecordKey("wms", f"w{number}"): {
                    "rating": Reading(
                        (Claim("rating", Scope(), Decimal(100 * round_ + step), None, Basis.OBSERVED, at),)
                    )
                }
                for number in (range(15) if step % 2 else reversed(range(15)))
            }
            await house.observer.observe("wms", seen, at)

    report, *_ = await asyncio.gather(house.sync("erp"), look(1), look(2))
    assert report.failure is None
    await check_ledger(house)
