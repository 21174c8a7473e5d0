"""The ERP, a PostgreSQL, and the warehouse's system, a SQLite or a MariaDB."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import asyncpg
from sqlalchemy import text
from sqlalchemy.ext.asyncio import create_async_engine

from tests.adventureworks.raw import RawFiles, moment, number

ERP_TABLES = """
create table product (
    product_id int primary key, product_number varchar(25) not null unique, name varchar(50) not null,
    make_flag boolean not null, finished_goods_flag boolean not null, safety_stock_level int not null,
    reorder_point int not null, standard_cost numeric(19, 4) not null, list_price numeric(19, 4) not null,
    days_to_manufacture int not null, sell_start_date timestamp not null, sell_end_date timestamp,
    modified timestamp not null
);
create table list_price_history (
    product_id int references product, start_date timestamp, end_date timestamp, list_price numeric(19, 4),
    modified timestamp not null, primary key (product_id, start_date)
);
create table cost_history (
    product_id int references product, start_date timestamp, end_date timestamp, standard_cost numeric(19, 4),
    modified timestamp not null, primary key (product_id, start_date)
);
"""

WMS_TABLES = (
    "create table place (place_no int primary key, name varchar(50) not null)",
    """create table item (
        item_no varchar(12) primary key, sku char(25) not null, weight decimal(8, 2), weight_unit char(3),
        modified datetime(3) not null)""",
    """create table stock (
        item_no varchar(12) not null, place_no int not null, shelf varchar(10) not null, bin int not null,
        quantity int not null, modified datetime(3) not null, primary key (item_no, place_no))""",
)
_WMS_VIEW = """create view articles as
    select item.item_no, item.sku, item.weight, item.weight_unit, item.modified, held.on_hand, held.locations,
        held.counted
    from item left join (
        select item_no, sum(quantity) as on_hand, max(modified) as counted, {listed} as locations
        from (
            select stock.item_no, stock.place_no, stock.quantity, stock.modified,
                {entry} as entry
            from stock join place on place.place_no = stock.place_no
            order by stock.item_no, stock.place_no
        ) as rows_of_stock group by item_no
    ) as held on held.item_no = item.item_no"""
WMS_VIEWS: Mapping[str, str] = {
    "sqlite": _WMS_VIEW.format(
        listed="group_concat(entry, '; ')", entry="place.name || ' ' || stock.shelf || '/' || stock.bin"
    ),
    "mariadb": _WMS_VIEW.format(
        listed="group_concat(entry order by place_no separator '; ')",
        entry="concat(place.name, ' ', stock.shelf, '/', stock.bin)",
    ),
}


def item_number(product: str) -> str:
    """The warehouse's own number of a product."""
    return f"W-{int(product):06}"


async def load_erp(url: str, raw: RawFiles) -> None:
    """Fills the empty database at ``url`` (as asyncpg reads it) with products, prices and costs."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(ERP_TABLES)
        products = [
            (
                *(int(row["ProductID"]), row["ProductNumber"], row["Name"]),
                *(row["MakeFlag"] == "1", row["FinishedGoodsFlag"] == "1"),
                *(int(row["SafetyStockLevel"]), int(row["ReorderPoint"])),
                *(number(row["StandardCost"]), number(row["ListPrice"]), int(row["DaysToManufacture"])),
                *(moment(row["SellStartDate"]), moment(row["SellEndDate"]), moment(row["ModifiedDate"])),
            )
            for row in raw.table("Product")
        ]
        await connection.copy_records_to_table("product", records=products)
        histories = (("ProductListPriceHistory", "ListPrice", "list_price_history"),)
        for name, amount, table in (*histories, ("ProductCostHistory", "StandardCost", "cost_history")):
            rows = [
                (
                    *(int(row["ProductID"]), moment(row["StartDate"]), moment(row["EndDate"])),
                    *(number(row[amount]), moment(row["ModifiedDate"])),
                )
                for row in raw.table(name)
            ]
            await connection.copy_records_to_table(table, records=rows)
    finally:
        await connection.close()


async def load_wms(url: str, raw: RawFiles) -> None:
    """Fills the empty database at ``url`` (a SQLAlchemy one, its driver left out) with weights, stock and places.

    The warehouse writes SKUs in small letters, in a column of fixed width, and weights in pounds and in grams."""
    dialect = url.partition(":")[0]
    driver = {"sqlite": "sqlite+aiosqlite", "mariadb": "mariadb+asyncmy"}[dialect]
    engine = create_async_engine(driver + url.removeprefix(dialect))
    try:
        async with engine.begin() as connection:
            for statement in (*WMS_TABLES, WMS_VIEWS[dialect]):
                await connection.execute(text(statement))
            for table, rows in _wms_rows(raw).items():
                names = ", ".join(f":{name}" for name in rows[0])
                await connection.execute(text(f"insert into {table} values ({names})"), rows)
    finally:
        await engine.dispose()


def _wms_rows(raw: RawFiles) -> Mapping[str, Sequence[dict[str, Any]]]:
    places = [{"place_no": int(row["LocationID"]), "name": row["Name"]} for row in raw.table("Location")]
    items = [
        {
            "item_no": item_number(row["ProductID"]),
            "sku": row["ProductNumber"].lower().ljust(25),
            "weight": row["Weight"] or None,
            "weight_unit": row["WeightUnitMeasureCode"] or None,
            "modified": row["ModifiedDate"],
        }
        for row in raw.table("Product")
    ]
    stock = [
        {
            "item_no": item_number(row["ProductID"]),
            "place_no": int(row["LocationID"]),
            "shelf": row["Shelf"],
            "bin": int(row["Bin"]),
            "quantity": int(row["Quantity"]),
            "modified": row["ModifiedDate"],
        }
        for row in raw.table("ProductInventory")
    ]
    return {"place": places, "item": items, "stock": stock}
