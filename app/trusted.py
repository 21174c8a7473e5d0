"""Whether the documents that audiences trust can be run: each is validated against its audience's schema, within its limits,
before anything is started with them."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

from graphql import GraphQLError

from app.parsing import Parser
from resolvers.mistakes import Mistake, key_path
from resolvers.ownership import Audience, OwnershipMap
from schema.build import build_schema

SHOWN = 300
"""Characters of a reason."""


def check_trusted(ownership: OwnershipMap) -> list[Mistake]:
    """What is wrong with the trusted documents of every audience: each with its hash, its operation and the first reason."""
    return [
        mistake
        for audience in ownership.audiences.values()
        if audience.trusted is not None
        for mistake in _check(ownership, audience)
    ]


async def check_trusted_aside(ownership: OwnershipMap) -> list[Mistake]:
    """As :func:`check_trusted`, in a thread: thousands of documents take seconds."""
    if all(audience.trusted is None for audience in ownership.audiences.values()):
        return []
    return await asyncio.to_thread(check_trusted, ownership)


def _check(ownership: OwnershipMap, audience: Audience) -> Iterator[Mistake]:
    assert audience.trusted is not None
    parser = Parser(build_schema(ownership, audience.name)._schema, audience.limits)
    path = key_path(("audiences", audience.name, "trusted_documents"))
    for name, text in audience.trusted.texts.items():
        what = ""
        try:
            prepared = parser.prepare(text)
            what = "".join(f" ({one.kind.value} {one.name})" for one in prepared.operations[:1] if one.name)
            reason = _reason(prepared.errors) or ("" if prepared.operations else "it holds no operation")
        except GraphQLError as error:
            reason = _reason([error])
        if reason:
            found = f"document {name}{what}, which this audience may not send: {reason}"
            yield Mistake(path, found, "correct it and build the manifest anew, or leave it out")


def _reason(errors: tuple[GraphQLError, ...] | list[GraphQLError]) -> str:
    return " ".join(errors[0].message.split())[:SHOWN].rstrip(".") if errors else ""
