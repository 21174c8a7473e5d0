"""Asking Tryton for products: live by id or code, and all of them page by page."""

from __future__ import annotations

from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from functools import partial

from sources.columns import declared_paths, instead_of, missing_columns
from sources.contract import Changes, Column, Cursor, Description, Document, DocumentPage, Fetch, Problem
from sources.deadlines import answer_by
from sources.declaration import ConnectorKind, SourceDeclaration
from sources.failures import FailureKind, SourceFailure
from sources.paths import compile_path
from sources.tryton.documents import COLUMNS, COSTLY, STOCK_CLOCK, document, fields_of
from sources.tryton.options import TrytonOptions
from sources.tryton.session import TrytonSession, records
from sources.tryton.standing import Call, Standing, find_standing
from sources.values import JSON
from sources.web.walking import PageRead, Position, Walk, sync_deadline

_PRODUCT = "model.product.product"
_KEYS = {"id": "id", "code": "code"}
_MOVES_A_PRODUCT = 4
_LONGEST_ID = 18


class TrytonConnector:
    """The products of one Tryton database, as one of its users sees them."""

    def __init__(self, declaration: SourceDeclaration, options: TrytonOptions) -> None:
        """Connects to nothing yet. Raises ValueError for a declaration that Tryton cannot be asked by."""
        if declaration.key not in _KEYS:
            raise ValueError('key: Tryton is asked for products by "id" or by "code"; write one of them')
        if declaration.sync.by is not None:
            raise ValueError("sync.by: no clock of Tryton's moves with every price and stock; leave it out")
        if clash := sorted(options.columns.keys() & COLUMNS.keys()):
            raise ValueError(f"columns: {clash[0]!r} is a column already; give yours another name")
        self._declaration = declaration
        self._options = options
        self._session = TrytonSession(options)
        self._found: Standing | None = None
        declared = {root for _, path in declared_paths(declaration) for root in compile_path(path).columns}
        self._walked = frozenset(COLUMNS) - (COSTLY - declared)

    @property
    def fetch(self) -> Fetch | None:
        """By ``id`` or ``code``, whichever is the key."""
        return self._fetch

    @property
    def changes(self) -> Changes | None:
        """Everything, each time: no clock of Tryton's moves with every change."""
        return self._changes

    async def check(self) -> tuple[Problem, ...]:
        """Columns, company and locations that are not there."""
        call = partial(self._session.call, ends=sync_deadline(self._declaration))
        _, problems = await find_standing(call, self._options)
        _, more = await self._own_columns(call)
        return problems + more + missing_columns(self._declaration, [*COLUMNS, *self._options.columns])

    async def describe(self) -> Description:
        """The columns there are, with a sample of the first product."""
        call = partial(self._session.call, ends=sync_deadline(self._declaration))
        types, problems = await self._own_columns(call)
        if problems:
            raise _misdeclared(problems)
        standing = await self._standing(call)
        rows = await self._rows(call, [], 1, self._walked, standing)
        sample = rows[0].content if rows else {}
        every = {**{name: kind for name, (kind, _) in COLUMNS.items()}, **types}
        columns = (Column(name, kind, _sample(sample.get(name))) for name, kind in every.items())
        return Description(tuple(columns), complete=True)

    async def close(self) -> None:
        """Gives back the connections."""
        await self._session.close()

    async def _fetch(self, keys: Sequence[str], columns: Collection[str]) -> Sequence[Document]:
        wanted = list(dict.fromkeys(keys))
        if self._declaration.key == "id":
            wanted = [key for key in wanted if key.isascii() and key.isdigit() and len(key) <= _LONGEST_ID]
        if not wanted:
            return ()
        ends = answer_by(self._declaration.deadline)
        call = partial(self._session.call, ends=ends)
        standing = await self._standing(call)
        needed = (COLUMNS.keys() & {*columns}) | {"id", "code"}
        found: list[Document] = []
        for first in range(0, len(wanted), self._options.batch):
            batch = wanted[first : first + self._options.batch]
            values = [int(key) for key in batch] if self._declaration.key == "id" else batch
            found += await self._rows(call, [[self._declaration.key, "in", values]], None, needed, standing)
        return found

    def _changes(self, cursor: Cursor) -> AsyncIterator[DocumentPage]:
        walk = Walk(self._declaration, self._page, {"after": 0}, _resumable, False, timedelta(0))
        return walk(cursor)

    async def _page(self, position: Position, since: datetime | None, number: int, ends: float) -> PageRead:
        """The products whose ids come after the position's; paging by number would skip some when others go."""
        call = partial(self._session.call, ends=ends)
        if number == 1:
            self._found = None  # a walk notices a new warehouse
        standing = await self._standing(call)
        size = self._declaration.sync.page
        total = (
            await call(f"{_PRODUCT}.search_count", self._active([]), 0, None, standing.context) if number == 1 else None
        )
        after = [["id", ">", position["after"]]]
        ids = await call(f"{_PRODUCT}.search", self._active(after), 0, size + 1, [["id", "ASC"]], standing.context)
        documents: list[Document] = []
        for first in range(0, min(size, len(ids)), self._options.batch):
            batch = ids[first : min(size, first + self._options.batch)]
            documents += await self._rows(call, [["id", "in", batch]], None, self._walked, standing)
        return PageRead(tuple(documents), {"after": ids[size - 1]} if len(ids) > size else None, total)

    async def _standing(self, call: Call) -> Standing:
        if self._found is None:
            standing, problems = await find_standing(call, self._options)
            if standing is None:
                raise _misdeclared(problems)
            self._found = standing
        return self._found

    async def _rows(
        self, call: Call, domain: list[JSON], limit: int | None, columns: Collection[str], standing: Standing
    ) -> list[Document]:
        own = self._options.columns
        fields = fields_of(columns, own)
        order = [["id", "ASC"]]
        rows = await call(f"{_PRODUCT}.search_read", self._active(domain), 0, limit, order, fields, standing.context)
        clocks = await _stock_clocks(call, [row["id"] for row in rows], standing) if STOCK_CLOCK in columns else {}
        return [document(row, columns, own, standing, clocks) for row in rows]

    def _active(self, domain: list[JSON]) -> list[JSON]:
        """Tryton leaves out what was taken out of use unless the question speaks of it."""
        return [*domain, ["active", "in", [True, False]]] if self._options.inactive else domain

    async def _own_columns(self, call: Call) -> tuple[dict[str, str], tuple[Problem, ...]]:
        """The types of the declared columns, and those that Tryton does not have."""
        types: dict[str, str] = {}
        problems = []
        for name, path in self._options.columns.items():
            model, kind = "product.product", ""
            for part in path.split("."):
                fields = await call(f"model.{model}.fields_get", [], {}) if model else {}
                if part not in fields:
                    found = f"{model or path} has no field {part!r}"
                    problems.append(Problem(f"columns.{name}", found, instead_of(part, list(fields))))
                    break
                model, kind = fields[part].get("relation"), str(fields[part].get("type", ""))
            types[name] = kind
        return types, tuple(problems)


async def _stock_clocks(call: Call, ids: Sequence[int], standing: Standing) -> dict[int, datetime]:
    """When stock last came into the locations or left them, by product.

    Moves come newest first, a bounded number at once; each round settles at least one product, mostly all.
    """
    inside, outside = ("child_of", "not child_of")
    places = list(standing.locations)
    crossing = [
        "OR",
        [["from_location", inside, places, "parent"], ["to_location", outside, places, "parent"]],
        [["from_location", outside, places, "parent"], ["to_location", inside, places, "parent"]],
    ]
    undone = [["state", "=", "cancelled"], ["effective_date", "!=", None]]
    counted = ["OR", ["state", "=", "done"], undone]
    order = [["write_date", "DESC NULLS LAST"], ["id", "DESC"]]
    clocks: dict[int, datetime] = {}
    remaining = list(ids)
    while remaining:
        limit = max(100, _MOVES_A_PRODUCT * len(remaining))
        domain = [["product", "in", remaining], ["company", "=", standing.company], crossing, counted]
        fields = ["product", "write_date", "create_date"]
        answer = await call("model.stock.move.search_read", domain, 0, limit, order, fields, standing.context)
        moves = records(answer, fields)
        for move in moves:
            clocks.setdefault(move["product"], move["write_date"] or move["create_date"])
        if len(moves) < limit:
            break
        remaining = [id_ for id_ in remaining if id_ not in clocks]
    return clocks


def _resumable(position: Position) -> bool:
    after = position.get("after")
    return isinstance(after, int) and not isinstance(after, bool)


def _misdeclared(problems: Sequence[Problem]) -> SourceFailure:
    told = "; ".join(f"{problem.path}: {problem.found}; {problem.instead}" for problem in problems)
    return SourceFailure(FailureKind.MISSING_OBJECT, told)


def _sample(value: JSON) -> str:
    if value is None or isinstance(value, Mapping | list):
        return ""
    return (format(value, "f") if isinstance(value, Decimal) else str(value))[:60]


KIND = ConnectorKind(TrytonOptions, TrytonConnector)
"""``connector = "tryton"``."""
