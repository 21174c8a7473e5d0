"""Digests: what tells in one look whether a record says anything new.

A digest is of the record's document, with how it is linked and how it is read. Where the document that is kept does not show
all that was read (it was cut, or holds what JSON cannot), what was read is in the digest too::

    document (16 bytes) · linking (4) · reading (8) · what was read (16, only where needed)

Any other form, such as an older version's, is that of a record which has to be read again, and in which then nothing may
have moved.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

import orjson

from resolvers.ownership import OwnershipMap
from sources.contract import Record
from sources.stored_documents import CUT, FORMS, is_lossy
from sources.values import encode

READ_ANEW = 1
"""To be raised by a release that reads values of the same document in another way."""
_DOCUMENT, _LINKING, _READING = 16, 4, 8
_WHOLE = (_DOCUMENT + _LINKING + _READING, 2 * _DOCUMENT + _LINKING + _READING)
_FILE = "_file"
READING = {
    "name",
    "connector",
    "per_product",
    "key",
    "updated_at",
    "timezone",
    "decimal",
    "names",
    "identifiers",
    "fields",
    "statements",
}
"""The keys of ``[sources.X]`` that decide how a document is read."""


class Digests:
    """Digests of records, by one ownership map."""

    def __init__(self, ownership: OwnershipMap) -> None:
        self._types = {name: definition.type for name, definition in ownership.fields.items()}
        self.mappings = {name: _mapping(ownership, name) for name in ownership.sources}
        self._stamps = {name: _linking(ownership, name) + _reading(one) for name, one in self.mappings.items()}
        self._reading_places = {name for name in ownership.sources if _reads_places(ownership, name)}

    def of(self, record: Record) -> tuple[bytes, bytes]:
        """The digest of ``record``, and its document as JSON. Where in a file it stood is in the document alone."""
        document = record.document or {}
        place = document.get(_FILE)
        if place is not None:
            document = {name: value for name, value in document.items() if name != _FILE}
        body = orjson.dumps(document, option=orjson.OPT_SORT_KEYS)
        source = record.key.source
        digest = hashlib.blake2b(body, digest_size=_DOCUMENT).digest() + self._stamps[source]
        if not document or CUT in document or is_lossy(document.get(FORMS)) or source in self._reading_places:
            digest += hashlib.blake2b(self._said(record), digest_size=_DOCUMENT).digest()
        if place is not None:
            body = b'{"_file":' + orjson.dumps(place) + (b"," if len(body) > 2 else b"") + body[1:]
        return digest, body

    def of_fingerprints(self, source: str, fingerprints: Sequence[bytes]) -> list[bytes]:
        """The digests of records of ``source`` that nobody has read yet: what their documents are recognised by takes the
        document's place."""
        stamp = self._stamps[source]
        return [fingerprint + stamp for fingerprint in fingerprints]

    @staticmethod
    def document(record: Record) -> bytes:
        """A record's document as JSON."""
        return orjson.dumps(record.document or {}, option=orjson.OPT_SORT_KEYS)

    def _said(self, record: Record) -> bytes:
        claims = [
            (claim.field, *claim.scope, claim.unreadable, encode(self._types[claim.field], claim.value))
            for claim in record.claims
        ]
        identifiers = [*map(tuple, record.identifiers), *record.invalid_identifiers]
        said = [claims, record.names, identifiers]
        if record.stated is not None:
            said.append(repr(record.stated))
        return orjson.dumps(said, option=orjson.OPT_SORT_KEYS)


def same_document(one: bytes, other: bytes) -> bool:
    """Whether two digests are of the same document."""
    return one[:_DOCUMENT] == other[:_DOCUMENT]


def linked_alike(one: bytes, other: bytes) -> bool:
    """Whether the records of two digests are linked by the same rules."""
    known = len(one) in _WHOLE and len(other) in _WHOLE
    return known and one[_DOCUMENT : _DOCUMENT + _LINKING] == other[_DOCUMENT : _DOCUMENT + _LINKING]


def _mapping(ownership: OwnershipMap, source: str) -> str:
    """A version of everything that decides how a document of ``source`` is read."""
    declaration = ownership.declaration(source).model_dump(mode="json", include=READING)
    if not declaration["statements"]:  # so that a source which declares none is read as before there were any
        del declaration["statements"]
    if traits := sorted(ownership.compatibility.traits & declaration["fields"].keys()):
        declaration["traits"] = traits
        if (parent := ownership.compatibility.parent) is not None and parent.field in traits:
            declaration["parent"] = [parent.field, parent.scheme]
    shapes = {name: shape for name, shape in ownership.shapes().items() if name in declaration["fields"]}
    body = orjson.dumps([declaration, shapes, ownership.identity_keys], option=orjson.OPT_SORT_KEYS)
    return hashlib.blake2b(body, digest_size=16).hexdigest()


def _linking(ownership: OwnershipMap, source: str) -> bytes:
    body = orjson.dumps([ownership.identity_keys, ownership.declaration(source).per_product])
    return hashlib.blake2b(body, digest_size=_LINKING).digest()


def _reading(mapping: str) -> bytes:
    return hashlib.blake2b(f"{READ_ANEW} {mapping}".encode(), digest_size=_READING).digest()


def _reads_places(ownership: OwnershipMap, source: str) -> bool:
    """Whether anything but a clock is read from where in a file a record stood."""
    parts = {"names", "identifiers", "fields", "statements"}
    declaration = ownership.declaration(source).model_dump(mode="json", include=parts)
    return f'"{_FILE}'.encode() in orjson.dumps(_without_clocks(declaration))


def _without_clocks(part: Any) -> Any:
    if isinstance(part, Mapping):
        return {name: _without_clocks(one) for name, one in part.items() if name != "updated_at"}
    return [_without_clocks(one) for one in part] if isinstance(part, list | tuple) else part
