"""The file connector against CSV, XLSX and ODS files, whole and broken ones."""

from __future__ import annotations

import asyncio
import csv
import json
import os
import tracemalloc
import zipfile
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import openpyxl.styles
import pytest
from odf.opendocument import OpenDocumentSpreadsheet
from odf.table import Table, TableCell, TableRow
from odf.text import P
from pydantic import ValidationError

from sources.contract import Connector, Document, DocumentPage
from sources.contract_suite.guarded import GuardedUpstream
from sources.contract_suite.in_pytest import ConnectorContract, SourceContract
from sources.declaration import SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.file import KIND, FileConnector, FileOptions
from sources.values import JSON
from tests.conftest import product_data
from tests.contract.walking import walk
from tests.upstreams.file_switches import FileSwitches

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

    @property
    def faults(self) -> FileSwitches:
        return FileSwitches(self.path, self.save, self.mistype, lambda: connect(self.path, max_bytes=100_000))

    def mistype(self) -> None:
        was = self.rows["A-02"]
        self.rows["A-02"] = {**was, "weight": "1 246 ", "stock": "yes"}
        self.save()
        self.rows["A-02"] = was

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


class TestCSVAsASource(SourceContract):
    @pytest.fixture
    async def upstream(self, tmp_path: Path) -> GuardedUpstream:
        return GuardedUpstream(opened(tmp_path / "prices.csv", write_csv))


# ── Reading ────────────────────────────────────────────────────────────────────────────────────────────────────────


async def read(connector: Connector) -> list[Document]:
    assert connector.changes is not None
    return [document async for page in connector.changes(None) for document in page.documents]


async def read_text(tmp_path: Path, text: str | bytes, **options: Any) -> list[Document]:
    path = tmp_path / "prices.csv"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return await read(connect(path, **options))


def told(documents: Iterable[Document]) -> list[tuple[int, Any]]:
    """Of each document its line, and its id or what is wrong with it."""
    return [
        (
            document.content["_file"]["row"],
            document.content["_problem"] if "_problem" in document.content else document.content["article_no"],
        )
        for document in documents
    ]


async def failure_of(connector: Connector) -> SourceFailure:
    with pytest.raises(SourceFailure) as caught:
        await walk(connector)
    return caught.value


class TestQuotes:
    async def test_an_open_quote_costs_its_own_line_only(self, tmp_path: Path) -> None:
        documents = await read_text(tmp_path, 'article_no,label,weight\nA,one,1\nB,"two,2\nC,three,3\nD,four,4\n')
        (first, bad, *rest) = told(documents)
        assert first == (2, "A")
        assert bad[0] == 3
        assert "quote" in bad[1]
        assert rest == [(4, "C"), (5, "D")]

    async def test_an_open_quote_that_a_later_one_closes_costs_its_own_line_only(self, tmp_path: Path) -> None:
        text = 'article_no,label,weight\nA,"12 inch,1\nB,two,2\nC,"three, and more",3\nD,"four"\n'
        problems = told(await read_text(tmp_path, text))
        assert [(line, id_) for line, id_ in problems if id_ in "BC"] == [(3, "B"), (4, "C")]
        assert [line for line, id_ in problems if id_ not in "BC"] == [2, 5]

    async def test_text_after_a_quote_is_named(self, tmp_path: Path) -> None:
        found = told(await read_text(tmp_path, 'article_no,label\nA,"7" screen\nB,two\n'))
        assert found[0][0] == 2
        assert "quote" in found[0][1]
        assert found[1:] == [(3, "B")]

    async def test_a_line_break_within_quotes_is_text(self, tmp_path: Path) -> None:
        documents = await read_text(tmp_path, 'article_no,label\nA,"two\r\nlines"\nB,one\n')
        assert [document.content["label"] for document in documents] == ["two\r\nlines", "one"]
        assert [document.place for document in documents] == ["prices.csv, line 2", "prices.csv, line 4"]

    async def test_many_open_quotes_are_read_in_time(self, tmp_path: Path) -> None:
        lines = [f'{number},"open' for number in range(3000)]
        async with asyncio.timeout(30):
            found = told(await read_text(tmp_path, "\n".join(["article_no,label", *lines])))
        assert [line for line, _ in found] == list(range(2, 3002))

    async def test_quotes_can_be_switched_off(self, tmp_path: Path) -> None:
        documents = await read_text(tmp_path, 'article_no\tlabel\nA\t"7 inch\nB\ttwo"\n', quote="")
        assert [document.content["label"] for document in documents] == ['"7 inch', 'two"']


class TestRows:
    async def test_a_row_of_another_length_is_named(self, tmp_path: Path) -> None:
        text = "article_no,label,weight\nA,one,1\nB,two\nC,three, and more,3\nD,four,4,\nE,five,5\n"
        found = told(await read_text(tmp_path, text))
        assert found == [
            (2, "A"),
            (3, "the row has 2 cells, and there are 3 columns"),
            (4, "the row has 4 cells, and there are 3 columns"),
            (5, "D"),
            (6, "E"),
        ]

    async def test_blank_rows_are_none(self, tmp_path: Path) -> None:
        found = told(await read_text(tmp_path, "article_no,label\n\nA,one\n,\n  ,\nB,two\n\n"))
        assert found == [(3, "A"), (6, "B")]

    async def test_the_header_may_stand_lower(self, tmp_path: Path) -> None:
        text = "Price list, final;;\n\narticle_no;label;Preis (EUR)\nA;one;1,50\n"
        (document,) = await read_text(tmp_path, text, header_row=3)
        assert dict(document.content) | {"_file": None} == {
            "article_no": "A",
            "label": "one",
            "Preis (EUR)": "1,50",
            "_file": None,
        }

    async def test_a_file_without_the_column_of_its_keys_is_a_failure_and_not_an_empty_one(
        self, tmp_path: Path
    ) -> None:
        with pytest.raises(SourceFailure, match="no column 'article_no'") as raised:
            await read_text(tmp_path, "<html><body>Sign in</body></html>\n")
        assert raised.value.failure.kind is FailureKind.MISSING_OBJECT

    async def test_names_of_columns_are_made_distinct(self, tmp_path: Path) -> None:
        (document,) = await read_text(tmp_path, 'article_no,price,,price,"price\n (2)"\nA,1,2,3,4\n')
        assert list(document.content)[:-1] == ["article_no", "price", "column 3", "price (3)", "price (2)"]

    async def test_a_value_beside_the_columns_is_not_lost(self, tmp_path: Path) -> None:
        (document,) = await read_text(tmp_path, "article_no,label,\nA,one,left over\n")
        assert document.content["column 3"] == "left over"

    async def test_values_are_as_written(self, tmp_path: Path) -> None:
        (document,) = await read_text(tmp_path, "article_no,label,weight,stock\n007, x ,1e3,\x00\n")
        assert [document.content[name] for name in HEADER] == ["007", " x ", "1e3", "\x00"]

    @pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
    async def test_the_delimiter_is_found(self, tmp_path: Path, delimiter: str) -> None:
        rows = [["article_no", "label", "price"], ["A", "a, b and c" if delimiter != "," else "abc", "1.50"]]
        text = "\n".join(delimiter.join(row) for row in rows)
        (document,) = await read_text(tmp_path, "\ufeff" + text)
        assert document.content["price"] == "1.50"

    async def test_the_line_that_excel_writes_names_the_delimiter(self, tmp_path: Path) -> None:
        (document,) = await read_text(tmp_path, "sep=#\r\narticle_no#label\r\nA#one, two\r\n")
        assert document.content["label"] == "one, two"
        assert document.place == "prices.csv, line 3"

    async def test_a_file_of_another_encoding(self, tmp_path: Path) -> None:
        data = "article_no;label\nA;Kettle\nB;Wasserkocher für 3 €\n".encode("cp1252")
        documents = await read_text(tmp_path, data, encoding="cp1252")
        assert documents[1].content["label"] == "Wasserkocher für 3 €"
        failed = await failure_of(connect(tmp_path / "prices.csv"))
        assert failed.failure.kind is FailureKind.GARBLED
        assert "line 3" in str(failed)
        assert "cp1252" in str(failed)

    async def test_a_file_of_two_bytes_a_character(self, tmp_path: Path) -> None:
        (document,) = await read_text(tmp_path, "article_no\tlabel\nA\tété\n".encode("utf-16"), encoding="utf-16")
        assert document.content["label"] == "été"


REVIEW = "ProductReviewID ProductID ReviewerName ReviewDate EmailAddress Rating Comments ModifiedDate"
PRODUCT = (
    "ProductID Name ProductNumber MakeFlag FinishedGoodsFlag Color SafetyStockLevel ReorderPoint StandardCost "
    "ListPrice Size SizeUnitMeasureCode WeightUnitMeasureCode Weight DaysToManufacture ProductLine Class Style "
    "ProductSubcategoryID ProductModelID SellStartDate SellEndDate DiscontinuedDate rowguid ModifiedDate"
)


class TestOwnSeparators:
    async def test_separators_of_several_characters(self, tmp_path: Path) -> None:
        text = "1+|Vest+|two\nlines+|&|\n2+|+|x+|y&|\n3+|short&|\n4+|cut+|off"
        documents = await read_text(
            tmp_path, text, columns=["article_no", "label", "text", "more"], delimiter="+|", record_end="&|\n"
        )
        assert documents[0].content["text"] == "two\nlines"
        assert documents[1].content["label"] is None
        assert [line for line, _ in told(documents)] == [1, 3, 4, 5]
        assert "2 cells" in told(documents)[2][1]
        assert "ends within" in told(documents)[3][1]

    async def test_rows_without_quotes_that_go_on(self, tmp_path: Path) -> None:
        text = "1\tfine\tx\n2\ttoo\tmany\tx\n3\tone\ntwo\tx\n4\ta\tb\n5\tcut"
        documents = await read_text(
            tmp_path, text, columns=["article_no", "label", "by"], delimiter="\t", open_rows=True
        )
        assert told(documents) == [
            (1, "1"),
            (2, "the row has 4 cells, and there are 3 columns"),
            (3, "3"),
            (5, "4"),
            (6, "the row has 2 cells, and there are 3 columns"),
        ]
        assert documents[2].content["label"] == "one\ntwo"

    @pytest.mark.needs("product-data")
    async def test_the_exports_of_a_real_company(self) -> None:
        directory = product_data() / "adventureworks"
        models = await read(
            connect(
                directory / "ProductModel.csv",
                declare(key="ProductModelID"),
                columns=["ProductModelID", "Name", "CatalogDescription", "Instructions", "rowguid", "ModifiedDate"],
                delimiter="+|",
                record_end="&|\n",
            )
        )
        assert [model.content["ProductModelID"] for model in models] == [str(number) for number in range(1, 129)]
        assert all("_problem" not in model.content for model in models)
        columns = REVIEW.split()
        reviews = await read(
            connect(
                directory / "ProductReview.csv",
                declare(key="ProductReviewID"),
                columns=columns,
                delimiter="\t",
                quote="",
                open_rows=True,
            )
        )
        assert [review.content["Rating"] for review in reviews] == ["5", "4", "2", "5"]
        assert all(review.content["ModifiedDate"].startswith("20") for review in reviews)
        assert "\n" in reviews[0].content["Comments"]
        columns = PRODUCT.split()
        products = await read(
            connect(directory / "Product.csv", declare(key="ProductID"), columns=columns, delimiter="\t", quote="")
        )
        assert len({product.content["ProductID"] for product in products}) == 504
        assert all("_problem" not in product.content for product in products)


# ── Spreadsheets ───────────────────────────────────────────────────────────────────────────────────────────────────


class TestSpreadsheets:
    async def test_cells_as_a_person_sees_them(self, tmp_path: Path) -> None:
        workbook = openpyxl.Workbook()
        sheet = workbook.active
        assert sheet is not None
        sheet.title = "Tabelle1"
        sheet["B2"] = "Price list"
        values: dict[str, Any] = {
            "article_no": 121066,
            "weight": 0.1,
            "gtin": 4006381333931,
            "valid": date(2026, 3, 1),
            "seen": datetime(2026, 3, 1, 12, 30),
            "active": True,
            "total": "=1+1",
            "text": "0012",
        }
        for column, (name, value) in enumerate(values.items(), start=2):
            sheet.cell(4, column, name)
            sheet.cell(6, column, value)
        workbook.create_sheet("Other").append(["article_no"])
        path = tmp_path / "price list final_FINAL_v3.xlsx"
        workbook.save(path)
        core = (
            '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
            'xmlns:dcterms="http://purl.org/dc/terms/">'
            "<dcterms:modified>2026-02-03T04:05:06Z</dcterms:modified></cp:coreProperties>"
        )
        replace_parts(path, {"docProps/core.xml": core.encode()})
        (document,) = await read(connect(path, header_row=4))
        content = dict(document.content)
        assert content.pop("_file") == {
            "path": "price list final_FINAL_v3.xlsx",
            "modified": datetime(2026, 2, 3, 4, 5, 6, tzinfo=UTC),
            "sheet": "Tabelle1",
            "row": 6,
        }
        assert content.pop("column 1") is None
        assert content == values | {"weight": Decimal("0.1"), "total": None}
        assert isinstance(content["article_no"], int)
        assert isinstance(content["gtin"], int)
        assert document.place == "price list final_FINAL_v3.xlsx, sheet Tabelle1, row 6"

    async def test_the_sheet_is_chosen_by_name_or_position(self, tmp_path: Path) -> None:
        workbook = openpyxl.Workbook()
        for name in ("Jan", "Feb"):
            sheet = workbook.create_sheet(name)
            sheet.append(["article_no"])
            sheet.append([name])
        path = tmp_path / "prices.xlsx"
        workbook.save(path)
        for sheet_option, expected in ((1, "Jan"), ("Feb", "Feb"), (2, "Feb")):
            (document,) = await read(connect(path, sheet=sheet_option))
            assert document.content["article_no"] == expected
        (problem,) = await connect(path, sheet="Fab").check()
        assert (problem.path, problem.instead) == ("sheet", "write 'Feb'")

    async def test_the_date_of_an_ods_is_in_the_declared_zone(self, tmp_path: Path) -> None:
        path = tmp_path / "prices.ods"
        write_ods(path, [HEADER, ["A", "x", 1, 2]], modified="2024-05-01T10:11:12.123456789")
        (document,) = await read(connect(path, declare(timezone="Europe/Berlin")))
        assert document.content["_file"]["modified"] == datetime(2024, 5, 1, 8, 11, 12, 123456, tzinfo=UTC)

    async def test_formatting_out_to_the_edge_is_no_content(self, tmp_path: Path) -> None:
        workbook = openpyxl.Workbook()
        sheet = workbook.active
        assert sheet is not None
        sheet.append(list(HEADER))
        sheet.append(["A", "x", 1, 2])
        sheet.cell(1_048_576, 16_384).font = openpyxl.styles.Font(bold=True)
        path = tmp_path / "prices.xlsx"
        workbook.save(path)
        assert told(await read(connect(path))) == [(2, "A")]


SHEET = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>%s</sheetData></worksheet>'
PART = "xl/worksheets/sheet1.xml"
ODS = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
    '<table:table table:name="Tabelle1">%s</table:table></office:spreadsheet></office:body></office:document-content>'
)


def hostile_xlsx(path: Path, rows: bytes, **parts: bytes) -> Path:
    write_xlsx(path, [["article_no"]])
    replace_parts(path, {PART: SHEET % rows} | {f"xl/{name}.xml": data for name, data in parts.items()})
    return path


async def refused(connector: Connector, kind: FailureKind, *words: str) -> None:
    """The connector refuses its file at once, in little memory, and says why."""
    tracemalloc.start()
    try:
        async with asyncio.timeout(20):
            failed = await failure_of(connector)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert failed.failure.kind is kind, failed
    for word in words:
        assert word in str(failed)
    assert peak < 200_000_000


class TestHostileFiles:
    @pytest.mark.parametrize(
        "rows",
        [
            b'<row r="1"><c r="A1"><v>1</v></c></row><row r="1048576"><c r="XFD1048576"><v>1</v></c></row>',
            b'<row r="1"><c r="A1"><v>1</v></c><c r="XFD1"><v>1</v></c></row>',
            b'<row r="999999999"><c><v>1</v></c></row>',
            b"<row>" + b"<c><v>1</v></c>" * 501 + b"</row>",
            b'<row r="1"><c r="XFD1" t="inlineStr"><is><t>x</t></is></c></row>',
        ],
    )
    async def test_a_cell_far_away(self, tmp_path: Path, rows: bytes) -> None:
        await refused(connect(hostile_xlsx(tmp_path / "a.xlsx", rows)), FailureKind.TOO_LARGE, "a.xlsx")

    async def test_rows_and_columns_that_multiply(self, tmp_path: Path) -> None:
        rows = b'<row r="1"><c r="SA1"><v>1</v></c></row><row r="1000000"><c r="A1000000"><v>1</v></c></row>'
        await refused(connect(hostile_xlsx(tmp_path / "a.xlsx", rows)), FailureKind.TOO_LARGE, "cells")

    async def test_a_text_that_is_repeated_in_every_cell(self, tmp_path: Path) -> None:
        strings = b'<sst xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><si><t>%s</t></si></sst>'
        rows = b"".join(b'<row r="%d"><c r="A%d" t="s"><v>0</v></c></row>' % (row, row) for row in range(1, 3001))
        path = hostile_xlsx(tmp_path / "a.xlsx", rows, sharedStrings=strings % (b"x" * 1_000_000))
        await refused(connect(path), FailureKind.TOO_LARGE, "characters")

    async def test_more_comes_out_than_is_let_in(self, tmp_path: Path) -> None:
        path = hostile_xlsx(tmp_path / "a.xlsx", b" " * 20_000_000)
        assert path.stat().st_size < 100_000
        await refused(connect(path, max_bytes=10_000_000), FailureKind.TOO_LARGE, "unpacks")

    @pytest.mark.parametrize("part", [PART, "xl/styles.xml"])
    async def test_more_comes_out_than_was_promised(self, tmp_path: Path, part: str) -> None:
        path = hostile_xlsx(tmp_path / "a.xlsx", b"")
        replace_parts(path, {part: SHEET % (b" " * 20_000_000)})
        data = bytearray(path.read_bytes())
        true_size = (20_000_000 + len(SHEET) - 2).to_bytes(4, "little")
        assert data.count(true_size) == 2
        path.write_bytes(bytes(data).replace(true_size, (1000).to_bytes(4, "little")))
        await refused(connect(path, max_bytes=10_000_000), FailureKind.GARBLED, "damaged")

    async def test_entities(self, tmp_path: Path) -> None:
        path = tmp_path / "a.xlsx"
        write_xlsx(path, [["article_no"]])
        bomb = b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;">]>' + SHEET % b"&b;"
        replace_parts(path, {PART: bomb})
        await refused(connect(path), FailureKind.GARBLED, "document type")

    @pytest.mark.parametrize(
        "rows",
        [
            '<table:table-row table:number-rows-repeated="1048576">'
            '<table:table-cell table:number-columns-repeated="16384" office:value-type="float" office:value="1"/>'
            "</table:table-row>",
            '<table:table-row table:number-rows-repeated="1000000"><table:table-cell/></table:table-row>'
            '<table:table-row><table:table-cell table:number-columns-repeated="16383"/>'
            "<table:table-cell><text:p>x</text:p></table:table-cell></table:table-row>",
        ],
    )
    async def test_an_ods_that_repeats(self, tmp_path: Path, rows: str) -> None:
        path = tmp_path / "a.ods"
        write_ods(path, [HEADER])
        replace_parts(path, {"content.xml": (ODS % rows).encode()})
        await refused(connect(path), FailureKind.TOO_LARGE, "a.ods")

    async def test_empty_cells_to_the_edge_of_an_ods_are_none(self, tmp_path: Path) -> None:
        path = tmp_path / "a.ods"
        write_ods(path, [HEADER])
        cell = '<table:table-cell office:value-type="string"><text:p>%s</text:p></table:table-cell>'
        rows = (
            f"<table:table-row>{cell % 'article_no'}"
            '<table:table-cell table:number-columns-repeated="16383"/></table:table-row>'
            f"<table:table-row>{cell % 'A'}</table:table-row>"
            '<table:table-row table:number-rows-repeated="1048574">'
            '<table:table-cell table:number-columns-repeated="16384"/></table:table-row>'
        )
        replace_parts(path, {"content.xml": (ODS % rows).encode()})
        assert told(await read(connect(path))) == [(2, "A")]

    @pytest.mark.parametrize(
        ("name", "data", "word"),
        [
            ("a.csv", b"\xd0\xcf\x11\xe0" + b"\x00" * 100, ".xlsx"),
            ("a.csv", b"PK\x03\x04" + b"\x00" * 100, "format"),
            ("a.xlsx", b"<html><table><tr><td>1</td></tr></table></html>", "a.xlsx"),
            ("a.ods", b"", "a.ods"),
        ],
    )
    async def test_something_else_altogether(self, tmp_path: Path, name: str, data: bytes, word: str) -> None:
        path = tmp_path / name
        path.write_bytes(data)
        await refused(connect(path), FailureKind.GARBLED, word)

    async def test_a_truncated_workbook(self, tmp_path: Path) -> None:
        path = tmp_path / "a.xlsx"
        write_xlsx(path, [HEADER, ["A", "x", 1, 2]])
        whole = path.read_bytes()
        for size in range(0, len(whole) - 1, 97):
            path.write_bytes(whole[:size])
            await refused(connect(path), FailureKind.GARBLED, "a.xlsx")

    async def test_limits_of_a_csv(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("article_no,label\n" + "A,x\n" * 100)
        await refused(connect(path, max_rows=50), FailureKind.TOO_LARGE, "max_rows")
        await refused(connect(path, max_columns=1), FailureKind.TOO_LARGE, "max_columns")
        await refused(connect(path, max_bytes=100), FailureKind.TOO_LARGE, "max_bytes")
        path.write_text("article_no,label\nA," + "x" * 2_000_000)
        await refused(connect(path), FailureKind.TOO_LARGE, "line 2")


# ── Several files, changing files ──────────────────────────────────────────────────────────────────────────────────


class TestFiles:
    async def test_a_pattern_reads_its_files_in_order(self, tmp_path: Path) -> None:
        for name, id_ in (("b.csv", "B"), ("a.csv", "A"), ("c.csv", "C"), ("~$a.csv", "lock")):
            (tmp_path / name).write_text(f"article_no,label\n{id_}1,x\n{id_}2,x\n")
        connector = connect(tmp_path / "*.csv")
        pages = await walk(connector)
        assert [document.place for page in pages for document in page.documents] == [
            f"{name}.csv, line {line}" for name in "abc" for line in (2, 3)
        ]
        rest = await walk(connector, json.loads(json.dumps(pages[0].cursor)))
        assert told(document for page in rest for document in page.documents) == [(3, "B2"), (2, "C1"), (3, "C2")]

    async def test_a_walk_begins_again_when_the_file_changed(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("article_no,label\n" + "".join(f"A{number},x\n" for number in range(8)))
        pages = await walk(connect(path))
        path.write_text("article_no,label\n" + "".join(f"B{number},x\n" for number in range(8)))
        again = await walk(connect(path), pages[0].cursor)
        assert [id_ for page in again for _, id_ in told(page.documents)] == [f"B{number}" for number in range(8)]

    @pytest.mark.parametrize("cursor", [{}, [], "x", 5, {"seen": 1}, {"seen": None, "file": "a", "row": {}}])
    async def test_a_foreign_cursor_begins_again(self, tmp_path: Path, cursor: JSON) -> None:
        path = tmp_path / "a.csv"
        path.write_text("article_no,label\nA,x\n")
        assert len((await walk(connect(path), cursor))[0].documents) == 1

    async def test_a_file_that_changes_while_it_is_read_is_no_whole_walk(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("article_no,label\n" + "".join(f"A{number},x\n" for number in range(8)))
        changes = connect(path).changes
        assert changes is not None
        seen: list[DocumentPage] = []

        async def follow() -> None:
            async for page in changes(None):
                seen.append(page)
                with path.open("a") as file:
                    file.write("NEW,x\n")

        with pytest.raises(SourceFailure, match="while it was read"):
            await follow()
        assert not any(page.last for page in seen)

    async def test_check_names_every_column_once(self, tmp_path: Path) -> None:
        for name in ("a.csv", "b.csv"):
            (tmp_path / name).write_text("artikel_no,label,weigth\nA,x,1\n")
        problems = await connect(tmp_path / "*.csv", declare(fields={"weight": "weight"}, names=("label",))).check()
        assert [(problem.path, problem.instead) for problem in problems] == [
            ("key", "write 'artikel_no'"),
            ("fields.weight.path", "write 'weigth'"),
        ]

    async def test_check_names_the_file_that_was_meant(self, tmp_path: Path) -> None:
        (tmp_path / "price list final_FINAL_v3.csv").write_text("article_no\n")
        (problem,) = await connect(tmp_path / "price list final_FINAL_v2.csv").check()
        assert problem.path == "path"
        assert problem.instead == "write 'price list final_FINAL_v3.csv'"

    async def test_describe_says_what_stands_there(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("article_no,label\nA,Kettle\n")
        described = await connect(path).describe()
        samples = {column.name: column.sample for column in described.columns}
        assert samples["label"] == "Kettle"
        assert samples["_file.row"] == "2"
        assert described.complete

    async def test_a_reader_that_is_cancelled_leaves_nothing_open(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_text("article_no,label\n" + "A,x\n" * 20_000)
        for delay in (0.0, 0.001, 0.01, 0.05):
            task = asyncio.create_task(walk(connect(path, declare(sync={"page": 20_000}))))
            await asyncio.sleep(delay)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
        async with asyncio.timeout(20):
            while path in open_files():
                await asyncio.sleep(0.05)

    @pytest.mark.parametrize(
        "options",
        [
            {"encoding": "utf-88"},
            {"encoding": "base64"},
            {"columns": []},
            {"columns": ["a", "a"]},
            {"columns": ["a"], "header_row": 2},
            {"open_rows": True},
            {"open_rows": True, "columns": ["a"], "delimiter": ",", "record_end": ";"},
            {"quotes": "x"},
        ],
    )
    def test_options_that_contradict_each_other(self, options: dict[str, Any]) -> None:
        with pytest.raises(ValidationError):
            FileOptions.model_validate({"path": "a.csv", **options})


def open_files() -> set[Path]:
    """The files that this process has open now (Linux; nothing elsewhere)."""
    found = set()
    for link in Path("/proc/self/fd").glob("*"):
        with suppress(OSError):
            found.add(link.readlink())
    return found
