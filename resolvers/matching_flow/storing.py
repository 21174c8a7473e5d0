"""A profile as bytes, to be read back without looking at its texts again, and its keys as numbers."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from dataclasses import fields
from math import isfinite
from typing import Any

import orjson

from resolvers.matching.candidates import keys
from resolvers.matching.profile import Profile, Reading
from resolvers.matching.quantities import Amount
from sources.ledger.match_records import ReadRecord

_AMOUNTS = "frozenset[Amount]"
_SHAPES = {kind: tuple((one.name, str(one.type)) for one in fields(kind)) for kind in (Profile, Reading)}
FORM = hashlib.blake2b(repr(_SHAPES[Profile] + _SHAPES[Reading]).encode(), digest_size=4).hexdigest()
"""The version of the form: it moves with the shape of a profile."""


def stored(profile: Profile) -> ReadRecord:
    """``profile`` as the ledger keeps it."""
    return ReadRecord(profile.key, orjson.dumps(_form(profile)), sorted({hashed(key) for key in keys(profile)}))


def restored(form: bytes) -> Profile:
    """The profile of :func:`stored`'s bytes."""
    return Profile(*[make(value) if make else value for make, value in zip(_PROFILE, orjson.loads(form), strict=True)])


def hashed(key: str) -> int:
    """A key as a number of 64 bits with a sign; that two keys of a million meet in one has a chance of one in ten million."""
    return int.from_bytes(hashlib.blake2b(key.encode(), digest_size=8).digest(), "big", signed=True)


def _form(value: Any) -> Any:
    if isinstance(value, Profile | Reading):
        return [_form(getattr(value, name)) for name, _ in _SHAPES[type(value)]]
    if isinstance(value, frozenset):
        # An amount of hundreds of digits is none; JSON has no word for it either.
        return [
            [*one] if isinstance(one, Amount) else one
            for one in _ordered(value)
            if not isinstance(one, Amount) or isfinite(one.amount)
        ]
    return dict(value) if isinstance(value, dict) else value


def _ordered(values: Iterable[Any]) -> list[Any]:
    return sorted(values, key=repr)


def _amounts(form: list[Any]) -> frozenset[Amount]:
    return frozenset([Amount(dimension, amount) for dimension, amount in form])


def _reading(form: list[Any]) -> Reading:
    return Reading(*[make(value) if make else value for make, value in zip(_READING, form, strict=True)])


def _maker(written: str) -> Callable[[Any], Any] | None:
    """What makes a part of a profile of its form; None where that is it."""
    if written == "Reading":
        return _reading
    if written == _AMOUNTS:
        return _amounts
    return frozenset if written.startswith("frozenset") else None


_READING = [_maker(written) for _, written in _SHAPES[Reading]]
_PROFILE = [_maker(written) for _, written in _SHAPES[Profile]]
