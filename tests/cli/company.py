"""A small company of two systems, and the command line as its people call it."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx2

CHECKOUT = Path(__file__).resolve().parents[2]
START_SECONDS = 60.0

WHENCE_TOML = """\
[audiences.staff]
governance = true
[audiences.public]

[sources.stock]
title = "Stock room"
connector = "sql"
url = "${STOCK_URL}"
from = "articles"
key = "article"
updated_at = "changed_on"
read = "live"
names = ["label"]
audiences = ["staff", "public"]
[sources.stock.identifiers]
sku = "sku"
[sources.stock.fields]
weight = { path = "kilos", unit = "kg" }
label = "label"

[sources.prices]
title = "Price list"
connector = "file"
path = "${PRICES_FILE}"
key = "Line"
updated_at = "_file.modified"
names = ["Our name"]
[sources.prices.identifiers]
sku = "SKU"
[sources.prices.fields]
price = { path = "EUR", currency = "EUR" }

[fields.label]
type = "text"
system_of_record = "stock"
steward = { name = "Stock room" }
max_age = "5y"
audiences = ["staff", "public"]
[fields.weight]
type = "quantity"
unit = "g"
system_of_record = "stock"
steward = { name = "Stock room" }
max_age = "5y"
audiences = ["staff", "public"]
[fields.price]
type = "money"
system_of_record = "prices"
audiences = ["staff"]

[identity]
keys = ["sku"]
"""


@dataclass
class Company:
    """Where its files are, and the environment that its whence.toml names."""

    directory: Path
    environment: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.environment |= {
            "STOCK_URL": f"sqlite:///{self.directory / 'stock.sqlite'}",
            "PRICES_FILE": str(self.directory / "prices.csv"),
            "WHENCE_DIRECTORY": str(self.directory / ".whence"),
            "PYTHONPATH": str(CHECKOUT),
        }
        self.write(WHENCE_TOML)
        with sqlite3.connect(self.directory / "stock.sqlite") as connection:
            connection.execute(
                "create table articles (article text, label text, sku text, kilos text, changed_on text)"
            )
            connection.executemany(
                "insert into articles values (?, ?, ?, ?, '2026-01-02T03:04:05Z')",
                [
                    ("A-1", "POT ELEC", "KET-1", "0.85"),
                    ("A-2", "TOASTER", "TOA-1", "1.2"),
                    ("A-3", "TOASTER", "TOA-2", "1.3"),
                ],
            )
        connection.close()
        (self.directory / "prices.csv").write_text(
            "Line,Our name,SKU,EUR\n1,Kettle deluxe,KET-1,49.90\n2,Toast,TOA-1,30\n"
        )

    def write(self, text: str) -> None:
        """Put ``text`` where its ownership map is."""
        (self.directory / "whence.toml").write_text(text)

    def command(self, *arguments: str) -> list[str]:
        return [sys.executable, "-m", "app.cli", *arguments]

    def everything(self, environment: Mapping[str, str]) -> dict[str, str]:
        """The environment of a process of this company."""
        inherited = {name: value for name, value in os.environ.items() if not name.startswith(("WHENCE_", "COV"))}
        return {**inherited, **self.environment, **environment}

    def whence(self, *arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
        """Run a command to its end."""
        return subprocess.run(
            self.command(*arguments),
            cwd=self.directory,
            env=self.everything(environment),
            capture_output=True,
            text=True,
            timeout=START_SECONDS,
            check=False,
        )

    @contextmanager
    def serving(self, *arguments: str, **environment: str) -> Iterator[Served]:
        """``whence serve`` on a free port; it is killed at the end if it still runs."""
        process = subprocess.Popen(
            self.command("serve", "--port", "0", *arguments),
            cwd=self.directory,
            env=self.everything(environment),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        served = Served(process)
        try:
            yield served
        finally:
            if process.poll() is None:
                process.kill()
            process.wait()
            served.close()


class Served:
    """A running ``whence serve``, and what it has written so far."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.out: list[str] = []
        self.err: list[str] = []
        self._readers = [
            threading.Thread(target=self._read, args=(stream, lines), daemon=True)
            for stream, lines in ((process.stdout, self.out), (process.stderr, self.err))
        ]
        for reader in self._readers:
            reader.start()

    @staticmethod
    def _read(stream: Any, lines: list[str]) -> None:
        lines.extend(iter(stream.readline, ""))  # grows while the process runs

    def wait_for(self, text: str, lines: Sequence[str] | None = None) -> str:
        """The first line with ``text`` in it."""
        until = time.monotonic() + START_SECONDS
        while time.monotonic() < until:
            for line in list(self.out if lines is None else lines):
                if text in line:
                    return line
            if self.process.poll() is not None:
                time.sleep(0.2)
                break
            time.sleep(0.02)
        raise AssertionError(f"no {text!r} in:\n{''.join(self.out)}\n{''.join(self.err)}")

    @property
    def address(self) -> str:
        """Where it answers GraphQL, once it does."""
        address = self.wait_for("Whence answers at").split()[-1]
        self.wait_for("Ctrl-C stops everything")
        return address

    def ask(self, query: str) -> Any:
        """The answer to a query."""
        return httpx2.post(self.address, json={"query": query}, timeout=20, trust_env=False).json()

    def end(self, number: signal.Signals) -> tuple[int, float]:
        """Send a signal; the exit code, and the seconds it took."""
        began = time.monotonic()
        self.process.send_signal(number)
        code = self.process.wait(timeout=15)
        return code, time.monotonic() - began

    def close(self) -> None:
        for reader in self._readers:
            reader.join(timeout=2)
        for stream in (self.process.stdout, self.process.stderr):
            if stream is not None:
                stream.close()


def json_of(text: str) -> Any:
    """The one JSON document that ``text`` is."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} is no JSON")

    return json.loads(text, parse_constant=refuse)
