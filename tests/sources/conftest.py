"""Servers that several tests of this package share; each test begins with an empty one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.upstreams.http_server import HttpServer


@pytest.fixture(scope="session")
def http_server_process() -> Iterator[HttpServer]:
    """The running server, which tests take as ``http_server``."""
    with HttpServer() as server:
        yield server


@pytest.fixture
def http_server(http_server_process: HttpServer) -> HttpServer:
    """The server, empty and in order."""
    http_server_process.reset()
    return http_server_process
