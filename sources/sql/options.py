"""What ``[sources.X]`` takes for ``connector = "sql"``."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated, Self

from pydantic import AfterValidator, ConfigDict, Field, SecretStr, model_validator

from sources.declaration import ConnectorOptions
from sources.sql.engine import parse_url

_SELECT = re.compile(r"(?:\s|--[^\n]*\n|/\*.*?\*/)*\(*\s*(?:select|with|values|table)\b", re.IGNORECASE | re.DOTALL)


def _checked_url(url: SecretStr) -> SecretStr:
    parse_url(url.get_secret_value())
    return url


def _checked_query(query: str | None) -> str | None:
    if query is None:
        return None
    if not _SELECT.match(query):
        raise ValueError('write one "select ..." statement; Whence only reads')
    return query.strip().rstrip(";").rstrip()


class SqlOptions(ConnectorOptions):
    """Where the database is, and what to read there: a table or view (``from``), or a ``query``."""

    model_config = ConfigDict(hide_input_in_errors=True)

    url: Annotated[SecretStr, AfterValidator(_checked_url)]
    """``postgresql://``, ``mysql://``, ``mariadb://`` or ``sqlite:///``; it may hold a password: never shown."""
    table: Annotated[str | None, Field(alias="from", min_length=1)] = None
    """A table or view, which may name its schema: ``sales.articles``."""
    query: Annotated[str | None, AfterValidator(_checked_query)] = None
    """A select statement to read instead of a table."""
    schema_name: Annotated[str | None, Field(alias="schema", min_length=1)] = None
    """The table's schema; ``from`` is then taken as it stands, dots and all."""

    def beside(self, directory: Path) -> Self:
        """The same with the file of an SQLite database taken from ``directory`` where it is relative."""
        url = self.url.get_secret_value()
        scheme, separator, rest = url.partition(":///")
        if not scheme.startswith("sqlite") or not separator or rest.startswith(("/", ":memory:", "file:")) or not rest:
            return self
        return self.model_copy(update={"url": SecretStr(f"{scheme}:///{directory / rest}")})

    @model_validator(mode="after")
    def _one_of_both(self) -> Self:
        if (self.table is None) == (self.query is None):
            raise ValueError('write either from = "a table or view" or query = "select ..."')
        if self.query is not None and self.schema_name is not None:
            raise ValueError("a query names its schemas itself; leave schema out")
        return self
