"""What was learned, as bytes: JSON, compressed."""

from __future__ import annotations

import zlib
from collections import Counter
from typing import Any

import orjson

from resolvers.matching.comparisons import COMPARISONS, value_comparison
from resolvers.matching.run import Model
from resolvers.matching.vocabulary import Vocabulary
from resolvers.matching.weights import Weights
from resolvers.matching_flow.judging import Learned

LARGEST = 64_000_000
"""Bytes of a model, unpacked; what is larger was not written by :func:`packed`."""
_BY_NAME = {one.name: one for one in COMPARISONS}


def packed(learned: Learned) -> bytes:
    """``learned`` as the ledger keeps it."""
    words, weights = learned.model.vocabulary, learned.model.weights
    form = {
        "version": learned.version,
        "link": learned.link,
        "review": learned.review,
        "once": learned.model.once,
        "comparisons": [[one in COMPARISONS, one.name] for one in learned.model.comparisons],
        "weights": [weights.m, weights.s, weights.u, weights.sisters, weights.activity],
        "records": words.records,
        "words": words.words,
        "texts": words.texts,
        "codes": words.codes,
        "stems": words.stems,
        "values": [[[*key, count] for key, count in sorted(side.items())] for side in words.values],
        "brands": sorted(words.brands),
        "variants": sorted(words.variants),
    }
    return zlib.compress(orjson.dumps(form), 6)


def unpacked(content: bytes) -> Learned:
    """What :func:`packed` made bytes of. Raises ValueError where it is something else."""
    unpacker = zlib.decompressobj()
    try:
        form = orjson.loads(unpacker.decompress(content, LARGEST))
        return _learned(form)
    except (zlib.error, ValueError, KeyError, TypeError, IndexError) as error:
        raise ValueError("the ledger holds a model of matching that cannot be read") from error


def _learned(form: dict[str, Any]) -> Learned:
    # An attribute may be called as one of those that all catalogues have.
    compared = tuple(_BY_NAME[name] if usual else value_comparison(name) for usual, name in form["comparisons"])
    m, s, u, sisters, activity = form["weights"]
    weights = Weights(compared, _rows(m), _rows(s), _rows(u), sisters, activity)
    words = Vocabulary(
        records=form["records"],
        words=Counter(form["words"]),
        texts=Counter(form["texts"]),
        codes=(Counter(form["codes"][0]), Counter(form["codes"][1])),
        stems=(Counter(form["stems"][0]), Counter(form["stems"][1])),
        values=(_values(form["values"][0]), _values(form["values"][1])),
        brands=frozenset(form["brands"]),
        variants=frozenset(form["variants"]),
    )
    once = bool(form["once"][0]), bool(form["once"][1])
    return Learned(Model(words, compared, weights, once), form["link"], form["review"], form["version"])


def _rows(rows: list[list[float]]) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in rows)


def _values(rows: list[list[Any]]) -> Counter[tuple[str, str]]:
    return Counter({(name, value): count for name, value, count in rows})
