"""A full ledger of revision 0001, row by row as the code of that revision wrote it, and what a reader must find in it.

Of everything that it can hold there is some: records in one system and in several, records that are gone, that stay
apart, that were merged; history; values that cannot be read; notes; documents set aside; a walk under way; runs.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from sources.values import JSON

ARTICLES = 900
"""Articles in the ERP; every second one has a page in the PIM, every ninth a note."""
JANUARY, MARCH = "2026-01-10T08:00:00Z", "2026-03-01T12:00:00Z"
FIRST_WALK = datetime(2026, 4, 1, 6, tzinfo=UTC)
SECOND_WALK = datetime(2026, 4, 2, 6, tzinfo=UTC)
CUT_WALK = datetime(2026, 4, 3, 6, tzinfo=UTC)
SIGHTED = 400
SOURCES = ("erp", "wms", "pim", "crm")
TWINS = ("twin-1", "twin-2")
UNREADABLE = "E0003"
"""The record whose price cannot be read. Why, later versions may say in other words."""
ON_REQUEST = '"on request" does not begin with a number'


@dataclass
class Held:
    """A record as the ledger holds it."""

    source: str
    record_id: str
    document: dict[str, JSON]
    claims: dict[str, list[JSON]]
    identifiers: list[dict[str, str]]
    product: UUID
    linked_by: str
    reason: str | None = None
    gone_at: datetime | None = None
    history: list[tuple[int, str, dict[str, list[JSON]]]] = field(default_factory=list)
    """Batch, kind and what moved, after what it was first."""

    @property
    def key(self) -> tuple[str, str]:
        return self.source, self.record_id


def founded(source: str, record_id: str) -> UUID:
    """The id of the product that a record founds."""
    digest = hashlib.blake2b(f"{source}\x1f{record_id}\x1f0".encode(), digest_size=16).digest()
    return UUID(int=(int.from_bytes(digest) & ~(0xF << 76) & ~(0x3 << 62)) | (0x8 << 76) | (0x2 << 62))


def gtin(number: int) -> str:
    body = f"40{number:010d}"
    return body + str(-sum(int(digit) * (3 if place % 2 else 1) for place, digit in enumerate(body)) % 10)


def claim(value: JSON, at: str, **more: JSON) -> list[JSON]:
    return [{"value": value, "basis": "SOURCE_RECORD", "lastUpdated": at, **more}]


def euros(amount: str) -> dict[str, str]:
    return {"amount": amount, "currency": "EUR"}


def everything() -> list[Held]:
    """All records, those that are gone included."""
    return [*_articles(), *_twins(), *_pages(), *_merged(), *_notes()]


def _article(record_id: str, number: int | None, price: str, stock: int, changed: str = JANUARY) -> Held:
    code = None if number is None else gtin(number)
    return Held(
        "erp",
        record_id,
        {
            "id": record_id,
            "gtin": code,
            "label": f"Article {record_id}",
            "price": price,
            "stock": stock,
            "changed": changed,
        },
        {"price": claim(euros(price), JANUARY), "stock": claim(stock, changed)},
        _identified(code),
        founded("erp", record_id),
        "alone",
    )


def _articles() -> Iterable[Held]:
    for number in range(ARTICLES):
        article = _article(f"E{number:04d}", number, f"{number}.50", number % 50)
        if number % 2 == 0:
            article.linked_by = "gtin"
        if number % 10 == 1:  # its stock moved in March
            article.document |= {"stock": 99, "changed": MARCH}
            article.history.append((2, "CHANGED", {"stock": claim(99, MARCH)}))
        if number % 30 == 29:  # it left
            article.gone_at = SECOND_WALK
            article.history.append((2, "GONE", {"price": [], "stock": []}))
        if number == 3:
            article.document["price"] = "on request"
            article.claims["price"] = claim(None, JANUARY, unreadable=ON_REQUEST)
        yield article
    keyless = _article("keyless", None, "1.00", 1)
    keyless.linked_by, keyless.reason = "apart", "it has no key that others could share"
    yield keyless


def _twins() -> Iterable[Held]:
    for record_id in TWINS:
        twin = _article(record_id, 700_000, "5.00", 5)
        twin.linked_by, twin.reason = "apart", f"GTIN 0{gtin(700_000)} stands on several records of erp"
        yield twin


def _pages() -> Iterable[Held]:
    for number in range(0, ARTICLES, 2):
        yield Held(
            "pim",
            f"P{number:04d}",
            {
                "id": f"P{number:04d}",
                "gtin": gtin(number),
                "label": f"Page {number}",
                "title_en": "Tea",
                "changed": JANUARY,
            },
            {"title": claim("Tea", JANUARY, locale="en")},
            _identified(gtin(number)),
            founded("erp", f"E{number:04d}"),
            "gtin",
        )


def _merged() -> Iterable[Held]:
    """An article that had a page of its own from the first walk on, until it got the same GTIN: two products became one."""
    article = _article("merged", 800_000, "8.00", 8)
    article.linked_by = "gtin"
    yield article
    yield Held(
        "pim",
        "merged-page",
        {"id": "merged-page", "gtin": gtin(800_000), "label": "Merged", "title_en": "Pot", "changed": MARCH},
        {"title": claim("Pot", JANUARY, locale="en")},
        _identified(gtin(800_000)),
        founded("erp", "merged"),
        "gtin",
    )


def _notes() -> Iterable[Held]:
    for number in range(0, ARTICLES, 9):
        note = {"text": f"Note {number}", "author": "Ann", "createdAt": JANUARY}
        article = f"E{number:04d}"
        attached = number % 5 != 0
        code = gtin(number if attached else 600_000 + number)
        yield Held(
            "crm",
            f"N{number:04d}",
            {
                "id": f"N{number:04d}",
                "gtin": code,
                "label": f"Ticket {number}",
                "text": note["text"],
                "by": "Ann",
                "on": JANUARY,
            },
            {"tickets": [{"value": [note], "basis": "OBSERVED", "lastUpdated": "2026-04-01T06:00:00Z"}]},
            _identified(code),
            founded("erp", article) if attached else founded("crm", f"N{number:04d}"),
            "gtin" if attached else "apart",
            None if attached else f"no product has GTIN 0{code}",
        )


def _identified(code: str | None) -> list[dict[str, str]]:
    return [] if code is None else [{"scheme": "gtin", "value": f"0{code}", "raw": code}]


async def fill(connection: Any) -> list[Held]:
    """Write it into a database of revision 0001. ``connection`` has no codec for jsonb; it takes its text."""
    records = everything()
    await connection.executemany(
        "insert into sources (name, rank, settled_at) values ($1, $2, $3)",
        [(name, rank, FIRST_WALK) for rank, name in enumerate(SOURCES, 1)],
    )
    await connection.executemany(
        "insert into cursors (source, cursor, batch, walk, walk_began_at, walked_at, confirmed_at, mapping) "
        "values ($1, $2, $3, $4, $5, $6, $6, $7)",
        [
            ("erp", '{"after": 400}', 3, 3, CUT_WALK, SECOND_WALK, "0" * 32),
            *((name, None, 2, 2, None, SECOND_WALK, "0" * 32) for name in SOURCES[1:]),
        ],
    )
    await connection.executemany(
        "insert into runs (source, started_at, finished_at, outcome, seen, added, failure_kind, failure_message) "
        "values ($1, $2, $3, $4, $5, $6, $7, $8)",
        [
            ("erp", FIRST_WALK, FIRST_WALK + timedelta(minutes=1), "DONE", ARTICLES, ARTICLES, None, None),
            ("erp", SECOND_WALK, SECOND_WALK + timedelta(minutes=1), "FAILED", 3, 0, "UNREACHABLE", "it was off"),
            ("erp", CUT_WALK, None, None, 0, 0, None, None),
            ("pim", FIRST_WALK, FIRST_WALK + timedelta(minutes=1), "DONE", ARTICLES // 2, ARTICLES // 2, None, None),
        ],
    )
    await connection.executemany(
        "insert into rejections (source, place, reason, sample, observed_at) values ($1, $2, $3, $4, $5)",
        [("pim", f"pim.csv, line {line}", "nothing stands at its key", '{"id": ""}', SECOND_WALK) for line in (7, 8)],
    )
    await connection.executemany(
        "insert into sightings (source, walk, record_id) values ('erp', 3, $1)",
        [(f"E{number:04d}",) for number in range(SIGHTED)],
    )
    listed: dict[UUID, bool] = {founded("pim", "merged-page"): False}
    for one in records:
        listed[one.product] = listed.get(one.product, False) or (one.gone_at is None and one.source != "crm")
    await connection.executemany(
        "insert into products (product_id, listed, founded_at) values ($1, $2, $3)",
        [(product, shown, FIRST_WALK) for product, shown in listed.items()],
    )
    await connection.execute(
        "insert into former_ids (former_id, product_id, since) values ($1, $2, $3)",
        founded("pim", "merged-page"),
        founded("erp", "merged"),
        SECOND_WALK,
    )
    await connection.executemany(
        "insert into crosswalk (source, record_id, product_id, linked_by, reason, confidence, linked_at, gone_at) "
        "values ($1, $2, $3, $4, $5, 1.0, $6, $7)",
        [(*one.key, one.product, one.linked_by, one.reason, FIRST_WALK, one.gone_at) for one in records],
    )
    await connection.executemany(
        "insert into records (product_id, source, record_id, document, claims, names, identifiers, digest, updated_at, "
        "observed_at, gone_at) values ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)",
        [
            (
                one.product,
                *one.key,
                _json(one.document),
                _json(claims_now(one)),
                _json([one.document["label"]]),
                _json(one.identifiers),
                hashlib.blake2b(_json(one.document).encode(), digest_size=32).digest(),
                datetime.fromisoformat(one.document["changed"]) if "changed" in one.document else None,
                SECOND_WALK if one.history else FIRST_WALK,
                one.gone_at,
            )
            for one in records
        ],
    )
    await connection.executemany(
        "insert into aliases (source, record_id, scheme, folded, alias, product_id) values ($1, $2, $3, $4, $5, $6)",
        [
            (*one.key, scheme, folded, alias, one.product)
            for one in records
            if one.gone_at is None
            for scheme, folded, alias in (
                ("record", one.record_id.lower(), one.record_id),
                ("name", one.document["label"].lower(), one.document["label"]),
                *((known["scheme"], known["value"], known["raw"]) for known in one.identifiers),
            )
        ],
    )
    await connection.executemany(
        "insert into changes (product_id, source, batch, record_id, kind, observed_at, claims) "
        "values ($1, $2, $3, $4, $5, $6, $7)",
        [
            (
                one.product,
                one.source,
                batch,
                one.record_id,
                kind,
                FIRST_WALK if batch == 1 else SECOND_WALK,
                _json(claims),
            )
            for one in records
            for batch, kind, claims in [(1, "ADDED", one.claims), *one.history]
        ],
    )
    return records


def claims_now(one: Held) -> dict[str, list[JSON]]:
    """What a record says, or said when it was last seen."""
    claims = dict(one.claims)
    for _, kind, moved in one.history:
        if kind == "CHANGED":
            claims |= moved
    return claims


def _json(value: JSON) -> str:
    return orjson.dumps(value).decode()
