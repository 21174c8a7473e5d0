"""What of a run is done, in its directory: one that was killed goes on where it stood."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from resolvers.matching.run import RULE
from resolvers.matching_whole.tables import Tables

LAYOUT = 3
"""Of the tables and files; a run of another layout is begun anew."""

_TABLES = """
create table if not exists done (step varchar primary key, told json);
create table if not exists sides (side utinyint primary key, records uinteger, size ubigint, last varchar);
create table if not exists keys_0 (key ubigint, place uinteger);
create table if not exists keys_1 (key ubigint, place uinteger);
create table if not exists names_0 (name varchar, place uinteger, digest blob);
create table if not exists names_1 (name varchar, place uinteger, digest blob);
create table if not exists told (one varchar, other varchar, same boolean);
create table if not exists known (one uinteger, other uinteger, same boolean);
create table if not exists counted (side utinyint, kind utinyint, text ubigint, records uinteger);
create table if not exists heads (name varchar, records uinteger);
create table if not exists brands (name varchar);
create table if not exists fields (side utinyint, name varchar);
create table if not exists found (one uinteger, other uinteger, near float);
create table if not exists pairs (one uinteger, other uinteger, near float);
create table if not exists worth (nth ubigint, one uinteger, other uinteger);
create table if not exists scored (one uinteger, other uinteger, log_odds double, outcome blob);
create table if not exists decided (one uinteger, other uinteger, probability double, verdict varchar, outcome blob);
"""


class State:
    """The directory of a run. ``fresh``: nothing of it was done before."""

    def __init__(self, directory: Path, about: str, *, memory_mb: int, threads: int) -> None:
        """Goes on with what is in ``directory``, if it is about the same (``about``: what is matched, by which settings)
        and of the same make; else begins anew. Raises OSError, and duckdb.IOException where another is at it."""
        self.directory = directory
        told = json.dumps([LAYOUT, RULE, sys.version_info[:2], about])
        directory.mkdir(parents=True, exist_ok=True)
        path = directory / "run.duckdb"
        self.tables = Tables(path, memory_mb=memory_mb, threads=threads)
        self.tables.run(_TABLES)
        known = self.done("begun")
        if known is not None and known != told:
            self.tables.close()
            shutil.rmtree(directory)
            directory.mkdir(parents=True)
            self.tables = Tables(path, memory_mb=memory_mb, threads=threads)
            self.tables.run(_TABLES)
            known = None
        self.fresh = known is None
        if known is None:
            self.note("begun", told)

    def done(self, step: str) -> Any:
        """What was noted of a step, None where it is not done."""
        told = self.tables.value("select told from done where step = ?", [step])
        return None if told is None else json.loads(told)

    def note(self, step: str, told: Any = True) -> None:
        """Note that a step is done, or how far it is."""
        self.tables.run("insert or replace into done values (?, ?)", [step, json.dumps(told)])

    @contextmanager
    def together(self) -> Iterator[None]:
        """What is written within is there whole, or not at all."""
        self.tables.run("begin")
        try:
            yield
        except BaseException:
            self.tables.run("rollback")
            raise
        self.tables.run("commit")

    def close(self) -> None:
        """Close the files."""
        self.tables.close()

    def remove(self) -> None:
        """Close the files and remove the directory: the run is over."""
        self.close()
        shutil.rmtree(self.directory, ignore_errors=True)
