"""Gaps in a valid ownership map that are worth telling: nobody responsible, two writers, no age limit.

They are not mistakes: a map with gaps works. ``whence check`` prints them and does not fail.
"""

from __future__ import annotations

from collections.abc import Iterator

from resolvers.mistakes import Finding, Mistake, key_path, listed
from resolvers.ownership import FieldDefinition, OwnershipMap

_PARTS = {"gtin": ("gtin",), "sku": ("sku",), "mpn": ("mpn",), "brand+mpn": ("brand", "mpn")}


def gaps(ownership: OwnershipMap) -> tuple[Mistake, ...]:
    """The gaps of a map, each with its key path, what was found, and what to write to close it."""
    found = (*_audience_gaps(ownership), *_source_gaps(ownership), *_field_gaps(ownership))
    return tuple(Mistake(key_path(gap.loc), gap.found, gap.instead) for gap in found)


def _audience_gaps(ownership: OwnershipMap) -> Iterator[Finding]:
    if not any(audience.governance for audience in ownership.audiences.values()):
        yield Finding(
            ("audiences",), "no audience with governance", "write governance = true for those who look after the map"
        )


def _source_gaps(ownership: OwnershipMap) -> Iterator[Finding]:
    for name, source in ownership.sources.items():
        declaration = source.declaration
        keyed = any(all(part in declaration.identifiers for part in _PARTS[key]) for key in ownership.identity_keys)
        matched = ownership.matching is not None and name in ownership.matching.sources
        if not keyed and not matched and not declaration.statements:  # those name whom they are about
            yield Finding(
                ("sources", name, "identifiers"),
                "no identity key, so that its records join no other's",
                f"map the identifiers of {listed(ownership.identity_keys)}, as many as the system has",
            )
        for field, mappings in declaration.fields.items():
            for index, mapping in enumerate(mappings):
                if mapping.locale and mapping.locale not in ownership.locales:
                    place = (index,) if len(mappings) > 1 else ()
                    yield Finding(
                        ("sources", name, "fields", field, *place, "locale"),
                        f'"{mapping.locale}", which is not in content.locales',
                        "add it there; until then it is answered only where it is asked for",
                    )


def _field_gaps(ownership: OwnershipMap) -> Iterator[Finding]:
    for name, field in ownership.fields.items():
        if field.steward is None:
            yield Finding(
                ("fields", name, "steward"), "nobody", "write who is responsible: steward = { name, contact }"
            )
        if field.max_age is None:
            yield Finding(
                ("fields", name, "max_age"), "nothing", 'write how old it may be, such as "90d"; it is never stale now'
            )
        yield from _writer_gaps(name, field)
        if not field.audiences:
            yield Finding(("fields", name, "audiences"), "no audience", "write who may see it; nobody does now")


def _writer_gaps(name: str, field: FieldDefinition) -> Iterator[Finding]:
    loc = ("fields", name, "writers")
    if len(set(field.writers)) > 1:
        yield Finding(loc, f"several writers: {listed(field.writers)}", "agree on one; they will overwrite each other")
    others = [writer for writer in field.writers if writer != field.system_of_record]
    if others:
        yield Finding(
            loc,
            f"{listed(others)}, beside the system of record {field.system_of_record}",
            "let only the system of record write it, or make the writer its system of record",
        )
