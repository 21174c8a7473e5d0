"""Settings of one Whence process, from the environment (``WHENCE_*``); what the company decides stands in whence.toml."""

from __future__ import annotations

from datetime import timedelta
from pathlib import Path
from typing import Annotated

from pydantic import Field
from pydantic_settings import BaseSettings, SettingsConfigDict

from sources.durations import Duration


class Settings(BaseSettings):
    """Where things are, and what the process may use."""

    model_config = SettingsConfigDict(env_prefix="WHENCE_", frozen=True)

    config: Path = Path("whence.toml")
    """The ownership map."""
    directory: Path = Path(".whence")
    """State of this installation: the embedded PostgreSQL's data, the demo's files."""
    database_url: str | None = None
    """A PostgreSQL server, 15 or later, to be the ledger; without it Whence starts one of its own."""
    postgres_bin: Path | None = None
    """The directory of the PostgreSQL programs to start; without it, the embedded ones or the system's."""
    audience: str = "internal"
    """The audience of requests that name none."""
    pool_size: int = Field(default=10, ge=2, le=100)
    """Connections to the ledger."""
    hosts: tuple[str, ...] = ()
    """Names, beside loopback, under which the API is asked: those of a proxy in front. As JSON: ``["api.example"]``."""
    lease: Annotated[Duration, Field(ge=timedelta(seconds=1), le=timedelta(minutes=10))] = timedelta(seconds=20)
    """How long a worker that gives no sign of life keeps the source that it is syncing: ``20s``."""
    compile: bool = True
    """Operations are compiled; ``off`` has graphql-core run them all, which is slower and answers the same."""
    log_level: str = "INFO"
