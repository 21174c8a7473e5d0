"""A record's claims as the ledger keeps them: one JSON document, keyed by field, each with its scopes.

See :mod:`sources.ledger.tables` for the shape. ``lastUpdated`` is always there: a claim whose system keeps no clock is
dated by when it was first observed, and ``basis`` says so.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from datetime import datetime

from sources.contract import EVERYWHERE, Basis, Claim, Scope
from sources.values import JSON, FieldType, decode, decode_datetime, encode, encode_datetime


def encode_claims(claims: Iterable[Claim], types: Mapping[str, FieldType]) -> dict[str, list[JSON]]:
    """The document of ``claims``; those of fields without a type in ``types`` are left out."""
    document: dict[str, list[JSON]] = {}
    clock, written = None, ""  # most claims of a record have its one clock
    for claim in claims:
        name, value = claim.field, claim.value
        kind = types.get(name)
        if kind is None:
            continue
        entry: dict[str, JSON] = {
            "value": value if kind in _AS_THEY_ARE else encode(kind, value),
            "basis": _BASES[claim.basis],
        }
        moment = claim.last_updated
        if moment is not None:
            if moment is not clock:
                clock, written = moment, encode_datetime(moment)
            entry["lastUpdated"] = written
        if claim.scope is not EVERYWHERE:
            locale, channel = claim.scope
            if locale is not None:
                entry["locale"] = locale
            if channel is not None:
                entry["channel"] = channel
        if claim.unreadable is not None:
            entry["unreadable"] = claim.unreadable
        if name in document:
            document[name].append(entry)
        else:
            document[name] = [entry]
    return document


_AS_THEY_ARE = frozenset({FieldType.TEXT, FieldType.INTEGER, FieldType.BOOLEAN, FieldType.JSON})
_BASES = {basis: basis.value for basis in Basis}


def decode_claims(
    document: Mapping[str, list[JSON]],
    types: Mapping[str, FieldType],
    observed_at: datetime,
    fields: Collection[str] | None = None,
) -> dict[str, tuple[Claim, ...]]:
    """The claims of ``document`` by field (all, or only ``fields``), observed at ``observed_at``.

    A value that was stored under another type of its field, before whence.toml changed, reads as unreadable.
    """
    return {
        name: tuple(_decode(name, types[name], entry, observed_at) for entry in entries)
        for name, entries in document.items()
        if name in types and entries and (fields is None or name in fields)
    }


def _texts(form: JSON) -> bool:
    return isinstance(form, list) and all(isinstance(entry, str) for entry in form)


_FORMS: Mapping[FieldType, Callable[[JSON], bool]] = {
    FieldType.TEXT: lambda form: isinstance(form, str),
    FieldType.NUMBER: lambda form: isinstance(form, str) and form[-1:].isdigit(),
    FieldType.INTEGER: lambda form: isinstance(form, int) and not isinstance(form, bool),
    FieldType.BOOLEAN: lambda form: isinstance(form, bool),
    FieldType.DATETIME: lambda form: isinstance(form, str) and form.endswith("Z"),
    FieldType.MONEY: lambda form: isinstance(form, dict),
    FieldType.QUANTITY: lambda form: isinstance(form, dict),
    FieldType.MEDIA: lambda form: isinstance(form, dict),
    FieldType.TEXT_LIST: _texts,
    FieldType.NOTE_LIST: lambda form: isinstance(form, list),
    FieldType.JSON: lambda form: True,
}
"""Whether a stored form can be one of a type at all; where JSON alone cannot tell, decoding does."""


def _decode(name: str, kind: FieldType, entry: Mapping[str, JSON], observed_at: datetime) -> Claim:
    unreadable = entry.get("unreadable")
    try:
        form = entry["value"]
        if form is not None and not _FORMS[kind](form):
            raise TypeError
        value = decode(kind, form)
    except (ArithmeticError, TypeError, ValueError, KeyError, AttributeError):
        value, unreadable = None, f"it was stored before {name} became a {kind.value}; sync its source again"
    last_updated = entry.get("lastUpdated")
    return Claim(
        field=name,
        scope=Scope(entry.get("locale"), entry.get("channel")),
        value=value,
        last_updated=decode_datetime(last_updated) if last_updated else None,
        basis=Basis(entry["basis"]),
        observed_at=observed_at,
        unreadable=unreadable,
    )
