"""What dashboards ask: how the systems do, and where ownership is at risk."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from resolvers.executor import Executor
from resolvers.governance import Governance, RiskKind, SourceStatus
from resolvers.reader import Reader
from sources.failures import Failure, FailureKind
from tests.resolvers.memory_source import House

GTIN = "4006381333931"
DOWN = Failure(FailureKind.TIMEOUT, "slow")


def governance(house: House, live: dict[str, tuple[datetime, Failure]] | None = None) -> Governance:
    executor = Executor(house.ownership, house.ledger, house.sources, dict)
    reader = Reader(house.ownership, executor, lambda reading: None, set)
    return Governance(house.pool, house.ownership, reader, lambda: live or {})


async def test_every_source_is_told_in_the_maps_order_with_how_it_does(house: House) -> None:
    house.systems["erp"].put("1", gtin=GTIN, stock=1)
    house.systems["erp"].documents["?"] = {"stock": 1}
    house.systems["wms"].put("1")
    house.systems["wms"].put("2", gtin=GTIN)
    await house.sync_all(["erp", "wms"])
    house.systems["wms"].fails_at = 0
    for _ in range(2):
        await house.sync("wms")
    since = datetime.now(UTC)
    reports = {one.name: one for one in await governance(house, {"pim": (since, DOWN)}).sources()}
    assert list(reports) == ["erp", "wms", "pim", "crm"]
    assert [one.status for one in reports.values()] == [
        SourceStatus.HEALTHY,
        SourceStatus.FAILING,
        SourceStatus.FAILING,
        SourceStatus.NEVER_READ,
    ]
    erp, wms = reports["erp"].state, reports["wms"].state
    assert erp is not None
    assert wms is not None
    assert (erp.records, erp.products, erp.apart, erp.rejected) == (1, 1, 0, 1)
    assert (wms.records, wms.products, wms.apart) == (2, 2, 1)
    first = await house.pool.fetchval("select min(started_at) from runs where source = 'wms' and outcome = 'FAILED'")
    assert (reports["wms"].since, reports["wms"].failure and reports["wms"].failure.kind) == (
        first,
        FailureKind.UNREACHABLE,
    )
    assert (reports["pim"].since, reports["pim"].failure) == (since, DOWN)


async def test_a_run_that_works_again_ends_the_failing(house: House) -> None:
    house.systems["erp"].fails_at = 0
    await house.sync("erp")
    house.systems["erp"].fails_at = None
    await house.sync("erp")
    report = (await governance(house).sources())[0]
    assert (report.status, report.failure, report.since) == (SourceStatus.HEALTHY, None, None)


async def test_columns_that_are_filled_and_not_mapped_are_told_without_a_value(house: House) -> None:
    for number in "123":
        house.systems["erp"].put(number, stock=1, margin="12%", colour="red" if number == "1" else None)
        house.systems["wms"].put(number, empty="", nothing=[], none={}, zero=0, no=False, _file={"row": 1})
    await house.sync_all()
    found = [(one.source, one.column, one.filled) for one in await governance(house).unmapped()]
    assert found == [("erp", "margin", 3), ("wms", "no", 3), ("wms", "zero", 3), ("erp", "colour", 1)]


async def test_risks_come_from_the_map_and_from_what_the_systems_say_worst_first(house: House) -> None:
    old = (datetime.now(UTC) - timedelta(days=60)).isoformat()
    house.systems["erp"].put("1", gtin=GTIN, price="10", changed=old, margin="1")
    house.systems["pim"].put("1", gtin=GTIN, price="12", title_en="Kettle")
    await house.sync_all(["erp", "pim", "crm"])
    judged = governance(house)
    risks = await judged.risks()
    assert [one.severity for one in risks] == sorted((one.severity for one in risks), reverse=True)
    told = {(one.kind, one.field or one.source): one.message for one in risks}
    assert told[RiskKind.SILENT_SOURCE, "wms"] == "wms has never been read to the end."
    assert (RiskKind.SILENT_SOURCE, "erp") not in told
    assert "1 of 1 products" in told[RiskKind.CONFLICTING, "price"]
    assert "1 of 1 products" in told[RiskKind.STALE, "price"]
    assert (RiskKind.NO_STEWARD, "price") not in told
    assert (RiskKind.NO_STEWARD, "stock") in told
    assert "erp may change it too, though wms owns it" in told[RiskKind.MULTIPLE_WRITERS, "weight"]
    assert "margin" in told[RiskKind.UNMAPPED, "erp"]
    assert await judged.risks() is risks, "a judgement holds for some seconds"


async def test_a_source_that_has_not_been_confirmed_for_long_is_silent(house: House) -> None:
    await house.sync_all()
    await house.pool.execute("update cursors set confirmed_at = now() - interval '1 hour' where source = 'pim'")
    silent = [one.source for one in await governance(house).risks() if one.kind is RiskKind.SILENT_SOURCE]
    assert silent == ["pim"]


async def test_an_empty_ledger_has_risks_and_no_error(house: House) -> None:
    kinds = {one.kind for one in await governance(house).risks()}
    assert kinds == {RiskKind.SILENT_SOURCE, RiskKind.NO_STEWARD, RiskKind.MULTIPLE_WRITERS}
