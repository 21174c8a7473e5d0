"""Documents of one shape, kept as the columns they stand in.

A database's page and a file's are a thousand documents with the same names. Made into a dictionary each, and read value by
value, they cost several times what reading them column by column does: what holds for a whole column (all of it text, all of
it ASCII, all of it numbers in plain notation) is then found out once for a thousand values.

:class:`Rows` is a sequence of documents like any other; a document is made where somebody asks for one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from itertools import compress
from types import NoneType
from typing import Any, TypeVar, overload
from unicodedata import is_normalized

from sources.contract import PROBLEM, Document
from sources.interpretation.texts import EDGES, MAX_TEXT, is_encodable
from sources.values import JSON

_END = "\n"
_INT64 = 2**63
_PLAIN_DIGITS = 40
_DIGITS = bytes.maketrans(b"123456789", b"0" * 9)

T = TypeVar("T")
A = TypeVar("A")


class Column:
    """The values that stand under one name, from the first row to the last."""

    def __init__(self, values: Sequence[JSON]) -> None:
        self.values = values
        self._found: dict[tuple[object, object], Any] = {}

    def __len__(self) -> int:
        return len(self.values)

    @cached_property
    def kinds(self) -> frozenset[type]:
        """The types of all values."""
        return frozenset(map(type, self.values))

    @cached_property
    def kind(self) -> type | None:
        """The one type of all values; None where there are several, or no values."""
        return next(iter(self.kinds)) if len(self.kinds) == 1 else None

    def by_kind(self, read: Callable[[Column], Iterable[T]]) -> list[T | None]:
        """What ``read`` says of each value, asked about the values of one type at a time; None where nothing stands."""
        if self.kind is not None:
            return [None] * len(self) if self.kind is NoneType else [*read(self)]
        parts = {
            kind: iter(read(Column([value for value in self.values if type(value) is kind])))
            for kind in self.kinds - {NoneType}
        }
        return [None if value is None else next(parts[type(value)]) for value in self.values]

    def once(self, find: Callable[[Column, A], T], about: A) -> T:
        """``find(self, about)``, found out once however often it is asked."""
        if (find, about) not in self._found:
            self._found[find, about] = find(self, about)
        found: T = self._found[find, about]
        return found

    def take(self, wanted: Sequence[bool]) -> Column:
        """The rows that are ``wanted``."""
        return Column([*compress(self.values, wanted)])

    # ── Of objects only: ``kind`` is dict ──────────────────────────────────────────────────────────────────────────

    @cached_property
    def members(self) -> Mapping[str, Column] | None:
        """A column for each member, where all objects have the same names in the same order; None where they have not."""
        names = tuple(self.values[0])
        if not names or set(map(tuple, self.values)) != {names} or set(map(type, names)) != {str}:
            return None
        return dict(zip(names, map(Column, zip(*map(dict.values, self.values), strict=True)), strict=True))

    # ── Of whole numbers only: ``kind`` is int ─────────────────────────────────────────────────────────────────────

    @cached_property
    def fits_64_bits(self) -> bool:
        """Whether every number does."""
        return bool(min(self.values) >= -_INT64 and max(self.values) < _INT64)

    # ── Of decimals only: ``kind`` is Decimal ──────────────────────────────────────────────────────────────────────

    @cached_property
    def plain_numbers(self) -> Sequence[str] | None:
        """Each number in plain notation, where all of them are finite, not negative and of no extraordinary size; None
        where that is not so."""
        texts = [*map(str, self.values)]
        plain = "".join(texts).replace(".", "").isdigit() and max(map(len, texts)) < _PLAIN_DIGITS
        return texts if plain else None

    # ── Of texts only: ``kind`` is str ─────────────────────────────────────────────────────────────────────────────

    @cached_property
    def joined(self) -> str:
        """All texts, each on its line."""
        return _END.join(self.values)

    @cached_property
    def is_ascii(self) -> bool:
        """Whether every text is ASCII."""
        return self.joined.isascii()

    @cached_property
    def longest(self) -> int:
        """The length of the longest text."""
        return max(map(len, self.values), default=0)

    @cached_property
    def is_clean(self) -> bool:
        """Whether every text is one that any database takes: no NUL, no half of a surrogate pair, not too long."""
        if "\0" in self.joined or not (self.is_ascii or is_encodable(self.joined)):
            return False
        return len(self.joined) <= MAX_TEXT or self.longest <= MAX_TEXT

    @cached_property
    def cleaned(self) -> Sequence[str] | None:
        """:func:`~sources.interpretation.texts.clean_text` of each; None where that is to be found out one by one."""
        if not self.is_clean:
            return None
        if self.is_ascii:
            return [*map(str.strip, self.values)]
        # the ends of lines compose with nothing, so that what is normal together is normal each by itself
        if not is_normalized("NFC", self.joined):
            return None
        return [text.strip(EDGES) for text in self.values]

    @cached_property
    def shapes(self) -> Sequence[bytes]:
        """Each text with 0 for every digit: ``0000-00-00``. The column is clean."""
        shapes = self.joined.encode().translate(_DIGITS).split(b"\n")
        if len(shapes) == len(self.values):
            return shapes
        return [text.encode().translate(_DIGITS) for text in self.values]

    def lines(self, joined: str) -> list[str]:
        """The texts again, from what became of :attr:`joined`; it has as many lines as before."""
        return joined.split(_END)


class Rows(Sequence[Document]):
    """Documents that have the same names in the same order."""

    def __init__(
        self,
        names: Sequence[str],
        columns: Sequence[Column],
        place: Callable[[int], str],
        problems: Mapping[int, str] | None = None,
        count: int | None = None,
    ) -> None:
        """``names`` are distinct, and there is a column for each; ``place`` says where the row of an index was read.
        ``problems`` are the indices of rows that could not be read, and why: of these only the members whose names begin
        with an underscore are kept. ``count`` is needed where there are no names."""
        if len(set(names)) != len(names) or len(names) != len(columns):
            raise ValueError("rows have one column for each of their names, and each name once")
        self.names = tuple(names)
        self.columns = tuple(columns)
        self.problems: Mapping[int, str] = problems or {}
        self._place = place
        self._count = len(columns[0]) if columns else count or 0

    def __len__(self) -> int:
        return self._count

    @overload
    def __getitem__(self, index: int) -> Document: ...
    @overload
    def __getitem__(self, index: slice) -> Rows: ...
    def __getitem__(self, index: int | slice) -> Document | Rows:
        if isinstance(index, slice):
            return self._some(range(len(self))[index])
        position = range(len(self))[index]
        content = dict(zip(self.names, (column.values[position] for column in self.columns), strict=True))
        problem = self.problems.get(position)
        if problem is not None:
            content = {PROBLEM: problem} | {name: value for name, value in content.items() if name.startswith("_")}
        return Document(content, self._place(position))

    @cached_property
    def by_name(self) -> Mapping[str, Column]:
        """The columns by their names."""
        return dict(zip(self.names, self.columns, strict=True))

    def contents(self) -> list[dict[str, JSON]]:
        """What the documents hold; there are no problems among them."""
        if not self.columns:
            return [{} for _ in range(len(self))]
        return [
            dict(zip(self.names, row, strict=True))
            for row in zip(*(column.values for column in self.columns), strict=True)
        ]

    def take(self, wanted: Sequence[bool]) -> Rows:
        """The rows that are ``wanted``."""
        return self._of(list(compress(range(len(self)), wanted)), [column.take(wanted) for column in self.columns])

    def _some(self, positions: range) -> Rows:
        chosen = slice(positions.start, positions.stop if positions.stop >= 0 else None, positions.step)
        return self._of(positions, [Column(column.values[chosen]) for column in self.columns])

    def _of(self, positions: Sequence[int], columns: Sequence[Column]) -> Rows:
        place = self._place
        problems = {}
        if self.problems:
            problems = {new: self.problems[old] for new, old in enumerate(positions) if old in self.problems}
        return Rows(self.names, columns, lambda index: place(positions[index]), problems, len(positions))
