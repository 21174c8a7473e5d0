"""The HTTP server's faults as the contract suite's switches."""

from __future__ import annotations

import gzip
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sources.contract import Connector
from sources.contract_suite import Fault, Switch
from tests.upstreams import http_faults
from tests.upstreams.http_server import HttpServer

GARBLED: tuple[tuple[bytes, str], ...] = (
    (b"<html>please sign in; private</html>", "text/html"),
    (b"", "application/json"),
    (b'{"data": [{"id": "A-01"', "application/json"),
    (b'{"data": ["\xff\xfe"]}', "application/json"),
    (b"[" * 50_000, "application/json"),
    (b"<html>private</html>", "application/json"),
)
MISSHAPEN = (
    b"null",
    b"{}",
    b"true",
    b'{"data": null, "items": null}',
    b'{"data": {"id": "A-01"}, "items": {"id": "A-01"}}',
    b'{"data": "none", "items": 0}',
    b'{"data": {"products": null, "items": null}}',
    b'{"data": {"products": {"edges": null, "pageInfo": {"hasNextPage": false}}, "items": {"items": null}}}',
)


@dataclass(frozen=True, slots=True)
class HttpSwitches:
    """The switches of ``server``, and how to open an impatient connector to it. ``links``: its answers name the next page's
    address."""

    server: HttpServer
    impatient: Callable[[], Connector]
    links: bool = False

    @property
    def switches(self) -> Mapping[Fault, Sequence[Switch]]:
        """Everything that the server can do."""
        faults = self.server.faults
        scrambled = bytearray(gzip.compress(b'{"data": [{"id": "A-01", "label": "Kettle 1"}]}' * 20))
        scrambled[20] ^= 0xFF
        stray = {
            Fault.STRAY: [self._lie(foreign_next="http://127.0.0.2:9/rest/link"), self._lie(foreign_next="//elsewhere")]
        }
        return {
            Fault.REFUSE: [_do(faults.switch, http_faults.Fault.DROP)],
            Fault.FAIL: [_do(faults.fail, 500), _do(faults.fail, 502), _do(faults.fail, 400)],
            Fault.THROTTLE: [_do(faults.fail, status, {"Retry-After": "30"}) for status in (429, 503)],
            Fault.HANG: [_do(faults.switch, http_faults.Fault.HANG)],
            Fault.DRIP: [_do(faults.switch, http_faults.Fault.DRIP)],
            Fault.DELAY: [_do(setattr, faults, "delay", 0.03)],
            Fault.CUT: [
                _do(faults.switch, http_faults.Fault.CUT),
                _do(faults.switch, http_faults.Fault.CUT_WITHOUT_LENGTH),
            ],
            Fault.SCRAMBLE: [_do(faults.garble, bytes(scrambled), "application/json", {"Content-Encoding": "gzip"})],
            Fault.GARBLE: [_do(faults.garble, body, kind) for body, kind in GARBLED],
            Fault.MISSHAPE: [_do(faults.garble, body) for body in MISSHAPEN],
            Fault.OVERSIZE: [
                _do(faults.garble, b"[" + b" " * 1_000_000 + b"]"),
                _do(faults.garble, http_faults.gzip_bomb(8), "application/json", {"Content-Encoding": "gzip"}),
            ],
            Fault.ENDLESS: [self._lie(endless=True)],
            Fault.REPEAT_PAGE: [self._lie(repeats=True)],
            Fault.REPEAT_RECORDS: [self._lie(doubles=True)],
            Fault.REORDER: [self._lie(shuffles=True)],
            Fault.MISTYPE: [self._lie(mistypes="A-02")],
            Fault.MISCOUNT: [self._lie(miscounts=True)],
        } | (stray if self.links else {})

    async def clear(self) -> None:
        """The server answers well, and the truth."""
        self.server.faults.clear()
        shop = self.server.shop
        shop.endless = shop.repeats = shop.doubles = shop.shuffles = shop.miscounts = False
        shop.mistypes = shop.foreign_next = ""

    def connector(self) -> Connector:
        """An impatient one."""
        return self.impatient()

    def _lie(self, **said: Any) -> Switch:
        def lie() -> None:
            for name, value in said.items():
                setattr(self.server.shop, name, value)

        return _do(lie)


def _do(act: Callable[..., None], *arguments: Any) -> Switch:
    def throw() -> Awaitable[None]:
        act(*arguments)
        return _done()

    return throw


async def _done() -> None:
    pass
