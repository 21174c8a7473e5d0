"""The report of ``whence match``: a line for every pair that changes, with its evidence, and one for products that merge."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, TextIO
from uuid import UUID

from app.cli.ending import Ended, ExitCode
from app.strictjson import dumps
from sources.contract import RecordKey
from sources.ledger.database import Pool
from sources.ledger.match_between import names_of

if TYPE_CHECKING:
    from resolvers.matching_whole.catalogues import Change

COLUMNS = (
    "change", "before", "probability", "left_source", "left_record", "left_name", "right_source", "right_record",
    "right_name", "left_product", "right_product", "because",
)  # fmt: skip
"""Of a report as CSV."""


class Report:
    """Changes as they are told, and the products that they would merge."""

    def __init__(self, path: Path | None, file: TextIO | None) -> None:
        self.path = path
        self._file = file
        self._csv = csv.writer(file) if file is not None and path is not None and path.suffix == ".csv" else None
        if self._csv is not None:
            self._csv.writerow(COLUMNS)
        self._parents: dict[UUID, UUID] = {}

    @property
    def merging(self) -> tuple[int, int]:
        """How many products would merge, and into how many."""
        return len(self._parents), sum(1 for one in self._parents if self._root(one) == one)

    async def tell(self, pool: Pool, changes: Sequence[Change]) -> None:
        """Note ``changes``, and write them where there is a report."""
        for one in changes:
            if one.kind == "LINK" and one.products[0] != one.products[1]:
                self._merge(*one.products)
        if self._file is None or not changes:
            return
        names = await names_of(pool, {key for one in changes for key in one.pair})
        for one in changes:
            if self._csv is not None:
                self._csv.writerow(_cells(one, names))
            else:
                self._file.write(dumps(_as_json(one, names)).decode() + "\n")

    def close(self) -> None:
        """Write which products would merge, a line a group."""
        if self._file is None or self._csv is not None:
            return
        groups: dict[UUID, list[UUID]] = {}
        for one in self._parents:
            groups.setdefault(self._root(one), []).append(one)
        for products in groups.values():
            self._file.write(dumps({"change": "MERGE", "products": sorted(map(str, products))}).decode() + "\n")

    def _merge(self, one: UUID, other: UUID) -> None:
        mine, theirs = self._root(one), self._root(other)
        self._parents.setdefault(mine, mine)
        self._parents.setdefault(theirs, theirs)
        if mine != theirs:
            self._parents[max(mine, theirs)] = min(mine, theirs)

    def _root(self, one: UUID) -> UUID:
        while (parent := self._parents.get(one, one)) != one:
            self._parents[one] = self._parents[parent]
            one = parent
        return one


@contextmanager
def open_report(path: Path | None, *, matching_pair: tuple[str, str], several: bool) -> Iterator[Report]:
    """The report at ``path``, written anew and there only when it is whole; ``several``: each pair of catalogues has one of
    its own, named for it. Raises Ended where it cannot be written."""
    if path is None:
        yield Report(None, None)
        return
    if path.suffix not in (".jsonl", ".csv"):
        raise Ended(ExitCode.CONFIGURATION, f"A report is written as .jsonl or .csv, and {path.name} is neither.")
    if several and f"{matching_pair[0]}~{matching_pair[1]}" not in path.name:
        path = path.with_stem(f"{path.stem}.{matching_pair[0]}~{matching_pair[1]}")
    begun = path.with_name(path.name + ".new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with begun.open("w", encoding="utf-8", newline="") as file:
            report = Report(path, file)
            yield report
            report.close()
        begun.replace(path)
    except OSError as error:
        raise Ended(ExitCode.FAILED, f"The report {path} cannot be written: {error.strerror or error}.") from error


def _as_json(change: Change, names: dict[RecordKey, str]) -> dict[str, object]:
    def end(key: RecordKey, product: UUID) -> dict[str, object]:
        return {"source": key.source, "record": key.id, "name": names.get(key), "product": str(product)}

    return {
        "change": change.kind,
        "before": change.was,
        "probability": round(change.probability, 6),
        "left": end(change.pair.left, change.products[0]),
        "right": end(change.pair.right, change.products[1]),
        "findings": [
            {
                "comparison": one.comparison,
                "outcome": one.outcome,
                "weight": round(one.weight, 3),
                "accident": float(f"{one.accident:.3g}"),
            }
            for one in change.findings
        ],
    }


def _cells(change: Change, names: dict[RecordKey, str]) -> list[object]:
    left, right = change.pair
    because = "; ".join(f"{one.comparison}: {one.outcome} ({one.weight:+.1f})" for one in change.findings)
    row = [
        change.kind, change.was or "", f"{change.probability:.6f}", left.source, left.id, names.get(left, ""),
        right.source, right.id, names.get(right, ""), *change.products, because,
    ]  # fmt: skip
    return [_inert(cell) if isinstance(cell, str) else cell for cell in row]


def _inert(text: str) -> str:
    """What a spreadsheet takes for text and not for a formula."""
    return f"'{text}" if text[:1] in {"=", "+", "-", "@", "\t", "\r"} else text
