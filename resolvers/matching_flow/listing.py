"""A record of the ledger as matching takes it: which of its claims is its name, and in which words the others are said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from resolvers.matching.profile import Listing
from resolvers.matching_flow.declared import MatchingMap
from resolvers.normalise import in_field_unit
from resolvers.ownership import FieldDefinition
from sources.ledger.claims import decode_claims
from sources.ledger.match_records import SourceRecord
from sources.values import FieldType, Value

LONGEST = 4000
"""Characters of a text that are looked at."""
DIGITS = 4
"""Significant digits of a quantity: the same weight in pounds and in grams differs in the fifth."""
COMPOSED = "brand+mpn"
"""The identifier that is made of two others."""


def listing(record: SourceRecord, matching: MatchingMap, fields: Mapping[str, FieldDefinition]) -> Listing:
    """What ``record`` says, as texts: its name in the language that most catalogues have, its price as a number where it is
    in the field's currency, its quantities in their field's unit.

    A claim that cannot be read is as one that is not there. Without a field for the name, or without a claim for it, the
    first of the names stands in that its department uses.
    """
    wanted = {name for name in (*_named(matching), *matching.attributes) if name is not None}
    types = {name: fields[name].type for name in wanted}
    claims = decode_claims(record.claims, types, record.observed_at)
    said: dict[str, Value] = {}
    for name, entries in claims.items():
        by_locale = {claim.scope.locale: claim.value for claim in reversed(entries) if claim.value is not None}
        by_locale |= {c.scope.locale: c.value for c in entries if c.value is not None and c.scope.channel is None}
        order = (*matching.locales.get(name, ()), *sorted(by_locale, key=str))
        if by_locale:
            said[name] = by_locale[next(locale for locale in order if locale in by_locale)]

    def text(name: str | None) -> str:
        return _text(said[name], fields[name]) if name is not None and name in said else ""

    identifiers = _identifiers(record.identifiers)
    brand_of_key = identifiers.pop(COMPOSED, "").partition("|")[0]
    name = text(matching.name) or next((one[:LONGEST] for one in record.names if one.strip()), "")
    return Listing(
        key=record.record_id,
        name=name,
        description=text(matching.description),
        brand=text(matching.brand) or brand_of_key,
        category=text(matching.category),
        price=_amount(said.get(matching.price or ""), fields.get(matching.price or "")),
        identifiers=identifiers,
        attributes={name: value for name in matching.attributes if (value := text(name))},
    )


def _named(matching: MatchingMap) -> Sequence[str | None]:
    return matching.name, matching.description, matching.brand, matching.category, matching.price


def _identifiers(stored: Sequence[Mapping[str, str]]) -> dict[str, str]:
    """Scheme to value, of those that are valid; the first of several."""
    found: dict[str, str] = {}
    for one in stored:
        if "value" in one:
            found.setdefault(one["scheme"], one["value"])
    return found


def _text(value: Value, definition: FieldDefinition) -> str:
    match definition.type:
        case FieldType.TEXT:
            return str(value)[:LONGEST]
        case FieldType.TEXT_LIST:
            return ", ".join(value)[:LONGEST]
        case FieldType.QUANTITY:
            try:
                found = in_field_unit(value, definition)
            except ValueError:  # written before its field measured something else
                return ""
            return f"{_rounded(found.amount)}{found.unit}"
        case _:
            return str(value)


def _rounded(amount: Decimal) -> str:
    return format(Decimal(f"{amount:.{DIGITS}g}"), "f")


def _amount(value: Value, definition: FieldDefinition | None) -> float | None:
    """A price; None where it is in another currency than its field's, for then it says nothing."""
    if value is None or definition is None:
        return None
    if definition.type is FieldType.MONEY:
        if definition.currency is not None and value.currency != definition.currency:
            return None
        value = value.amount
    return float(value)
