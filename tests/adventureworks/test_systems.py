"""Every system of AdventureWorks read through its connector and mapping: nothing is lost, refused or unreadable."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from resolvers.map_file import load_map
from resolvers.ownership import OwnershipMap
from sources.contract import Failed, Record
from sources.guard import GuardedSource
from sources.mapping import Mapping as RecordMapping
from sources.values import Quantity
from tests.adventureworks.databases import load_wms
from tests.adventureworks.raw import RawFiles
from tests.upstreams.mariadb import MariaDB

pytestmark = pytest.mark.needs("product-data")

HERE = Path(__file__).parent
RECORDS = {"erp": 504, "pim": 504, "wms": 504, "support": 4, "purchasing": 265}


def opened(ownership: OwnershipMap, name: str) -> GuardedSource:
    """The source of that name, as production puts it together."""
    declared = ownership.sources[name]
    connector = declared.kind.open(declared.declaration, declared.options)
    return GuardedSource(connector, RecordMapping(declared.declaration, ownership.shapes()), declared.declaration)


async def everything(source: GuardedSource) -> list[Record]:
    """Every record; fails for a failure and for a document that is no record."""
    assert source.changes is not None
    records: list[Record] = []
    async for page in source.changes(None):
        assert not isinstance(page, Failed), page
        assert page.rejected == ()
        records += page.records
    return records


@pytest.mark.parametrize("name", RECORDS)
async def test_every_record_of_every_system_is_read(company: Mapping[str, str], name: str) -> None:
    source = opened(load_map(HERE / "whence.toml", company), name)
    records = await everything(source)
    await source.close()
    assert len(records) == RECORDS[name] == len({record.key for record in records})
    for record in records:
        assert record.invalid_identifiers == ()
        assert [identifier.scheme for identifier in record.identifiers] == ["sku"]
        assert [claim for claim in record.claims if claim.unreadable] == []
        assert record.updated_at is not None


async def test_all_systems_hold_the_same_products(company: Mapping[str, str], raw_files: RawFiles) -> None:
    ownership = load_map(HERE / "whence.toml", company)
    catalogue = {row["ProductNumber"].lower() for row in raw_files.table("Product")}
    for name in RECORDS:
        source = opened(ownership, name)
        skus = {record.identifiers[0].value for record in await everything(source)}
        await source.close()
        assert skus == catalogue if name in {"erp", "pim", "wms"} else skus < catalogue


async def test_weights_keep_the_unit_they_were_given_in(company: Mapping[str, str]) -> None:
    source = opened(load_map(HERE / "whence.toml", company), "wms")
    weights = [claim.value for record in await everything(source) for claim in record.claims if claim.field == "weight"]
    await source.close()
    assert Counter(weight.unit for weight in weights) == {"lb": 176, "g": 29}
    assert Quantity(Decimal("2.24"), "lb") in weights


@pytest.mark.needs("mariadb")
async def test_the_warehouse_on_mariadb_says_the_same(company: Mapping[str, str], raw_files: RawFiles) -> None:
    async with await MariaDB.start() as server:
        await load_wms(server.url, raw_files)
        said = []
        for url in (company["WMS_URL"], server.url):
            source = opened(load_map(HERE / "whence.toml", {**company, "WMS_URL": url}), "wms")
            records = {record.key: record for record in await everything(source)}
            claims = {
                (key, claim.field): (claim.value, claim.last_updated, claim.basis)
                for key, record in records.items()
                for claim in record.claims
            }
            names = {key: record.identifiers[0].value for key, record in records.items()}
            said.append((claims, names))
            await source.close()
    assert said[0] == said[1]


async def test_each_language_has_the_date_of_its_own(company: Mapping[str, str]) -> None:
    source = opened(load_map(HERE / "whence.toml", company), "pim")
    dates: dict[str | None, set[datetime | None]] = {}
    for record in await everything(source):
        for claim in record.claims:
            if claim.field == "description":
                dates.setdefault(claim.scope.locale, set()).add(claim.last_updated)
    await source.close()
    assert dates.keys() == {"en", "fr", "ar", "he", "th", "zh-Hant"}
    assert datetime(2025, 2, 7, 10, 32, 17, 973000, tzinfo=UTC) in dates["th"]
    assert dates["zh-Hant"] == {datetime(2024, 4, 29, tzinfo=UTC)}
