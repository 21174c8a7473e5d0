"""The records of a page that nobody has read yet.

Most of what a sync walks through has not changed since the last time. Whether it has is told by its document alone, for the
same mapping reads the same document the same way; so a page says of each record its id and what its document is recognised
by, and reads those that somebody asks for.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from functools import cached_property
from itertools import compress
from typing import overload

from sources.columnwise import Columnwise
from sources.contract import Record
from sources.rows import Rows


def ids_of(records: Sequence[Record]) -> Sequence[str]:
    """The ids of ``records``, none of which is read for it."""
    return records.ids if isinstance(records, Unread) else [record.key.id for record in records]


class Unread(Sequence[Record]):
    """Records, each in its row; as a sequence they are read all together, when the first is asked for."""

    def __init__(self, columnwise: Columnwise, rows: Rows, ids: Sequence[str], observed_at: datetime) -> None:
        """Every row of ``rows`` is a record, whose id is in ``ids``; no id comes twice."""
        self._columnwise = columnwise
        self._rows = rows
        self._observed_at = observed_at
        self.ids = ids

    @cached_property
    def fingerprints(self) -> Sequence[bytes]:
        """Of each record 16 bytes: while these and the mapping stay the same, so does all that is read from it."""
        return self._columnwise.fingerprints(self._rows)

    def read(self, wanted: Sequence[bool]) -> list[Record]:
        """The records that are ``wanted``."""
        if all(wanted):
            return self._all
        ids = [*compress(self.ids, wanted)]
        return self._columnwise.records(self._rows.take(wanted), ids, self._observed_at) if ids else []

    @cached_property
    def _all(self) -> list[Record]:
        return self._columnwise.records(self._rows, self.ids, self._observed_at)

    def __len__(self) -> int:
        return len(self.ids)

    @overload
    def __getitem__(self, index: int) -> Record: ...
    @overload
    def __getitem__(self, index: slice) -> Sequence[Record]: ...
    def __getitem__(self, index: int | slice) -> Record | Sequence[Record]:
        return self._all[index]
