"""Opening connectors to the HTTP server of the tests."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from sources.contract import Connector, DocumentPage
from sources.declaration import ConnectorKind, SourceDeclaration
from sources.failures import Failure, SourceFailure
from sources.values import JSON
from tests.upstreams.http_server import HttpServer
from tests.upstreams.http_switches import HttpSwitches
from tests.upstreams.shop import PASSWORD, TOKEN

BEARER = {"kind": "bearer", "token": TOKEN}
SECRETS = (TOKEN, PASSWORD)


def declared(**common: Any) -> SourceDeclaration:
    """A declaration of a source named ``shop``."""
    return SourceDeclaration.model_validate(
        {"name": "shop", "title": "Shop", "connector": "any", "key": "id", "deadline": "2s", **common}
    )


def opened(kind: ConnectorKind[Any], options: Mapping[str, Any], **common: Any) -> Connector:
    """A connector of ``kind``."""
    return kind.open(declared(**common), kind.options.model_validate(options))


async def failure_of(awaitable: Any) -> Failure:
    """The failure with which it ends; no secret in it."""
    with pytest.raises(SourceFailure) as caught:
        await awaitable
    failure = caught.value.failure
    assert not any(secret in failure.message for secret in SECRETS)
    assert "private" not in failure.message
    assert "?" not in failure.message.partition(" does it know")[0], "a query may hold a secret"
    return failure


async def walked(connector: Connector, cursor: JSON = None) -> list[DocumentPage]:
    """All pages."""
    assert connector.changes is not None
    return [page async for page in connector.changes(cursor)]


def ids(pages: Sequence[DocumentPage]) -> list[str]:
    """The ids on ``pages``, in order."""
    return [document.content["id"] for page in pages for document in page.documents]


class HttpUpstream:
    """The upstream of the contract suite: the server, and how one connector reads it."""

    key = "id"
    secrets = SECRETS

    def __init__(
        self,
        server: HttpServer,
        kind: ConnectorKind[Any],
        options: Mapping[str, Any],
        wrong: Sequence[Mapping[str, Any]],
        silent: Sequence[str],
        **common: Any,
    ) -> None:
        self.server, self.kind, self.options, self.wrong, self.silent = server, kind, options, wrong, silent
        self.common = common

    def connector(self) -> Connector:
        return opened(self.kind, self.options, **{"deadline": "20s", **self.common})

    def misdeclared(self) -> Sequence[Connector]:
        other_key = {**self.common, "deadline": "5s", "key": "article_no"}
        changed = [opened(self.kind, {**self.options, **wrong}, **self.common) for wrong in self.wrong]
        return [*changed, opened(self.kind, self.options, **other_key)]

    def dead(self) -> Sequence[Connector]:
        common = {**self.common, "deadline": "100ms"}
        return [opened(self.kind, _moved(self.options, address), **common) for address in self.silent]

    @property
    def faults(self) -> HttpSwitches:
        impatient = {**self.common, "deadline": "50ms", "limits": {"pages": 50}}
        return HttpSwitches(
            self.server,
            lambda: opened(self.kind, {**self.options, "max_bytes": 65536}, **impatient),
            links=self.options.get("paging", {}).get("kind") == "link",
        )

    async def put(self, id: str, values: Mapping[str, JSON]) -> None:  # noqa: A002
        self.server.put(id, values)

    async def remove(self, id: str) -> None:  # noqa: A002
        self.server.shop.remove(id)


def _moved(options: Mapping[str, Any], address: str) -> dict[str, Any]:
    """The options of a system at another host."""
    moved = {**options, "url": address + "/rest"}
    if "url" in options.get("fetch", {}):
        moved["fetch"] = {**options["fetch"], "url": address + "/rest/{key}"}
    return moved
