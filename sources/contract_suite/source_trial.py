"""One rule tried on one source: what it opens, puts and asks."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from decimal import Decimal
from typing import Final

from sources.contract import (
    MISSING,
    Ask,
    Claim,
    Cursor,
    Failed,
    Follow,
    Missing,
    Outcome,
    Outcomes,
    Page,
    Reading,
    RecordKey,
    Source,
)
from sources.contract_suite.rule import NotChecked, expect
from sources.contract_suite.trial import MAX_PAGES, ending
from sources.contract_suite.upstream import SourceUpstream
from sources.failures import FailureKind
from sources.values import JSON, Value

SOURCE_PATIENCE: Final = 30.0
"""Seconds within which a source must have answered, whatever its system does."""
READABLE: Final = ("label", "weight", "stock")
FIELDS: Final = (*READABLE, "misread")

Records = Mapping[str, Mapping[str, JSON]]


class SourceTrial:
    """A source under test, while one rule is tried on it."""

    def __init__(self, upstream: SourceUpstream) -> None:
        self.upstream = upstream
        self._stack = AsyncExitStack()

    async def source(self, of: AbstractAsyncContextManager[Source] | None = None) -> Source:
        """A new one, or ``of`` entered; it is closed with the trial."""
        return await self._stack.enter_async_context(self.upstream.source() if of is None else of)

    async def close(self) -> None:
        """Sources are closed."""
        await self._stack.aclose()

    def key(self, id_: str) -> RecordKey:
        """The key of the source's record ``id_``."""
        return RecordKey(self.upstream.name, id_)

    def fetch(self, source: Source) -> Ask:
        """Its fetch. Raises NotChecked where it has none."""
        if source.fetch is None:
            raise NotChecked("the source has no fetch", applies=False)
        return source.fetch

    def changes(self, source: Source) -> Follow:
        """Its changes. Raises NotChecked where it has none."""
        if source.changes is None:
            raise NotChecked("the source has no changes", applies=False)
        return source.changes

    async def some(self, count: int = 5) -> Records:
        """Puts ``count`` kettles, ``A-01`` and on."""
        kettles = {
            f"A-{number:02}": {"label": f"Kettle {number}", "weight": number + Decimal("0.25"), "stock": number * 10}
            for number in range(1, count + 1)
        }
        for id_, values in kettles.items():
            await self.upstream.put(id_, values)
        return kettles

    async def ask(self, source: Source, keys: Sequence[RecordKey], fields: Collection[str] = FIELDS) -> Outcomes:
        """What ``fetch`` answers; total over ``keys`` and ``fields``. Raises Broken where it is not, late or raised."""
        limit = asyncio.timeout(SOURCE_PATIENCE)
        try:
            async with limit:
                outcomes = await self.fetch(source)(keys, fields)
        except NotChecked:
            raise
        except Exception as error:
            late = f"did not answer within {SOURCE_PATIENCE:.0f} s" if limit.expired() else f"raised {error!r}"
            expect(False, f"fetch {late}")
            raise
        expect(
            outcomes.keys() == set(keys),
            f"of {len(set(keys))} keys it answered {len(outcomes)}: {list(outcomes)!r:.300}",
        )
        for key, by_field in outcomes.items():
            expect(
                by_field.keys() == set(fields), f"of {key.id} it answered {list(by_field)}, asked for {list(fields)}"
            )
            for name, outcome in by_field.items():
                expect(isinstance(outcome, Reading | Missing | Failed), f"{name} of {key.id} is a {outcome!r:.100}")
                if isinstance(outcome, Failed):
                    self.expect_plain_failure(f"{name} of {key.id}", outcome)
        return outcomes

    async def follow(self, source: Source, cursor: Cursor = None) -> list[Page]:
        """All pages from ``cursor``, none of them Failed. Raises Broken where one is, or the walk ends badly."""
        came = await self.come(source, cursor)
        for one in came:
            expect(not isinstance(one, Failed), f"it failed: {one}")
        return [one for one in came if isinstance(one, Page)]

    async def come(self, source: Source, cursor: Cursor = None) -> list[Page | Failed]:
        """What comes from ``cursor``. Raises Broken for a walk that raises, or has no end."""
        came: list[Page | Failed] = []
        limit = asyncio.timeout(SOURCE_PATIENCE)
        try:
            async with limit, ending(self.changes(source)(cursor)) as coming:
                async for one in coming:
                    came.append(one)
                    expect(len(came) <= MAX_PAGES, f"{MAX_PAGES} pages came, and none was the last")
        except (NotChecked, AssertionError):
            raise
        except Exception as error:
            late = f"did not end within {SOURCE_PATIENCE:.0f} s" if limit.expired() else f"raised {error!r}"
            expect(False, f"changes {late}")
        return came

    def expect_plain_failure(self, what: str, failed: Failed) -> None:
        """Raises Broken where a failure is a defect, says nothing, or tells a secret."""
        kind, message = failed.failure.kind, failed.failure.message
        for position, secret in enumerate(self.upstream.secrets, start=1):
            told = message.replace(secret, "***")
            expect(secret not in message, f"{what} failed and tells secret {position}: {told}")
        expect(message, f"{what} failed as {kind} and does not say why")
        expect(kind is not FailureKind.DEFECT, f"{what} failed as a defect: {message}")

    def expect_values(self, what: str, outcomes: Mapping[str, Outcome], written: Mapping[str, JSON]) -> None:
        """Raises Broken where the readable fields are not as ``written``."""
        for name in READABLE:
            read = value_of(f"{name} of {what}", outcomes[name])
            expect(read == written.get(name), f"{name} of {what} is {written.get(name)!r}, and was read as {read!r}")


def claims_of(what: str, outcome: Outcome) -> tuple[Claim, ...]:
    """The claims of a reading. Raises Broken where it is none."""
    expect(isinstance(outcome, Reading), f"{what} is {outcome}, not a reading")
    assert isinstance(outcome, Reading)
    expect(outcome.claims, f"{what} is a reading without a claim")
    return outcome.claims


def value_of(what: str, outcome: Outcome) -> Value:
    """The value of the one claim there is, or None for a field that is missing. Raises Broken where it is otherwise."""
    if outcome == MISSING:
        return None
    claims = claims_of(what, outcome)
    expect(len(claims) == 1, f"{what} has {len(claims)} claims where the system holds one value")
    expect(claims[0].unreadable is None, f"{what} is unreadable: {claims[0].unreadable}")
    return claims[0].value
