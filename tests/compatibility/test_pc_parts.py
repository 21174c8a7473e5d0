"""Real parts, configured by one whence.toml: every verdict against the truths that come with the data."""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from app.settings import Settings
from app.sync import sync_once
from app.wiring import Runtime, build_runtime
from resolvers.compatibility.viewing import fields_seen
from resolvers.map_file import load_map
from tests.conftest import product_data
from tests.upstreams.http_server import HttpServer

WHENCE_TOML = Path(__file__).with_name("pc-parts.toml")
KINDS = ("CPU", "CPUCooler", "GPU", "Motherboard", "PCCase", "RAM")


def truths() -> list[dict[str, str]]:
    with (product_data() / "pc-parts" / "truths.csv").open(encoding="utf-8") as file:
        return list(csv.DictReader(file))


def parts() -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every part that a truth is about, by its id."""
    wanted = {row[side] for row in truths() for side in ("a", "b")}
    for kind in KINDS:
        with (product_data() / "pc-parts" / "buildcores" / f"{kind}.jsonl").open(encoding="utf-8") as file:
            for line in file:
                part = json.loads(line)
                if part["opendb_id"] in wanted:
                    yield part["opendb_id"], {"kind": kind, **part}


@pytest.mark.needs("product-data")
async def test_every_verdict_is_the_truth(database_url: str) -> None:
    with HttpServer() as server:
        server.shop.cap = 1000
        for key, part in parts():
            server.put(key, part)
        ownership = load_map(WHENCE_TOML, {"PARTS_URL": server.url("/rest/page")})
        async with build_runtime(ownership, database_url, Settings(database_url=database_url)) as runtime:
            (report,) = await sync_once(runtime, ["parts"])
            assert report.failure is None
            wrong = await _wrong(runtime)
    assert wrong == Counter()


async def _wrong(runtime: Runtime) -> Counter[tuple[str, str, str]]:
    """How often a rule gave which verdict where the truth is another; and each verdict that does not say enough."""
    rows = await runtime.pool.fetch("select record_id, product_id from crosswalk")
    products = {row["record_id"]: row["product_id"] for row in rows}
    viewer = fields_seen(runtime.ownership, "internal")
    wrong: Counter[tuple[str, str, str]] = Counter()
    for truth in truths():
        one, other = products[truth["a"]], products[truth["b"]]
        found = (await runtime.judging.hear(one, [other], {}, viewer)).judgement(other)
        if found.verdict != truth["verdict"]:
            wrong[truth["rule"], truth["verdict"], found.verdict] += 1
        if found.verdict == "UNKNOWN" and not all(one.definition and one.steward for one in found.missing):
            wrong[truth["rule"], "missing", found.summary] += 1
        if found.verdict != "UNKNOWN" and [one.rule for one in found.evidence if one.decisive] != [truth["rule"]]:
            wrong[truth["rule"], "evidence", found.summary] += 1
    return wrong
