"""``whence search``: products by what any department calls them."""

from __future__ import annotations

from app.cli.asking import ask, called
from app.cli.configuration import Configuration, audience_of
from app.cli.documents import SEARCH
from app.cli.ending import Ended, ExitCode
from app.cli.ledger import open_runtime
from app.cli.output import remark, table, write_json


async def search(configuration: Configuration, text: str, first: int, as_json: bool) -> int:
    """Print the hits, best first; its exit code: 1 where there is none."""
    async with open_runtime(configuration) as runtime:
        audience = audience_of(runtime.ownership, configuration.settings)
        answer = await ask(runtime, configuration.redactor, audience, SEARCH, {"text": text, "first": first})
    hits = [edge["node"] for edge in answer["data"]["search"]["edges"]]
    if as_json:
        write_json(answer)
        return ExitCode.FINE if hits else ExitCode.FAILED
    if not hits:
        raise Ended(ExitCode.FAILED, f"No product is called {text!r} by any system, nor anything near it.")
    rows = [
        (hit["alias"], hit["source"], hit["scheme"] or "", hit["product"]["id"], called(hit["product"]["crosswalk"]))
        for hit in hits
    ]
    table(None, ("matched", "system", "as", "product", "called"), rows)
    if answer["data"]["search"]["pageInfo"]["hasNextPage"]:
        remark(f"There are more than these {len(hits)}: --first asks for up to 100.", "dim")
    return ExitCode.FINE
