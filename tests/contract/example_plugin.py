"""A plugin: what a supplier drops, a file with one JSON object a line. ``connector = "supplier-drop"``."""

import asyncio
import json
from collections.abc import AsyncIterator, Collection, Sequence
from decimal import Decimal
from pathlib import Path

from sources.columns import missing_columns
from sources.contract import Column, Cursor, Description, Document, DocumentPage, Problem
from sources.declaration import ConnectorKind, ConnectorOptions, SourceDeclaration
from sources.failures import FailureKind, SourceFailure


class DropOptions(ConnectorOptions):
    path: Path
    max_bytes: int = 50_000_000

    def beside(self, directory: Path) -> "DropOptions":  # whence.toml says it relative to itself
        return self.model_copy(update={"path": directory / self.path})


class SupplierDrop:
    def __init__(self, declaration: SourceDeclaration, options: DropOptions) -> None:
        self.declared, self.path, self.max_bytes = declaration, options.path, options.max_bytes

    async def check(self) -> tuple[Problem, ...]:
        names = [column.name for column in (await self.describe()).columns]
        return missing_columns(self.declared, names) if names else ()

    async def describe(self) -> Description:
        documents = await asyncio.to_thread(self.read)
        return Description(tuple(map(Column, {name: 0 for one in documents.values() for name in one.content})), False)

    async def fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        return [found for key, found in (await asyncio.to_thread(self.read)).items() if key in keys]

    async def changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        after = str(cursor["after"]) if isinstance(cursor, dict) and isinstance(cursor.get("after"), str) else ""
        found, size = await asyncio.to_thread(self.read), self.declared.sync.page
        left = sorted(key for key in found if key > after)
        for start in range(0, max(len(left), 1), size):
            page, more = left[start : start + size], len(left) > start + size
            yield DocumentPage(tuple(found[key] for key in page), {"after": page[-1]} if more else None, True, not more)

    async def close(self) -> None: ...

    def read(self) -> dict[str, Document]:
        try:
            if self.path.stat().st_size > self.max_bytes:
                raise SourceFailure(FailureKind.TOO_LARGE, f"{self.path.name} is larger than max_bytes")
            rows = (json.loads(line, parse_float=Decimal) for line in self.path.read_bytes().splitlines())
            return {str(row[self.declared.key]): Document(row, f"line {n}") for n, row in enumerate(rows, 1)}
        except (OSError, ValueError, TypeError, LookupError, RecursionError) as error:
            kind = FailureKind.MISSING_OBJECT if isinstance(error, OSError) else FailureKind.GARBLED
            raise SourceFailure(kind, f"{self.path.name} cannot be read: {type(error).__name__}") from error


KIND = ConnectorKind(DropOptions, SupplierDrop)
