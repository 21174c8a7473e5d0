"""A small whence.toml in which nothing is wrong, for tests to begin from."""

from __future__ import annotations

from collections.abc import Mapping

import pytest

from resolvers.map_file import MapError, Mistake, parse_map

WHENCE_TOML = """\
[content]
locales = ["en", "de", "fr"]

[audiences.internal]
governance = true
[audiences.support]
governance = true
[audiences.storefront]

[sources.wms]
title = "Warehouse"
connector = "sql"
url = "${WMS_URL}"
from = "articles"
key = "article_no"
updated_at = "changed_on"
timezone = "Europe/Berlin"
sync = { every = "5m" }
deadline = "800ms"
names = ["label"]
audiences = ["internal", "support"]
[sources.wms.identifiers]
gtin = "ean"
sku = "shop_sku"
[sources.wms.fields]
weight = { path = "weight_kg", unit = "kg" }
countryOfOrigin = "origin"

[sources.erp]
title = "ERP"
connector = "sql"
url = "sqlite:///erp.db"
query = "select * from items"
key = "item_no"
read = "live"
names = ["item_name"]
[sources.erp.identifiers]
gtin = "gtin"
brand = "brand"
mpn = "mpn"
[sources.erp.fields]
listPrice = { path = "price_cents", minor_units = true, currency = "EUR" }
weight = { path = "weight_lb", unit = "lb" }

[sources.marketing]
title = "Marketing"
connector = "file"
path = "marketing.csv"
key = "SKU"
names = ["Product"]
[sources.marketing.identifiers]
sku = "SKU"
[sources.marketing.fields]
description = [
  { path = "Story (en)", locale = "en" },
  { path = "Story (fr)", locale = "fr" },
]
tags = { path = "Tags", split = ";" }

[sources.complaints]
title = "Complaints"
connector = "file"
path = "complaints.csv"
key = "No"
per_product = "many"
[sources.complaints.identifiers]
sku = "SKU"
[sources.complaints.fields]
complaints = { note = { text = "Complaint", author = "By", created_at = "On" } }

[fields.weight]
label = "Weight"
description = "With packaging."
type = "quantity"
unit = "g"
system_of_record = "wms"
fallback = ["erp"]
steward = { name = "Logistics", contact = "logistics@brewster.example" }
max_age = "90d"
tolerance = "1%"
readers = ["marketing"]
writers = ["wms"]
audiences = ["internal", "support", "storefront"]

[fields.countryOfOrigin]
type = "text"
system_of_record = "wms"

[fields.listPrice]
type = "money"
currency = "EUR"
system_of_record = "erp"
tolerance = "0.01"
steward = { name = "Pricing" }
max_age = "1d"
audiences = ["internal", "storefront"]

[fields.description]
type = "text"
system_of_record = "marketing"
audiences = ["internal", "support", "storefront"]

[fields.tags]
type = "text_list"
system_of_record = "marketing"

[fields.complaints]
type = "note_list"
system_of_record = "complaints"

[identity]
keys = ["gtin", "brand+mpn", "sku"]
"""

ENVIRONMENT: Mapping[str, str] = {"WMS_URL": "sqlite:///wms-of-brewster.db"}


def specimen(*changes: tuple[str, str], more: str = "") -> str:
    """The specimen with texts replaced, each of which must stand in it, and ``more`` after it."""
    text = WHENCE_TOML
    for before, after in changes:
        if before not in text:
            raise AssertionError(f"the specimen has no {before!r}")
        text = text.replace(before, after, 1)
    return f"{text}\n{more}"


def mistakes(text: str, environment: Mapping[str, str] = ENVIRONMENT) -> tuple[Mistake, ...]:
    """Every mistake in a file that has some."""
    with pytest.raises(MapError) as caught:
        parse_map(text, environment)
    return caught.value.mistakes


def only_mistake(text: str, environment: Mapping[str, str] = ENVIRONMENT) -> Mistake:
    """The mistake in a file that has exactly one."""
    found = mistakes(text, environment)
    assert len(found) == 1, "\n".join(map(str, found))
    return found[0]
