"""Catalogues that share hardly a key: a web shop, a warehouse and a wholesaler, each with its own way to name a thing."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from random import Random
from typing import Any
from uuid import UUID

from resolvers.map_file import parse_map
from resolvers.matching_flow.matcher import Matched, Matcher
from resolvers.ownership import OwnershipMap
from sources.contract import RecordKey
from sources.ledger.batches import register_sources
from sources.ledger.database import Pool, open_pool
from sources.ledger.pairs import Pair
from tests.resolvers.memory_source import House, MemorySystem

TOML = """\
[content]
locales = ["en", "de"]
[audiences.internal]
governance = true

[sources.shop]
title = "Web shop"
connector = "sql"
url = "sqlite:///shop.db"
from = "shop"
key = "id"
names = ["label"]
[sources.shop.identifiers]
gtin = "gtin"
sku = "sku"
brand = "brand"
mpn = "mpn"
[sources.shop.fields]
name = [{ path = "title", locale = "en" }, { path = "title_de", locale = "de" }]
description = "text"
brand = "brand"
price = { path = "price", currency = "EUR" }
capacity = { path = "litres", unit = "l" }

[sources.wms]
title = "Warehouse"
connector = "sql"
url = "sqlite:///wms.db"
from = "wms"
key = "id"
names = ["label"]
[sources.wms.identifiers]
gtin = "gtin"
sku = "sku"
brand = "brand"
mpn = "mpn"
[sources.wms.fields]
name = { path = "title", locale = "en" }
price = { path = "price", currency = "EUR" }
capacity = { path = "ml", unit = "ml" }

[sources.hall]
title = "Wholesaler"
connector = "sql"
url = "sqlite:///hall.db"
from = "hall"
key = "id"
names = ["label"]
[sources.hall.identifiers]
gtin = "gtin"
sku = "sku"
[sources.hall.fields]
price = { path = "price", currency_path = "currency" }

[sources.tickets]
title = "Tickets"
connector = "file"
path = "tickets.csv"
key = "id"
per_product = "many"
[sources.tickets.identifiers]
sku = "sku"
[sources.tickets.fields]
note = "note"

[fields.name]
type = "text"
system_of_record = "shop"
[fields.description]
type = "text"
system_of_record = "shop"
[fields.brand]
type = "text"
system_of_record = "shop"
[fields.price]
type = "money"
currency = "EUR"
system_of_record = "shop"
[fields.capacity]
type = "quantity"
unit = "l"
system_of_record = "shop"
[fields.note]
type = "text"
system_of_record = "tickets"

[identity]
keys = ["gtin", "brand+mpn", "sku"]
[identity.matching]
"""

_KINDS = ("kettle", "toaster", "grinder", "juicer", "blender", "steamer", "freezer", "mixer", "scale", "heater")
_MAKERS = ("Halloran", "Brewster", "Okanda", "Vellamo", "Tarrant")
_WORDS = (
    "compact",
    "digital",
    "professional",
    "cordless",
    "stainless",
    "foldable",
    "quiet",
    "classic",
    "heavy",
    "slim",
)


def specimen(*changes: tuple[str, str]) -> str:
    """The map, with texts of it replaced, each of which must stand in it."""
    text = TOML
    for before, after in changes:
        if before not in text:
            raise AssertionError(f"the map has no {before!r}")
        text = text.replace(before, after, 1)
    return text


def shops_map(*changes: tuple[str, str]) -> OwnershipMap:
    """The same as a map."""
    return parse_map(specimen(*changes), {})


def product(number: int) -> dict[str, str]:
    """A product of its own: its model number is nowhere else."""
    random = Random(number)
    kind, maker, word = _KINDS[number % 10], _MAKERS[number % 5], _WORDS[number // 10 % 10]
    model = f"{maker[0]}{kind[0]}".upper() + f"{1000 + number * 37}" + random.choice("XTRL")
    return {"maker": maker, "kind": kind, "word": word, "model": model, "price": f"{20 + number * 1.75:.2f}"}


@dataclass
class Shops:
    """The systems, their ledger, and the matcher behind it."""

    house: House
    matcher: Matcher = field(init=False)

    def __post_init__(self) -> None:
        self.matcher = Matcher(self.house.pool, self.house.ownership)

    @property
    def pool(self) -> Pool:
        return self.house.pool

    def stock(self, count: int, start: int = 0, *, shop: bool = True, wms: bool = True) -> None:
        """Products ``start`` to ``start + count`` in the shop and in the warehouse, without a shared key."""
        for number in range(start, start + count):
            one = product(number)
            title = f"{one['maker']} {one['word']} {one['kind']} {one['model']}"
            model = one["model"] if number % 3 else f"{one['model'][:2]}-{one['model'][2:]}"
            word = f" {one['word']}" if number % 4 else ""
            label = f"{one['maker'].upper()}{word} {model} {one['kind']}"
            if shop:
                self.put("shop", f"s{number}", title=title, price=one["price"])
            if wms:
                self.put("wms", f"w{number}", title=label, price=one["price"])

    def put(self, source: str, record_id: str, **columns: Any) -> None:
        """A record as it is from now on."""
        self.house.systems[source].put(record_id, **columns)

    def drop(self, source: str, record_id: str) -> Mapping[str, Any]:
        """A record that is deleted; what it was."""
        return self.house.systems[source].drop(record_id)

    async def sync(self, *names: str) -> None:
        """Sync the systems named, or all."""
        await self.house.sync_all(names or None)

    async def settle(self, *names: str) -> Matched:
        """Sync, and match what is due."""
        await self.sync(*names)
        return await self.matcher.catch_up()

    def rewire(self, *changes: tuple[str, str]) -> None:
        """The same by another map."""
        self.house.rewire(shops_map(*changes))
        self.matcher = Matcher(self.pool, self.house.ownership)

    async def pairs(self) -> dict[tuple[str, str], str]:
        """The pairs by their records (source and id in one), and the verdicts."""
        rows = await self.pool.fetch("select * from match_pairs")
        return {
            (f"{one['left_source']} {one['left_record']}", f"{one['right_source']} {one['right_record']}"): one[
                "verdict"
            ]
            for one in rows
        }

    async def verdict(self, left: str, right: str) -> str | None:
        """The verdict on two records, given in order."""
        return (await self.pairs()).get((left, right))

    async def product(self, record: str) -> UUID:
        """The product of a record."""
        source, _, record_id = record.partition(" ")
        found: UUID = await self.pool.fetchval(
            "select product_id from crosswalk where source = $1 and record_id = $2", source, record_id
        )
        return found

    async def one_product(self, *records: str) -> bool:
        """Whether records, each as its source and id, are one product."""
        return len({await self.product(one) for one in records}) == 1

    async def decide(self, left: str, right: str, verdict: str, *, undo: bool = False) -> None:
        """Write down what a person says about two records."""
        pair = Pair.of(_key(left), _key(right))
        undone = "clock_timestamp()" if undo else "null"
        await self.pool.execute(
            "insert into match_decisions (id, action, kind, left_source, left_record, right_source, right_record, verdict,"
            " by, why, decided_at, undone_at) values (gen_random_uuid(), gen_random_uuid(), 'confirm', $1, $2, $3, $4, $5,"
            f" 'ana', 'seen', clock_timestamp(), {undone})",
            *pair.left,
            *pair.right,
            verdict,
        )


def _key(record: str) -> RecordKey:
    source, _, record_id = record.partition(" ")
    return RecordKey(source, record_id)


@asynccontextmanager
async def open_shops(database_url: str, *changes: tuple[str, str]) -> AsyncIterator[Shops]:
    """Shops on a migrated database."""
    ownership = shops_map(*changes)
    async with open_pool(database_url, size=6) as pool:
        await register_sources(pool, list(ownership.sources))
        yield Shops(House(pool, ownership, {name: MemorySystem() for name in ownership.sources}))
