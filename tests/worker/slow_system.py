"""A system over HTTP whose answers a test can hold back: collections of records, ten a page, each page with its cursor."""

from __future__ import annotations

import json
import threading
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Self
from urllib.parse import parse_qs, urlsplit

PAGE = 10


class SlowSystem:
    """``/NAME?after=N`` gives the records from N on. It serves on a free port of 127.0.0.1 while its context lasts."""

    def __init__(self) -> None:
        self.records: dict[str, list[dict[str, str]]] = {}
        self.delay = 0.0
        """Seconds before every answer."""
        self.most_at_once: Counter[str] = Counter()
        """Of each collection, how many were reading it at the same time."""
        self._reading: Counter[str] = Counter()
        self._lock = threading.Lock()
        self._gates: dict[tuple[str, int], tuple[threading.Event, threading.Event]] = {}
        self._held: list[threading.Event] = []
        self._end = threading.Event()
        system = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                url = urlsplit(self.path)
                body = system.answer(url.path.strip("/"), int(parse_qs(url.query).get("after", ["0"])[0]))
                try:
                    self.send_response(200)
                    self.send_header("Content-Type", "application/json")
                    self.send_header("Content-Length", str(len(body)))
                    self.end_headers()
                    self.wfile.write(body)
                except OSError:
                    self.close_connection = True  # whoever asked is gone

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            daemon_threads = True

            def handle_error(self, request: object, client_address: object) -> None:
                pass  # whoever asked is gone

        self._server = Server(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        for release in self._held:
            release.set()
        self._server.shutdown()
        self._server.server_close()
        self._thread.join(timeout=10)

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._server.server_address[1]}"

    def fill(self, name: str, count: int) -> None:
        """``count`` records, which share their SKUs with those of the other collections."""
        self.records[name] = [{"id": f"{name}-{n}", "label": "old", "sku": f"K-{n}"} for n in range(count)]

    def edit(self, name: str, number: int, label: str) -> None:
        """A record with another label."""
        self.records[name][number] = {**self.records[name][number], "label": label}

    def hold(self, name: str, after: int) -> tuple[threading.Event, threading.Event]:
        """Hold back the next answer to ``after``, which says what was so when it was asked; the events that it has come,
        and that it may go."""
        gate = threading.Event(), threading.Event()
        self._gates[name, after] = gate
        self._held.append(gate[1])
        return gate

    def answer(self, name: str, after: int) -> bytes:
        """A page, when it is time."""
        with self._lock:
            self._reading[name] += 1
            self.most_at_once[name] = max(self.most_at_once[name], self._reading[name])
            gate = self._gates.pop((name, after), None)
            page = self.records[name][after : after + PAGE]
            following = after + PAGE if after + PAGE < len(self.records[name]) else None
        try:
            if gate is not None:
                gate[0].set()
                gate[1].wait(60)
            self._end.wait(self.delay)
        finally:
            with self._lock:
                self._reading[name] -= 1
        return json.dumps({"items": page, "next": None if following is None else str(following)}).encode()
