"""Answers compared: with what the tables say, fact by fact, whatever spelling a contestant gives a number or a moment."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any

from tests.bench.execution_contract import FACTS, NUMBERS, VALUES, Query
from tests.bench.processes import ProcessFailed

Facts = Mapping[str, Mapping[str, Any]]
"""What is to be said of each SKU; see :func:`tests.bench.execution_tables.read_facts`."""


class WrongAnswer(ProcessFailed):
    """An answer is not what the tables say; the text names the contestant, the product and the place."""


def check_answer(who: str, query: Query, skus: Sequence[str], body: bytes, known: Facts) -> None:
    """Compare ``who``'s answer to a request for ``skus`` with what is ``known``. Raises WrongAnswer at the first
    difference."""
    answer = json.loads(body)
    if answer.get("errors"):
        raise WrongAnswer(f"{who} answers {query.name} with errors: {str(answer['errors'])[:500]}")
    root = next(iter(answer["data"].values()))
    products = root if query.page > 1 else [root]
    if len(products) != len(skus):
        raise WrongAnswer(f"{who} answers {query.name} with {len(products)} products, not {len(skus)}")
    for sku, product in zip(skus, products, strict=True):
        if product is None:
            raise WrongAnswer(f"{who} does not know {sku}")
        plain = product.get("values")
        for name in VALUES if query.plain else FACTS:
            said = {"value": plain[name]} if plain is not None else product[name]
            found, expected = _normal(name, said), _normal(name, known[sku][name])
            if query.plain and expected is not None:
                expected = {"value": expected["value"]}
            if found != expected:
                raise WrongAnswer(f"{who}, {query.name}, {sku}, {name}: {found!r}, but the tables say {expected!r}")


def _normal(name: str, fact: Mapping[str, Any] | None) -> Mapping[str, Any] | None:
    """A fact as it is compared: None where nothing is known, decimals and moments as such."""
    if fact is None or fact["value"] is None:
        return None
    normal = dict(fact)
    if name in NUMBERS:
        normal["value"] = Decimal(str(fact["value"]))
    if isinstance(moment := fact.get("lastUpdated"), str):
        normal["lastUpdated"] = datetime.fromisoformat(moment)
    return normal
