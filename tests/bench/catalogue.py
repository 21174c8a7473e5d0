"""The same products as five departments keep them: ERP, warehouse, product information, shop, support's sheet.

Everything follows from a product's number and the round in which it was last changed, so every run writes the same rows.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

SYSTEMS = ("erp", "wms", "pim", "shop", "support")
_BEGIN = datetime(2025, 1, 6, 8, tzinfo=UTC)
_KINDS = ("Kettle", "Toaster", "Blender", "Coffee Grinder", "Mixer", "Rice Cooker", "Juicer", "Food Processor")
_LINES = ("Harbour", "Meadow", "Granite", "Linden", "Amber", "Northern", "Copper", "Willow", "Beacon", "Orchard")
_FINISHES = ("steel", "black", "white", "cream", "copper", "forest green")
_ORIGINS = ("DE", "PL", "CN", "IT", "TR", "VN", "CZ")
_BRANDS = ("Brewster", "Halden", "Moor & Sons", "Arcadia")
_FEATURES = (
    "auto-off",
    "BPA-free",
    "dishwasher safe",
    "360° base",
    "timer",
    "keep warm",
    "removable lid",
    "child lock",
)
_PEOPLE = ("A. Ruiz", "M. Okafor", "J. Lind", "S. Patel")
_SENTENCES = (
    "Boils a full litre in under three minutes and switches itself off.",
    "The handle stays cool, and the lid opens with one hand.",
    "All parts that touch food come off for cleaning.",
    "A quiet motor and a heavy base keep it where it stands.",
    "Spare parts are kept for ten years after the last one is sold.",
)


@dataclass(frozen=True, slots=True)
class Sheet:
    """One system's table: its columns with their types in SQL, and the row of a product in a round."""

    columns: Mapping[str, str]
    row: Callable[[int, int], tuple[Any, ...]]
    """From a product's number and the round in which it was last changed (0: never)."""

    @property
    def key(self) -> str:
        """The column that holds the system's own id."""
        return next(iter(self.columns))


def gtin(number: int) -> str:
    """The product's GTIN-13, its check digit right."""
    digits = f"40{number:010d}"
    odd, even = (sum(int(digit) for digit in digits[start::2]) for start in (0, 1))
    return f"{digits}{-(odd + 3 * even) % 10}"


def sku(number: int) -> str:
    """The product's SKU."""
    return f"BRW-{number:07d}"


def price(number: int, step: int) -> Decimal:
    """The list price after so many changes."""
    return Decimal(1990 + _pick(number, 1, 50_000) + step) / 100


def _pick(number: int, salt: int, count: int) -> int:
    mixed = (number * 0x9E3779B1 + salt * 0x85EBCA77) & 0xFFFFFFFF
    return ((mixed ^ (mixed >> 15)) * 0x2C1B3C6D & 0xFFFFFFFF) * count >> 32


def _clock(number: int, salt: int, step: int) -> datetime:
    return _BEGIN + timedelta(seconds=_pick(number, salt, 20_000_000)) + timedelta(days=step)


def _name(number: int) -> str:
    finish, volume = _FINISHES[_pick(number, 4, 6)], 5 + _pick(number, 5, 25)
    return f"{_LINES[_pick(number, 2, 10)]} {_KINDS[_pick(number, 3, 8)]} {volume / 10:.1f} l {finish} {_model(number)}"


def _model(number: int) -> str:
    return f"{'KTBGMRJF'[_pick(number, 3, 8)]}{number:06d}"


def _erp(number: int, step: int) -> tuple[Any, ...]:
    label = f"{_model(number)} {_KINDS[_pick(number, 3, 8)]} {_FINISHES[_pick(number, 4, 6)]}".upper()
    cost = price(number, 0) * 6 / 10
    return (
        *(f"A{number:07d}", sku(number), gtin(number), label, price(number, step), cost, _pick(number, 6, 40) == 0),
        *(_pick(number, 7, 400), f"V{_pick(number, 8, 3)}", _clock(number, 9, step)),
    )


def _wms(number: int, step: int) -> tuple[Any, ...]:
    label = f"{_KINDS[_pick(number, 3, 8)][:4]} {_model(number)} {_FINISHES[_pick(number, 4, 6)][:3]}".upper()
    return (
        *(f"W-{number:07d}", gtin(number), label, f"{Decimal(300 + _pick(number, 10, 9000)) / 1000}"),
        *(80 + _pick(number, 11, 400), _pick(number, 12, 900) + step, _ORIGINS[_pick(number, 13, 7)]),
        *(_clock(number, 14, step).strftime("%Y-%m-%d"), _clock(number, 15, step).strftime("%Y-%m-%d %H:%M:%S")),
    )


def _pim(number: int, step: int) -> tuple[Any, ...]:
    first = _pick(number, 16, 5)
    text = " ".join(_SENTENCES[(first + position) % 5] for position in range(3))
    features = ";".join(_FEATURES[(_pick(number, 17, 8) + position * 3) % 8] for position in range(4))
    return (
        *(f"P{number:07d}", gtin(number), _BRANDS[_pick(number, 18, 4)], _model(number), _name(number)),
        *(
            f"{text} Edition {step}." if step else text,
            f"https://media.example/{number // 1000}/{number}.jpg",
            features,
        ),
        *(300 + _pick(number, 10, 9000), _clock(number, 19, step).strftime("%Y-%m-%dT%H:%M:%SZ")),
    )


def _shop(number: int, step: int) -> tuple[Any, ...]:
    attributes = {
        "colour": _FINISHES[_pick(number, 4, 6)],
        "cable": f"{_pick(number, 20, 9) + 6}0 cm",
        "power": {"watts": 400 + 50 * _pick(number, 21, 40), "class": "ABC"[_pick(number, 22, 3)]},
        "sets": _pick(number, 23, 4),
    }
    return (
        *(10_000_000 + number, sku(number), _name(number), price(number, step)),
        *(Decimal(10 + (_pick(number, 24, 41) + step) % 41) / 10, _pick(number, 25, 30) != 0, json.dumps(attributes)),
        *(_clock(number, 26, 0), f"theme-{_pick(number, 27, 12)}", _clock(number, 28, step)),
    )


def _support(number: int, step: int) -> tuple[Any, ...]:
    return (
        *(f"S{number}", sku(number), f"{_LINES[_pick(number, 2, 10)]} {_KINDS[_pick(number, 3, 8)]} {number}"),
        *(
            "" if _pick(number, 29, 3) else "Lid does not close when hot; send part 204.",
            f"{_pick(number, 30, 120) / 10:.1f}",
        ),
        *(f"Case {step + _pick(number, 31, 9000)}: customer asked about descaling.", _PEOPLE[_pick(number, 32, 4)]),
        _clock(number, 33, step).strftime("%d.%m.%Y %H:%M"),
    )


SHEETS: Mapping[str, Sheet] = {
    "erp": Sheet(
        {
            "article_no": "text primary key",
            "sku": "text not null",
            "ean": "text not null",
            "label": "text not null",
            "list_price": "numeric(12, 2) not null",
            "cost": "numeric(12, 3) not null",
            "blocked": "boolean not null",
            "reorder_point": "integer not null",
            "vat_code": "text not null",
            "changed_on": "timestamptz not null",
        },
        _erp,
    ),
    "wms": Sheet(
        {
            "item_no": "text primary key",
            "ean": "text not null",
            "label": "text not null",
            "weight_kg": "text not null",
            "height_mm": "integer not null",
            "on_hand": "integer not null",
            "origin": "text not null",
            "counted_on": "text not null",
            "changed_on": "text not null",
        },
        _wms,
    ),
    "pim": Sheet(
        dict.fromkeys(
            ("id", "gtin", "brand", "mpn", "title", "description", "image", "features", "weight_g", "modified"), "text"
        ),
        _pim,
    ),
    "shop": Sheet(
        {
            "variant": "bigint primary key",
            "sku": "text not null",
            "title": "text not null",
            "price": "numeric(12, 2) not null",
            "rating": "numeric(2, 1) not null",
            "visible": "boolean not null",
            "attributes": "jsonb not null",
            "published": "timestamptz not null",
            "theme": "text not null",
            "updated": "timestamptz not null",
        },
        _shop,
    ),
    "support": Sheet(
        dict.fromkeys(("ref", "sku", "product", "issue", "return_rate", "note", "author", "updated"), "text"), _support
    ),
}
