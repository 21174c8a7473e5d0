"""What ``whence serve`` says when it really listens: where, and one query with the answer it gave a moment ago."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import httpx2
from rich.text import Text

from app.cli.documents import KETTLE, KETTLE_BY_SKU, KETTLE_SKU, example_document
from app.cli.output import clean, command_name, console, remark, say
from app.graphql import AUDIENCE_HEADER
from resolvers.ownership import OwnershipMap

ANSWER_SECONDS = 15.0
WIDTH = 110
"""Columns that a part of an answer may take on one line."""


class Banner:
    """For one served map."""

    def __init__(self, ownership: OwnershipMap, audience: str, address: str, *, demo: bool) -> None:
        """``address`` is that of the endpoint; ``audience`` the one of requests that name none."""
        self._audience = audience
        self._address = address
        self._demo = demo
        fields = ownership.fields_for(audience)
        if demo and {"name", "weight", "listPrice"} <= {one.name for one in fields}:
            self.document = KETTLE if ownership.audiences[audience].governance else KETTLE_BY_SKU
        else:
            self.document = example_document(fields)

    async def show(self) -> None:
        """Ask the query over HTTP, and print it with its answer."""
        answer = await self._answer()
        say()
        say(f"Whence answers at {self._address}", "bold green")
        say("Open that in a browser for GraphiQL. Or ask:")
        say()
        for line in self.document.rstrip().splitlines():
            console().print(Text(f"  {line}", "cyan"), soft_wrap=True)
        if answer is not None:
            say()
            say("and it says:")
            say()
            for line in fold(answer).splitlines():
                console().print(Text(f"  {clean(line)}"), soft_wrap=True)
        say()
        if self._demo:
            self._suggest()
        say("Ctrl-C stops everything.")

    def _suggest(self) -> None:
        whence = command_name()
        commands = (
            (f"{whence} demo stop pim", "its facts become the last known, and say so"),
            (f"{whence} demo slow erp 3s", "prices are asked live: the answer comes in time all the same"),
            (f"{whence} product {KETTLE_SKU}", "what everybody says about the kettle now"),
            (f"{whence} demo start pim", "and all is well again"),
        )
        width = max(len(command) for command, _ in commands)
        say("In another terminal, in this directory:")
        for command, why in commands:
            say(f"  {command:<{width}}   # {why}")
        say()

    async def _answer(self) -> Mapping[str, Any] | None:
        try:
            async with httpx2.AsyncClient(timeout=ANSWER_SECONDS, trust_env=False) as client:
                response = await client.post(
                    self._address, json={"query": self.document}, headers={AUDIENCE_HEADER: self._audience}
                )
                answer: Mapping[str, Any] = response.json()
                return answer
        except (httpx2.HTTPError, ValueError) as error:
            remark(f"Its first question was not answered ({type(error).__name__}); the log may say why.", "yellow")
            return None


def fold(value: Any, indent: int = 0) -> str:
    """JSON with a part on one line where it fits, so that an answer reads at a glance."""
    line = json.dumps(value, ensure_ascii=False)
    if len(line) + indent <= WIDTH or not isinstance(value, Mapping | Sequence) or isinstance(value, str):
        return line
    inner = " " * (indent + 2)
    if isinstance(value, Mapping):
        parts = [f"{inner}{json.dumps(key)}: {fold(part, indent + 2)}" for key, part in value.items()]
        return "{\n" + ",\n".join(parts) + "\n" + " " * indent + "}"
    return "[\n" + ",\n".join(inner + fold(part, indent + 2) for part in value) + "\n" + " " * indent + "]"
