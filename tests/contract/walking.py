"""Walking through a connector's changes."""

from __future__ import annotations

from sources.contract import Connector, Cursor, DocumentPage
from sources.contract_suite.trial import MAX_PAGES


async def walk(connector: Connector, cursor: Cursor = None) -> list[DocumentPage]:
    """All pages from ``cursor``; fails rather than walk for ever."""
    assert connector.changes is not None
    pages: list[DocumentPage] = []
    async for page in connector.changes(cursor):
        pages.append(page)
        assert len(pages) <= MAX_PAGES, "the walk does not end"
    assert pages, "a walk has at least one page"
    return pages
