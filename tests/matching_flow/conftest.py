"""Shops on a database of their own for each test that asks for some."""

from __future__ import annotations

from collections.abc import AsyncIterator

import pytest_asyncio

from tests.matching_flow.shops import Shops, open_shops


@pytest_asyncio.fixture(loop_scope="session")
async def shops(database_url: str) -> AsyncIterator[Shops]:
    """Shops without a record."""
    async with open_shops(database_url) as opened:
        yield opened
