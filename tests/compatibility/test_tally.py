"""Counting verdicts: what is being written is neither left out nor lost."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from resolvers.compatibility import tally as tallying
from resolvers.compatibility.evidence import Verdict
from resolvers.compatibility.tally import Tally


async def test_what_is_being_written_is_waited_for_and_outlives_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    written: list[Any] = []
    began = asyncio.Event()

    async def slowly(_pool: Any, counts: Any) -> None:
        began.set()
        await asyncio.sleep(0.05)
        written.extend(counts)

    monkeypatch.setattr(tallying, "add_verdicts", slowly)
    monkeypatch.setattr(tallying, "EVERY_SECONDS", 0.0)
    tally = Tally(cast(Any, None))
    for end in (tally.write, tally.close):
        written.clear()
        began.clear()
        tally.note(Verdict.UNKNOWN)
        await asyncio.wait_for(began.wait(), 5)
        await end()
        assert [(verdict, count) for _, verdict, count in written] == [("UNKNOWN", 1)]
