"""What the first page of a remote system tells: the columns it has, and whether the declaration fits them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from sources.contract import PROBLEM, Column, Description, Document, Problem
from sources.declaration import SourceDeclaration
from sources.interpretation.unreadable import UnreadableValue
from sources.paths import compile_path
from sources.values import JSON
from sources.web.remote_records import key_of, kind_of
from sources.web.walking import read_clock, zone_of

MAX_COLUMNS = 2000
MAX_DOCUMENTS = 500
"""Looked at, of a page that may hold a hundred thousand."""
_SAMPLE = 60


def describe_documents(documents: Sequence[Document]) -> Description:
    """The columns of ``documents``, members of their objects as well (``price.amount``); never complete."""
    found: dict[str, Column] = {}
    for document in _readable(documents):
        for name, value in _members(document.content):
            known = found.get(name)
            if known is None and len(found) >= MAX_COLUMNS:
                continue
            if known is None or (known.type == "null" and value is not None):
                found[name] = Column(name, kind_of(value), _sample(value))
    return Description(tuple(found.values()), complete=False)


def declared_paths(declaration: SourceDeclaration, documents: Sequence[Document]) -> Iterator[Problem]:
    """What of the record's key and trusted clock is in none of ``documents``; nothing where there are no documents."""
    documents = _readable(documents)
    if not documents:
        return
    names = ", ".join(column.name for column in describe_documents(documents).columns[:20])
    key = compile_path(declaration.key)
    if all(key_of(document.content, key) is None for document in documents):
        yield Problem("key", f"no record has {declaration.key!r}", f"write one of: {names}")
    if declaration.sync.by is None:
        return
    clock, zone = compile_path(declaration.sync.by), zone_of(declaration)
    values = [value for value in (clock(document.content) for document in documents) if value is not None]
    if not values:
        yield Problem("sync.by", f"no record has {declaration.sync.by!r}", f"write one of: {names}")
    elif all(read_clock(value, zone) is None for value in values):
        yield Problem(
            "sync.by",
            f"{declaration.sync.by!r} holds {_sample(values[0])!r}, which is no clock",
            "write the path of a date in ISO 8601 or of seconds since 1970, or leave sync.by out",
        )


def _readable(documents: Sequence[Document]) -> Sequence[Document]:
    return [document for document in documents[:MAX_DOCUMENTS] if PROBLEM not in document.content]


def _members(content: Mapping[str, JSON]) -> Iterator[tuple[str, JSON]]:
    for name, value in content.items():
        yield name, value
        if isinstance(value, Mapping):
            for inner, member in value.items():
                yield f"{name}.{inner}", member


def _sample(value: JSON) -> str:
    if value is None or isinstance(value, Mapping | list | UnreadableValue):
        return ""
    text = " ".join(str(value).split())
    return text if len(text) <= _SAMPLE else text[: _SAMPLE - 1] + "…"
