"""How much one system may give: the limits of ``[sources.X.limits]``, which hold for every connector, plugins included."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import orjson

from sources.contract import Cursor, Document, DocumentPage
from sources.declaration import LimitsDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.rows import Column, Rows
from sources.values import JSON

MAX_CURSOR = 64 * 1024
"""Bytes of a cursor as JSON."""
_VALUE = 8
"""What a value that is no text counts."""


class Bounds:
    """What one page, one walk or one live read of a source may bring."""

    def __init__(self, source: str, limits: LimitsDeclaration) -> None:
        self._source = source
        self._limits = limits

    def page(self, page: DocumentPage, number: int, before: Cursor) -> None:
        """``page`` is the ``number``-th of its walk (from 1), after one with the cursor ``before``.

        Raises SourceFailure: TOO_LARGE beyond a limit, GARBLED where the walk does not get on."""
        limits = self._limits
        if number >= limits.pages and not page.last:
            raise self._beyond("pages", f"more than {limits.pages:,} pages; read larger pages")
        self.records(len(page.gone))
        self.records(len(page.documents))
        self.documents(page.documents, 0)
        if page.last:
            return
        if page.documents and page.cursor is not None and page.cursor == before:
            raise SourceFailure(
                FailureKind.GARBLED, f"page {number} ends where the page before it ended: it would go on for ever"
            )
        if page.cursor is not None and len(orjson.dumps(page.cursor)) > MAX_CURSOR:
            raise SourceFailure(FailureKind.GARBLED, f"page {number} has a cursor of more than {MAX_CURSOR:,} bytes")

    def records(self, count: int) -> None:
        """``count`` records came at once. Raises SourceFailure where that is too many."""
        if count > self._limits.records:
            raise self._beyond("records", f"more than {self._limits.records:,} records at once; read smaller pages")

    def documents(self, documents: Iterable[Document], size: int) -> int:
        """``size`` with the sizes of ``documents`` added. Raises SourceFailure where one is too wide or all are too large."""
        widest, largest = self._limits.columns, self._limits.page_bytes
        if isinstance(documents, Rows) and len(documents.names) <= widest:
            size += sum(map(_column_size, documents.columns))
            if size > largest:
                raise self._beyond("page_bytes", f"more than {largest:,} bytes at once; read smaller pages")
            return size
        for document in documents:
            content = document.content
            if len(content) > widest:
                raise self._beyond(
                    "columns", f"{document.place} has {len(content):,} columns; {widest:,} are read at most"
                )
            for value in content.values():
                kind = type(value)
                if kind is str:
                    size += len(value)
                else:
                    size += _size(value) if kind is dict or kind is list or kind is bytes else _VALUE
            if size > largest:
                raise self._beyond("page_bytes", f"more than {largest:,} bytes at once; read smaller pages")
        return size

    def _beyond(self, limit: str, what: str) -> SourceFailure:
        return SourceFailure(FailureKind.TOO_LARGE, f"{what}, or raise sources.{self._source}.limits.{limit}")


def _column_size(column: Column) -> int:
    if column.kind is str:
        return len("".join(column.values))
    if column.kinds.isdisjoint((str, bytes, dict, list)):
        return _VALUE * len(column)
    if column.kind is dict and column.members is not None:
        names = sum(map(len, column.members)) + _VALUE
        return len(column) * names + sum(map(_column_size, column.members.values()))
    return sum(map(_size, column.values))


def _size(value: JSON) -> int:
    size, left = 0, [value]
    while left:
        one = left.pop()
        if isinstance(one, str | bytes):
            size += len(one)
        elif isinstance(one, Mapping):
            size += sum(len(name) for name in one if isinstance(name, str)) + _VALUE
            left.extend(one.values())
        elif isinstance(one, list | tuple):
            size += _VALUE
            left.extend(one)
        else:
            size += _VALUE
    return size
