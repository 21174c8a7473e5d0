"""The contract that all contestants answer: the facts of the five tables, three queries over them, and the requests.

The peers name their own queries; these are Whence's. What is asked is the same: a product's name to the system, and 20
facts with their provenance, or 6 plain values.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

MAP = Path(__file__).with_name("execution.toml")
TABLES_VARIABLE = "BENCH_TABLES"
"""By this name the map takes the address of the tables' database from the environment."""
FACTS: Mapping[str, str] = {
    **dict.fromkeys(("name", "description", "brand", "category", "image", "color"), "pim"),
    **dict.fromkeys(("listPrice", "currency", "stockOnHand", "status"), "erp"),
    **dict.fromkeys(("weightG", "lengthMm", "widthMm", "heightMm", "countryOfOrigin"), "wms"),
    **dict.fromkeys(("compatNote", "openTickets"), "crm"),
    **dict.fromkeys(("url", "published", "rating"), "shop"),
}
"""The 20 facts of the first two queries, and the system that owns each."""
VALUES = ("name", "brand", "listPrice", "stockOnHand", "weightG", "url")
"""The 6 values of the third."""
NUMBERS = frozenset({"listPrice", "rating"})
"""What Whence gives as a decimal, and so as a JSON string, and the peers as a float."""
AUDIENCE = "storefront"
HEADERS: Mapping[str, str] = {"X-Whence-Audience": AUDIENCE}
PAGE = 20
"""Products in a request for several."""
BODIES = 1000
"""Different requests of each query; a driver goes round them."""
_PROVENANCE = "{ value source sourceRecordId lastUpdated }"
_FACTS = " ".join(f"{name} {_PROVENANCE}" for name in FACTS)


@dataclass(frozen=True, slots=True)
class Query:
    """One of the three. ``name`` is what the peers call it too; ``plain``: values alone are asked for."""

    name: str
    title: str
    document: str
    page: int
    plain: bool
    to_fastest: float
    """The goal: CPU at most so many times that of the fastest peer."""
    to_limit: float
    """And at most so many times that of the limit."""

    def body(self, skus: Sequence[str]) -> bytes:
        """The JSON body of Whence's request for these products."""
        lookups = [{"sku": sku} for sku in skus]
        variables = {"lookups": lookups} if self.page > 1 else {"sku": skus[0]}
        return _body(self.document, variables)

    def peer_body(self, document: str, skus: Sequence[str]) -> bytes:
        """The JSON body of a peer's."""
        return _body(document, {"skus": list(skus)} if self.page > 1 else {"sku": skus[0]})


QUERIES: Sequence[Query] = (
    Query(
        "Q1",
        "one product, 20 facts, all sub-fields",
        f"query Q1($sku: String!) {{ product(by: {{sku: $sku}}) {{ id {_FACTS} }} }}",
        1,
        False,
        0.7,
        1.5,
    ),
    Query(
        "Q20",
        f"{PAGE} products, the same",
        f"query Q20($lookups: [ProductLookup!]!) {{ productsBy(lookups: $lookups) {{ id {_FACTS} }} }}",
        PAGE,
        False,
        0.4,
        2.2,
    ),
    Query(
        "Q20lean",
        f"{PAGE} products, {len(VALUES)} plain values",
        "query Q20lean($lookups: [ProductLookup!]!) "
        f"{{ productsBy(lookups: $lookups) {{ id values {{ {' '.join(VALUES)} }} }} }}",
        PAGE,
        True,
        0.4,
        1.9,
    ),
)


def draw(skus: Sequence[str], query: Query, count: int, seed: int) -> list[list[str]]:
    """What ``count`` requests of a query ask for: products drawn from ``skus``, no product twice in one; the same for
    the same seed."""
    chance = random.Random(seed)
    return [chance.sample(skus, min(query.page, len(skus))) for _ in range(count)]


def write_bodies(
    path: Path, skus: Sequence[str], query: Query, body: Callable[[Sequence[str]], bytes], seed: int
) -> None:
    """A file with a request's body in each line, for a driver; with the same seed it asks everybody for the same
    products."""
    path.write_bytes(b"\n".join(body(chosen) for chosen in draw(skus, query, BODIES, seed)) + b"\n")


def _body(document: str, variables: Mapping[str, Any]) -> bytes:
    return json.dumps({"query": document, "variables": variables}, separators=(",", ":"), ensure_ascii=False).encode()
