"""Every system of the demo answers as it is documented, and only to those who show who they are."""

from __future__ import annotations

import csv
import re
import sqlite3
import zipfile
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import asyncpg
import httpx2
import pytest
from python_calamine import CalamineWorkbook
from sqlalchemy.engine import make_url

from app.demo.catalogue import Catalogue
from app.demo.systems import erp, support
from tests.demo.conftest import Running

KETTLE = "BR-KET-1700-BK"
PAGES = """query ($first: Int!, $after: String) { products(first: $first, after: $after) {
  totalCount pageInfo { hasNextPage endCursor }
  edges { node { id title sku barcode priceCents weight weightUnit powerWatts published updatedAt } } } }"""


def bearer(brewster: Running) -> dict[str, str]:
    return {"Authorization": f"Bearer {brewster.environment['PIM_TOKEN']}"}


async def test_the_erp_holds_every_item_with_its_clocks(brewster: Running) -> None:
    connection = await asyncpg.connect(brewster.environment["ERP_URL"], timeout=5)
    try:
        assert await connection.fetchval("select count(*) from brewster_erp.items") == 60
        kettle = await connection.fetchrow("select * from brewster_erp.items where sku = $1", KETTLE)
        in_the_future = await connection.fetchval("select count(*) from brewster_erp.items where changed_at > now()")
    finally:
        await connection.close()
    assert (kettle["list_price"], kettle["currency"], kettle["stock_on_hand"]) == (Decimal("49.90"), "EUR", 412)
    assert kettle["price_changed_at"] < kettle["stock_changed_at"] == kettle["changed_at"]
    assert in_the_future == 0


async def test_the_warehouse_weighs_in_three_units_and_loses_zeros(brewster: Running) -> None:
    path = brewster.environment["WMS_URL"].removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as connection:
        units = {unit for (unit,) in connection.execute("select distinct weight_unit from articles")}
        (kettle,) = connection.execute("select label, weight, weight_unit from articles where shop_sku = ?", [KETTLE])
        (lid,) = connection.execute("select ean from articles where shop_sku = 'BR-ACC-LID-H1'")
    assert units == {"kg", "g", "lb"}
    assert kettle == ("POT ELEC 17 STL BLK", 0.85, "kg")
    assert len(str(lid[0])) == 12


async def test_the_pim_pages_and_asks_for_its_token(brewster: Running, web: httpx2.AsyncClient) -> None:
    url = f"{brewster.environment['PIM_URL']}/api/products"
    for headers in ({}, {"Authorization": "Bearer wrong"}, {"Authorization": brewster.environment["PIM_TOKEN"]}):
        assert (await web.get(url, headers=headers)).status_code == 401
    items: list[dict[str, Any]] = []
    for page in (1, 2, 3, 4):
        answer = (await web.get(url, params={"page": page, "per_page": 25}, headers=bearer(brewster))).json()
        assert answer["total"] == 59
        items += answer["items"]
    assert len({item["id"] for item in items}) == len(items) == 59
    assert "HA-FRO-01" not in {item["sku"] for item in items}
    kettle = next(item for item in items if item["sku"] == KETTLE)
    assert set(kettle["description"]) == {"en", "de", "fr"}
    assert {entry["sku"] for entry in kettle["accessories"]} >= {"BR-ACC-DESC-250", "BR-ACC-FILT-H2"}
    wanted = f"{kettle['id']},pim-9999"
    found = (await web.get(url, params={"ids": wanted}, headers=bearer(brewster))).json()["items"]
    assert found == [kettle]
    assert (await web.get(f"{url}/{kettle['id']}", headers=bearer(brewster))).json() == kettle
    assert (await web.get(url, params={"page": "x"}, headers=bearer(brewster))).status_code == 400


async def test_the_shop_pages_by_cursor_and_asks_for_its_key(brewster: Running, web: httpx2.AsyncClient) -> None:
    url = f"{brewster.environment['SHOP_URL']}/graphql"
    assert (await web.post(url, json={"query": "{ __typename }"})).status_code == 401
    headers = {"X-Shop-Key": brewster.environment["SHOP_KEY"]}
    nodes: list[dict[str, Any]] = []
    after = None
    while True:
        question = {"query": PAGES, "variables": {"first": 25, "after": after}}
        connection = (await web.post(url, json=question, headers=headers)).json()["data"]["products"]
        nodes += [edge["node"] for edge in connection["edges"]]
        after = connection["pageInfo"]["endCursor"]
        if not connection["pageInfo"]["hasNextPage"]:
            break
    assert len({node["id"] for node in nodes}) == len(nodes) == connection["totalCount"]
    kettle = next(node for node in nodes if node["sku"] == KETTLE)
    assert (kettle["weight"], kettle["weightUnit"], kettle["powerWatts"]) == (1.9, "lb", 2000)
    untouched = datetime.now(UTC) - datetime.fromisoformat(kettle["updatedAt"])
    assert timedelta(days=1094) < untouched < timedelta(days=1098)
    question = {
        "query": "query ($ids: [ID!]!) { nodes(ids: $ids) { id } }",
        "variables": {"ids": [kettle["id"], "gid://brewster/Page/0"]},
    }
    answer = (await web.post(url, json=question, headers=headers)).json()
    assert answer["data"]["nodes"] == [{"id": kettle["id"]}, None]


async def test_the_crm_keeps_its_customers_apart(brewster: Running, web: httpx2.AsyncClient) -> None:
    url, environment = brewster.environment["CRM_URL"], brewster.environment
    assert (await web.get(f"{url}/tickets", auth=("whence", "wrong"))).status_code == 401
    auth = (environment["CRM_USER"], environment["CRM_PASSWORD"])
    customers = (await web.get(f"{url}/customers", auth=auth)).json()["customers"]
    first = (await web.get(f"{url}/tickets", params={"limit": 10}, auth=auth)).json()
    second = (await web.get(f"{url}/tickets", params={"offset": 10, "limit": 10}, auth=auth)).json()
    tickets = first["tickets"] + second["tickets"]
    assert len(tickets) == first["total"] == len({ticket["id"] for ticket in tickets})
    for personal in (customer[part] for customer in customers for part in ("name", "email", "phone")):
        assert personal not in str(tickets)
    about_fit = (await web.get(f"{url}/tickets/compatibility", auth=auth)).json()["tickets"]
    assert {ticket["kind"] for ticket in about_fit} == {"compatibility"}
    base = next(ticket for ticket in about_fit if ticket["compatibility"]["with_sku"] == "BR-ACC-BASE-H2")
    assert base["product"]["sku"] == KETTLE
    assert base["compatibility"]["verdict"] == "conditional"
    assert "H1-240000" in base["compatibility"]["condition"]


def test_supports_sheet_has_its_header_on_row_three_and_is_eight_months_old(brewster: Running) -> None:
    path = Path(brewster.environment["SUPPORT_FILE"])
    rows = CalamineWorkbook.from_path(str(path)).get_sheet_by_name("Patterns").to_python(skip_empty_area=False)
    assert str(rows[0][0]).startswith("Complaint patterns")
    assert tuple(rows[2]) == support.COLUMNS
    kettles = [row for row in rows[3:] if row[1] == KETTLE]
    assert len(kettles) == 5
    assert any(row[6] == "BR-ACC-FILT-H2" and row[7] == "no" for row in kettles)
    with zipfile.ZipFile(path) as sheet:
        core = sheet.read("docProps/core.xml").decode()
    found = re.search(r"<dcterms:modified[^>]*>([^<]*)<", core)
    assert found
    modified = datetime.fromisoformat(found[1])
    assert timedelta(days=242) < datetime.now(UTC) - modified < timedelta(days=245)
    assert path.stat().st_mtime == modified.timestamp()


def test_marketings_file_is_windows_and_german(brewster: Running) -> None:
    content = Path(brewster.environment["MARKETING_FILE"]).read_bytes()
    assert "café".encode("cp1252") in content
    with pytest.raises(UnicodeDecodeError):
        content.decode()
    rows = list(csv.DictReader(content.decode("cp1252").splitlines(), delimiter=";"))
    kettle = next(row for row in rows if row["SKU"] == KETTLE)
    assert kettle["Volume (l)"] == "1,7"
    assert re.fullmatch(r"\d\d\.\d\d\.\d{4}", kettle["Edited"])


def test_sales_list_has_numbers_for_model_numbers_and_its_own_prices(brewster: Running) -> None:
    workbook = CalamineWorkbook.from_path(brewster.environment["SALES_FILE"])
    assert workbook.sheet_names == ["Prices", "old - do not use"]
    header, *rows = workbook.get_sheet_by_name("Prices").to_python()
    lines = [dict(zip(header, row, strict=True)) for row in rows]
    kettle = next(line for line in lines if line["Our name"] == "Harbour 1.7 (Bestseller!)")
    assert kettle["Model"] == 121066.0
    assert kettle["List EUR"] == 44.90
    assert len({line["Line"] for line in lines}) == len(lines)


async def test_the_erp_fits_into_a_database_that_is_not_its_own(brewster: Running, empty_database_url: str) -> None:
    """A role that may make no database gets a schema, and nothing else of that database is touched."""
    admin = await asyncpg.connect(empty_database_url)
    role = f"guest_{abs(hash(empty_database_url))}"
    database = await admin.fetchval("select current_database()")
    await admin.execute(f"create role {role} login password 'guest'")
    try:
        await admin.execute(f'grant create on database "{database}" to {role}')
        await admin.execute(f"revoke connect on database {erp.DATABASE} from public")
        guest = make_url(empty_database_url).set(username=role, password="guest").render_as_string(False)
        found = await erp.prepare(guest, Catalogue())
        assert found.url.database == database
        assert await admin.fetchval("select count(*) from brewster_erp.items") == 60
        await admin.execute("comment on schema brewster_erp is 'mine'")
        with pytest.raises(erp.ErpUnavailable, match="not the demo's"):
            await erp.prepare(guest, Catalogue())
    finally:
        await admin.execute(f"drop owned by {role} cascade")
        await admin.execute(f"drop role {role}")
        await admin.execute(f"grant connect on database {erp.DATABASE} to public")
        await admin.close()
