"""Logs of these tests go where nobody reads them, redacted, as they do in production."""

from __future__ import annotations

import io
from collections.abc import Iterator

import pytest
import structlog

from app.telemetry import configure_logging


@pytest.fixture(scope="package", autouse=True)
def _quiet_logs() -> Iterator[None]:
    configure_logging(json_lines=True, stream=io.StringIO())
    yield
    structlog.reset_defaults()
