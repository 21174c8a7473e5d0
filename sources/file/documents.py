"""From the rows of files to documents: the cells under the columns' names, and where they stood."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest
from typing import NamedTuple

from sources.contract import PROBLEM, Document
from sources.file.table import Row, Table
from sources.rows import Column, Rows
from sources.values import JSON

_NOTHING = (None, "")


class Sheet(NamedTuple):
    """Some rows of one table."""

    table: Table
    rows: Sequence[Row]


def documents_of(sheets: Sequence[Sheet]) -> Sequence[Document]:
    """The documents that the rows are: as columns, where all are of one table and none is wider than that."""
    if len(sheets) == 1:
        return _columns(*sheets[0]) or [_document(sheets[0].table, row) for row in sheets[0].rows]
    return [_document(table, row) for table, rows in sheets for row in rows]


def _columns(table: Table, rows: Sequence[Row]) -> Rows | None:
    width = len(table.columns)
    cells = [row.cells for row in rows]
    if max(map(len, cells)) > width and any(cell not in _NOTHING for one in cells for cell in one[width:]):
        return None
    columns = [_column(values) for values in [*zip_longest(*cells)][:width]]
    columns += [Column([None] * len(rows)) for _ in range(width - len(columns))]
    about = [_about(table, row.number) for row in rows]
    problems = {index: row.problem for index, row in enumerate(rows) if row.problem is not None}
    names = (*table.columns, "_file")
    return Rows(names, [*columns, Column(about)], lambda index: _place(table, rows[index].number), problems)


def _column(values: Sequence[JSON]) -> Column:
    if "" in values:
        return Column([None if value == "" else value for value in values])
    return Column(values)


def _document(table: Table, row: Row) -> Document:
    content: dict[str, JSON] = {}
    if row.problem is not None:
        content[PROBLEM] = row.problem
    else:
        content.update(dict.fromkeys(table.columns))
        content.update(zip(table.columns, (None if cell == "" else cell for cell in row.cells), strict=False))
        for position, cell in enumerate(row.cells[len(table.columns) :], start=len(table.columns) + 1):
            if cell not in _NOTHING:
                content.setdefault(f"column {position}", cell)
    content["_file"] = _about(table, row.number)
    return Document(content, _place(table, row.number))


def _about(table: Table, number: int) -> dict[str, JSON]:
    return {"path": table.name, "modified": table.modified, "sheet": table.sheet, "row": number}


def _place(table: Table, number: int) -> str:
    where = f"sheet {table.sheet}, row {number}" if table.sheet is not None else f"line {number}"
    return f"{table.name}, {where}"
