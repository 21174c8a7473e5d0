"""The file connector against CSV, XLSX and ODS files, whole and broken ones."""

from __future__ import annotations

import asyncio
import csv
import io
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from pydantic import ValidationError

from sources.contract import Connector, Document, DocumentPage
from sources.declaration import SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.file import KIND, FileConnector, FileOptions
from sources.values import JSON
from tests.conftest import product_data
from tests.contract.suite import ConnectorContract, walk

HEADER = ("article_no", "label", "weight", "stock")


def declare(**changes: Any) -> SourceDeclaration:
    declared: dict[str, Any] = {
        "name": "prices",
        "title": "Sales",
        "connector": "file",
        "key": "article_no",
        "updated_at": "_file.modified",
        "sync": {"page": 3},
        "names": ("label",),
        "fields": {"weight": {"path": "weight", "unit": "kg"}, "stock": "stock"},
    }
    return SourceDeclaration.model_validate(declared | changes)


def connect(path: Path | str, declaration: SourceDeclaration | None = None, **options: Any) -> FileConnector:
    connector = KIND.open(declaration or declare(), FileOptions.model_validate({"path": str(path), **options}))
    assert isinstance(connector, FileConnector)
    return connector


# ── Writing files as other programs do ─────────────────────────────────────────────────────────────────────────────


def write_csv(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    with path.open("w", encoding="utf-8-sig", newline="") as file:
        csv.writer(file, delimiter=";").writerows(rows)


def write_xlsx(path: Path, rows: Iterable[Sequence[Any]]) -> None:
    workbook = openpyxl.Workbook()
    sheet = workbook.active
    assert sheet is not None
    for row in rows:
        sheet.append(list(row))
    workbook.save(path)


def write_ods(path: Path, rows: Iterable[Sequence[Any]], modified: str = "2024-05-01T10:11:12.123456789") -> None:
    document = OpenDocumentSpreadsheet()
    table = Table(name="Tabelle1")
    for row in rows:
        line = TableRow()
        for value in row:
            if value is None:
                cell = TableCell()
            elif isinstance(value, int | Decimal):
                cell = TableCell(valuetype="float", value=str(value))
                cell.addElement(P(text=str(value)))
            else:
                cell = TableCell(valuetype="string")
                for paragraph in str(value).split("\n"):
                    cell.addElement(P(text=paragraph))
            line.addElement(cell)
        table.addElement(line)
    document.spreadsheet.addElement(table)
    document.save(str(path))
    # odfpy writes no date; office programs do
    meta = (
        '<office:document-meta xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
        'xmlns:dc="http://purl.org/dc/elements/1.1/"><office:meta>'
        f"<dc:date>{modified}</dc:date></office:meta></office:document-meta>"
    )
    replace_parts(path, {"meta.xml": meta.encode()})


def replace_parts(path: Path, parts: Mapping[str, bytes]) -> None:
    """Writes the archive anew with other content for some parts."""
    with zipfile.ZipFile(path) as archive:
        content = {name: archive.read(name) for name in archive.namelist()} | dict(parts)
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in content.items():
            archive.writestr(name, data)


# ── The contract ───────────────────────────────────────────────────────────────────────────────────────────────────


@dataclass
class Sheet:
    """A file that is written anew at every change, as a spreadsheet program does."""

    path: Path
    write: Callable[[Path, Iterable[Sequence[Any]]], None]
    rows: dict[str, Mapping[str, JSON]] = field(default_factory=dict)
    key: str = "article_no"
    secrets: Sequence[str] = ()
    changes: int = 0

    def connector(self) -> Connector:
        return connect(self.path)

    def misdeclared(self) -> Sequence[Connector]:
        wrong = [
            connect(self.path.with_name("absent" + self.path.suffix)),
            connect(self.path, declare(key="article_number")),
            connect(self.path, declare(fields={"weight": {"path": "wieght", "unit": "kg"}})),
            connect(self.path, header_row=900),
        ]
        return wrong if self.path.suffix == ".csv" else [*wrong, connect(self.path, sheet="Prices")]

    def dead(self) -> Sequence[Connector]:
        directory = self.path.parent / "directory.csv"
        directory.mkdir(exist_ok=True)
        garbage = self.path.with_name("garbage" + self.path.suffix)
        garbage.write_bytes(b"PK\x03\x04" + b"\xff\xfe\xfd" * 100)
        return [
            connect(self.path.with_name("absent" + self.path.suffix)),
            connect(self.path.parent / "*.none"),
            connect(directory),
            connect(garbage),
        ]

    async def put(self, id_: str, values: Mapping[str, JSON]) -> None:
        self.rows[id_] = values
        self.save()

    async def remove(self, id_: str) -> None:
        del self.rows[id_]
        self.save()

    def save(self) -> None:
        lines = [[id_, *(values.get(name) for name in HEADER[1:])] for id_, values in self.rows.items()]
        self.write(self.path, [HEADER, *lines])
        self.changes += 1  # two changes within one tick of the clock are two
        os.utime(self.path, ns=(self.changes * 1_000_000_000, self.changes * 1_000_000_000))


def opened(path: Path, write: Callable[[Path, Iterable[Sequence[Any]]], None]) -> Sheet:
    sheet = Sheet(path, write)
    sheet.save()
    return sheet


class TestCSV(ConnectorContract):
    @pytest.fixture
    async def upstream(self, tmp_path: Path) -> Sheet:
        return opened(tmp_path / "prices.csv", write_csv)


class TestXLSX(ConnectorContract):
    @pytest.fixture
    async def upstream(self, tmp_path: Path) -> Sheet:
        return opened(tmp_path / "prices.xlsx", write_xlsx)


class TestODS(ConnectorContract):
    @pytest.fixture
    async def upstream(self, tmp_path: Path) -> Sheet:
        return opened(tmp_path / "prices.ods", write_ods)
