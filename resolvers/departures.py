"""Departures: which records a walk over everything found gone, and when it is not believed.

A record is gone when a walk that came to its end did not meet it. Three things stand against that:

- *Too many at once.* A third of a system does not leave overnight; an export that was cut short looks just like it. So
  they are held back, and an operator says whether it is right (``whence sync --accept``).
- *A partial read.* A system that says how many records it holds, and gave fewer, has not shown everything.
- *A walk that may have stepped over some*: its pages are counted by position, and a deletion on the way moves the next
  ones up; or documents were set aside whose keys could not be read. What such a walk misses is gone when the next one
  misses it too.
"""

from __future__ import annotations

from datetime import datetime

from sources.contract import Page
from sources.failures import Failure, FailureKind
from sources.ledger.absences import forget_absences, missed_again, rejected_documents, rejected_without_key
from sources.ledger.batches import Batch

MOST_GONE = 1 / 3
"""The share of a source's records that one walk may find gone without being asked, where that is more than one; a walk that
finds nothing where something was is always held back."""


async def departed(batch: Batch, page: Page, brought: int | None, *, accept: bool, at: datetime) -> list[str] | Failure:
    """The ids of the records that are gone, at the ``last`` page of a walk whose sightings and rejections are written;
    or why none is taken for gone.

    ``brought``: the documents of the whole walk; None where it was resumed, and only what is distinct can be counted.
    ``accept``: an operator says that what is missing is gone.
    """
    missed = await batch.unsighted()
    if not missed or accept:
        await forget_absences(batch.connection, batch.source)
        return missed
    met = await batch.sighted()
    keyless = await rejected_without_key(batch.connection, batch.source)
    aside = await rejected_documents(batch.connection, batch.source)
    came = met + keyless if brought is None else min(brought, met + aside)  # a record met twice stands for no other
    if page.total is not None and came < page.total:
        return Failure(
            FailureKind.GARBLED,
            f"it says that it holds {page.total} records and gave {came}; so the {len(missed)} that were not among them "
            "are kept. If the number is wrong and they are gone: "
            f"whence sync --accept {batch.source}",
        )
    present = len(missed) + met
    if len(missed) > (max(1, present * MOST_GONE) if met else 0):
        return Failure(
            FailureKind.GARBLED,
            f"{len(missed)} of {present} records are not there any more; they are kept until somebody says "
            f"that it is right: whence sync --accept {batch.source}",
        )
    if page.shifting or keyless:
        return await missed_again(batch.connection, batch.source, missed, at)
    await forget_absences(batch.connection, batch.source)
    return missed
