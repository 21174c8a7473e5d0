"""The main job on real data: five systems synced and served, and all that is answered compared with the raw files."""

from __future__ import annotations

import asyncio
import tomllib
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import pytest

from tests.adventureworks.raw import RawFiles
from tests.adventureworks.systems import tryton_articles
from tests.adventureworks.whence_process import Installation, answer, compare
from tests.upstreams.tryton import Tryton

pytestmark = pytest.mark.needs("product-data")

HERE = Path(__file__).parent
PRICE = """query ($sku: String!) { product(by: {sku: $sku}) {
    listPrice { value { amount currency } status source lastUpdated } stockOnHand { value status source } } }"""


async def test_every_value_and_every_date_is_that_of_the_raw_files(
    company: Mapping[str, str], raw_files: RawFiles, empty_database_url: str, tmp_path: Path
) -> None:
    whence = Installation(HERE / "whence.toml", tmp_path, empty_database_url, company)
    await asyncio.to_thread(whence.run, "check")
    await asyncio.to_thread(whence.run, "sync")
    with whence.serving() as url:
        code, told = await asyncio.to_thread(compare, raw_files.directory, url)
        assert code == 0, told

        # The ERP is asked live, and the comparison notices what is not as in the raw files.
        erp = await asyncpg.connect(company["ERP_URL"])
        try:
            await erp.execute("update product set list_price = list_price + 1 where product_number = 'BK-R19B-52'")
            code, told = await asyncio.to_thread(compare, raw_files.directory, url)
        finally:
            await erp.execute("update product set list_price = list_price - 1 where product_number = 'BK-R19B-52'")
            await erp.close()
        assert code == 1
        assert "BK-R19B-52 listPrice: values should be" in told
        # The value, and with it its date: the ERP's clock did not move, so the new price is dated by when it was seen.
        assert "3 differ" in told.split("compared, ")[1]
        assert "basis should be 'SOURCE_FIELD', and is 'OBSERVED'" in told


async def last_known(url: str, sku: str, expected: Decimal) -> dict[str, Any]:
    """The list price while Tryton is down, once what live reads saw last has reached the ledger, or after a while."""
    for _ in range(40):
        told = await asyncio.to_thread(answer, url, PRICE, sku=sku)
        assert "tryton" in str(told["extensions"]["sources"])
        price: dict[str, Any] = told["data"]["product"]["listPrice"]
        if Decimal(price["value"]["amount"]) == expected:
            break
        await asyncio.sleep(0.5)
    return price


@pytest.mark.needs("tryton")
async def test_tryton_owns_price_cost_and_stock_of_a_hundred(
    company: Mapping[str, str],
    loaded_tryton: Tryton,
    raw_files: RawFiles,
    empty_database_url: str,
    tmp_path: Path,
) -> None:
    articles = tryton_articles(raw_files)
    numbers = tmp_path / "numbers"
    numbers.write_text("\n".join(article.code for article in articles))
    environment = {
        **company,
        "TRYTON_URL": loaded_tryton.url,
        "TRYTON_DATABASE": loaded_tryton.database,
        "TRYTON_USER": loaded_tryton.user,
        "TRYTON_PASSWORD": loaded_tryton.password,
    }
    whence = Installation(HERE / "whence-tryton.toml", tmp_path, empty_database_url, environment)
    await asyncio.to_thread(whence.run, "check")
    await asyncio.to_thread(whence.run, "sync")
    loaded = (datetime.now(UTC) - timedelta(hours=1)).isoformat()
    code_of = articles[0].code
    place = next(iter(articles[0].stock))
    with whence.serving() as url:
        words = ("--in-tryton", str(numbers), "--loaded-since", loaded)
        code, told = await asyncio.to_thread(compare, raw_files.directory, url, *words)
        assert code == 0, told

        before = datetime.now(UTC) - timedelta(seconds=1)
        await asyncio.to_thread(loaded_tryton.set_list_price, code_of, Decimal("77.25"))
        await asyncio.to_thread(loaded_tryton.set_stock, code_of, place, 5)
        fact = (await asyncio.to_thread(answer, url, PRICE, sku=code_of))["data"]["product"]
        price, stock = fact["listPrice"], fact["stockOnHand"]
        assert Decimal(price["value"]["amount"]) == Decimal("77.25")
        assert (price["value"]["currency"], price["status"], price["source"]) == ("USD", "OK", "tryton")
        assert before < datetime.fromisoformat(price["lastUpdated"]) < datetime.now(UTC)
        assert stock["value"] == 5 + sum(count for name, count in articles[0].stock.items() if name != place)

        await asyncio.to_thread(loaded_tryton.stop)
        try:
            price = await last_known(url, code_of, Decimal("77.25"))
        finally:
            await asyncio.to_thread(loaded_tryton.start)
        assert (Decimal(price["value"]["amount"]), price["status"]) == (Decimal("77.25"), "LAST_KNOWN")
    await asyncio.to_thread(loaded_tryton.set_list_price, code_of, articles[0].list_price or Decimal(0))
    await asyncio.to_thread(loaded_tryton.set_stock, code_of, place, articles[0].stock[place])


def test_the_two_configurations_differ_by_tryton_alone() -> None:
    plain, tryton = (tomllib.loads((HERE / name).read_text()) for name in ("whence.toml", "whence-tryton.toml"))
    del tryton["sources"]["tryton"]
    for name, owner in (("listPrice", "erp"), ("standardCost", "erp"), ("stockOnHand", "wms")):
        assert tryton["fields"][name].pop("fallback") == [owner]
        tryton["fields"][name]["system_of_record"] = owner
    assert tryton == plain
