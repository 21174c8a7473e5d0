"""What ``[sources.X]`` takes for ``connector = "file"``."""

from __future__ import annotations

import codecs
from pathlib import Path, PurePath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, field_validator, model_validator

from sources.declaration import ConnectorOptions

Format = Literal["csv", "xlsx", "ods"]
_SUFFIXES: dict[str, Format] = {".xlsx": "xlsx", ".xlsm": "xlsx", ".ods": "ods"}


def _known_encoding(name: str) -> str:
    try:
        info = codecs.lookup(name)
        "".encode(name)
    except LookupError:
        raise ValueError('write an encoding such as "utf-8", "cp1252", "iso-8859-1" or "utf-16"') from None
    # a spreadsheet program's UTF-8 begins with a mark that is no part of the first column's name
    return "utf-8-sig" if info.name == "utf-8" else name


class FileOptions(ConnectorOptions):
    """Which files, and how they are laid out. The limits keep a broken or hostile file from taking the machine."""

    def beside(self, directory: Path) -> Self:
        """The same with ``path`` taken from ``directory`` where it is relative."""
        return self.model_copy(update={"path": str(directory / Path(self.path).expanduser())})

    path: Annotated[str, Field(min_length=1)]
    """A file, or a pattern such as ``prices/*.csv`` for several of one layout; relative to whence.toml."""
    format: Format | None = None
    """Told by the name's ending where it is not given: .xlsx, .xlsm, .ods; anything else is read as CSV."""
    sheet: str | int | None = None
    """A sheet's name, or its position from 0; without it, the first."""
    header_row: Annotated[int, Field(ge=1, le=1000)] = 1
    """The row that holds the columns' names, counted from 1; what stands above it is not read."""
    columns: tuple[str, ...] | None = None
    """The columns' names, for a file that has no row of them."""
    encoding: Annotated[str, AfterValidator(_known_encoding)] = "utf-8-sig"
    """Of a CSV."""
    delimiter: Annotated[str | None, Field(min_length=1, max_length=10)] = None
    """What separates cells; without it ``,``, ``;``, tab or ``|``, whichever fits the beginning of the file."""
    record_end: Annotated[str | None, Field(min_length=1, max_length=10)] = None
    """What ends a row, where that is not a line's end."""
    quote: Annotated[str, Field(max_length=1)] = '"'
    """What encloses a cell that holds separators; empty for files in which it means nothing."""
    open_rows: bool = False
    """For files without quotes whose texts hold line breaks: a row goes on until it has all its columns."""
    max_bytes: Annotated[int, Field(ge=1)] = 256_000_000
    """Of a file, and of what it unpacks to."""
    max_rows: Annotated[int, Field(ge=1)] = 2_000_000
    """Of a file."""
    max_columns: Annotated[int, Field(ge=1, le=16_384)] = 500

    @field_validator("columns")
    @classmethod
    def _distinct(cls, columns: tuple[str, ...] | None) -> tuple[str, ...] | None:
        if columns is not None and (not columns or len(set(columns)) != len(columns) or "" in columns):
            raise ValueError("write a name for each column, each another one")
        return columns

    @model_validator(mode="after")
    def _fitting(self) -> Self:
        if self.columns is not None and "header_row" in self.model_fields_set:
            raise ValueError("write either columns, for a file without a row of names, or header_row")
        if self.open_rows and self.columns is None:
            raise ValueError("open_rows needs columns, to know how many cells a row has")
        if self.open_rows and (self.record_end is not None or self.delimiter is None):
            raise ValueError("open_rows needs a delimiter, and goes without record_end")
        return self

    @property
    def first_row(self) -> int:
        """The row, from 1, in which the data begin at the earliest."""
        return 1 if self.columns is not None else self.header_row + 1

    def format_of(self, path: str) -> Format:
        """How the file at ``path`` is read."""
        return self.format or _SUFFIXES.get(PurePath(path).suffix.lower(), "csv")
