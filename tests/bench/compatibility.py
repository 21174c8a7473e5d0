"""``make bench NAME=compatibility``: what a verdict costs beside reading the two products' facts, and a page of partners."""

from __future__ import annotations

import argparse
import json
import random
import sys
from collections.abc import Sequence
from typing import Any
from urllib.parse import urlsplit

from app.settings import Settings
from app.wiring import build_runtime
from resolvers.map_file import parse_map
from tests.bench.client import Client
from tests.bench.goals import Goal, Table
from tests.bench.installation import Installation
from tests.bench.processes import Process, cpu_of_tree, peak_of_tree
from tests.bench.servers import BenchServer
from tests.bench.stage import Stage, play

PRODUCTS = 1_000_000
STATEMENTS_EACH = 5
RULES = 50
FACTS = 5
"""Texts, and as many quantities, that every product has besides its name and category."""
PAIRS = 1000
"""Pairs that are asked about; of a fifth of them a page too."""
DATABASE = "whence_bench_compatibility"

VERDICT = """query ($a: ProductLookup!, $b: ProductLookup!) { compatibility(product: $a, with: $b) {
  verdict summary conditions evidence { kind verdict sentence source sourceRecordId rule lastUpdated freshness decisive }
  missing { sentence steward { name } } } }"""
PAGE = """query ($a: ProductLookup!) { product(by: $a) { compatibleWith(first: 20) {
  edges { node { verdict summary with { id } } } pageInfo { hasNextPage endCursor } } } }"""


def facts_document() -> str:
    """Every fact of two products, with what a verdict tells of each."""
    told = "status freshness source sourceRecordId lastUpdated"
    texts = " ".join(f"t{number} {{ value {told} }}" for number in range(FACTS))
    sizes = " ".join(f"q{number} {{ value {{ amount unit }} {told} }}" for number in range(FACTS))
    inner = f"id name {{ value {told} }} category {{ value {told} }} {texts} {sizes}"
    return f"query ($a: ProductLookup!, $b: ProductLookup!) {{ productsBy(lookups: [$a, $b]) {{ {inner} }} }}"


def map_text() -> str:
    """The map: one catalogue, one table of statements, and a rule for each pair of neighbouring categories."""
    lines = [
        '[audiences.internal]\ngovernance = true\n[identity]\nkeys = ["sku"]',
        '[compatibility]\ncategory = "category"\nevidence = ["fits", "rules"]',
        '[sources.catalogue]\ntitle = "Catalogue"\nconnector = "file"\npath = "nothing.csv"\nkey = "sku"\nnames = ["name"]',
        'identifiers = { sku = "sku" }\n[sources.catalogue.fields]\nname = "name"\ncategory = "category"',
        *(f't{number} = "t{number}"\nq{number} = {{ path = "q{number}", unit = "mm" }}' for number in range(FACTS)),
        '[sources.fits]\ntitle = "Fitment"\nconnector = "file"\npath = "nothing.csv"\nkey = "row"\nper_product = "many"',
        '[sources.fits.statements]\nsubject = { sku = "part" }\nobject = { sku = "of" }\nrelation = "fits"',
        '[fields.name]\ntype = "text"\nsystem_of_record = "catalogue"',
        '[fields.category]\ntype = "text"\nsystem_of_record = "catalogue"',
    ]
    for number in range(FACTS):
        lines.append(
            f'[fields.t{number}]\ntype = "text"\nsystem_of_record = "catalogue"\nsteward = {{ name = "Data" }}'
        )
        lines.append(f'[fields.q{number}]\ntype = "quantity"\nunit = "mm"\nsystem_of_record = "catalogue"')
    for number in range(RULES):
        text, size = number % FACTS, (number + 1) % FACTS
        lines.append(
            f'[rules.r{number}]\na = {{ category = "C{number}" }}\nb = {{ category = "C{(number + 1) % RULES}" }}\n'
            f'check = "a.t{text} == b.t{text} && a.q{size} <= b.q{text}"\n'
            f'holds = "{{a}} fits {{b}}: {{a.q{size}}} in {{b.q{text}}}."\nfails = "{{a}} does not fit {{b}}."'
        )
    return "\n".join(lines)


_CLAIM = (
    "jsonb_build_array(jsonb_build_object('value', {value}, 'lastUpdated', '2026-05-02T09:00:00Z', "
    "'basis', 'SOURCE_RECORD'))"
)


def filling(products: int) -> list[str]:
    """The statements that fill a migrated ledger: as a sync would have, in a fraction of its time."""
    values = {"name": "'Part ' || n", "category": f"'C' || n % {RULES}"}
    values |= {f"t{number}": f"'v' || (n / {RULES}) % 2" for number in range(FACTS)}
    values |= {
        f"q{number}": "jsonb_build_object('amount', (10 + n % 17)::text, 'unit', 'mm')" for number in range(FACTS)
    }
    claims = ", ".join(f"'{name}', {_CLAIM.format(value=value)}" for name, value in values.items())
    each = f"from generate_series(1, {products}) as n"
    one = "md5(n::text)::uuid"
    sku = "'sku-' || n"
    now = "timestamptz '2026-11-01'"
    return [
        f"insert into products (product_id, listed, founded_at) select {one}, true, {now} {each}",
        f"insert into crosswalk (source, record_id, product_id, linked_by, confidence, linked_at) "
        f"select 'catalogue', {sku}, {one}, 'sku', 1, {now} {each}",
        f"insert into records (product_id, source, record_id, document, claims, names, identifiers, updated_at, observed_at) "
        f"select {one}, 'catalogue', {sku}, '{{}}', jsonb_build_object({claims}), jsonb_build_array('Part ' || n), "
        f"jsonb_build_array(jsonb_build_object('scheme', 'sku', 'value', {sku}, 'raw', {sku})), {now}, {now} {each}",
        f"insert into aliases (source, record_id, scheme, folded, alias, product_id) "
        f"select 'catalogue', {sku}, 'sku', {sku}, {sku}, {one} {each}",
        f"insert into aliases (source, record_id, scheme, folded, alias, product_id) "
        f"select 'catalogue', {sku}, 'field.category', 'c' || n % {RULES}, 'C' || n % {RULES}, {one} {each}",
        *(
            f"insert into aliases (source, record_id, scheme, folded, alias, product_id) "
            f"select 'catalogue', {sku}, 'field.t{number}', {values[f't{number}']}, '', {one} {each}"
            for number in range(FACTS)
        ),
        f"insert into statements (source, record_id, number, subject, object, relation, verdict, qualifiers, last_updated, "
        f"observed_at, mapping) select 'fits', n || '-' || k, 0, 'sku=' || {sku}, 'sku=sku-' || "
        f"(1 + (n::bigint * 7919 + k * 104729) % {products}), 'fits', "
        f"case when k = 4 then 'INCOMPATIBLE' else 'COMPATIBLE' end, '{{}}', {now}, {now}, 0 "
        f"{each}, generate_series(0, {STATEMENTS_EACH - 1}) as k",
        "update cursors set confirmed_at = now()",
        "update sources set settled_at = now()",
        "vacuum analyze",
    ]


def _arguments(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--pairs", type=int, default=PAIRS, metavar="N", help=f"default: {PAIRS:,}")
    parser.add_argument(
        "--products", type=int, default=PRODUCTS, metavar="N", help=f"default: {PRODUCTS:,}, about 4 GB of disk"
    )


async def _work(stage: Stage) -> None:
    products: int = stage.options.products
    async with BenchServer.start(stage.directory / "ledger") as server:
        url = await server.create(DATABASE)
        place = stage.directory / "company"
        place.mkdir(mode=0o755)
        (place / "whence.toml").write_text(map_text())
        async with build_runtime(parse_map(map_text(), {}), url, Settings(database_url=url)) as runtime:
            with stage.step(f"{products:,} products, {products * STATEMENTS_EACH:,} statements"):
                for statement in filling(products):
                    await server.execute(DATABASE, statement)
            with stage.step("Winners chosen ahead", products) as advance:
                await runtime.readying.catch_up(advance)
        await server.execute(DATABASE, "vacuum analyze")
        await server.settle(DATABASE)
        installation = Installation(place / "whence.toml", place, url)
        async with installation.serving("--no-sync") as (process, address):
            await measure(stage, server, process, address, products)


async def measure(stage: Stage, server: BenchServer, process: Process, address: str, products: int) -> None:
    """Each kind of question in turn, over the same pairs; the first round warms up and does not count."""
    asked = questions(products, stage.options.pairs)
    costs: dict[str, tuple[float, float]] = {}
    peaks: dict[str, float] = {}
    warm = 0.0
    async with Client(urlsplit(address).hostname or "", urlsplit(address).port or 0) as client:
        for name in (*asked, *asked):
            document, variables = asked[name]
            before = cpu_of_tree(process.pid), server.cpu()
            with stage.step(f"{len(variables)} × {name}", len(variables)) as advance:
                for one in variables:
                    _, answer = await client.post(json.dumps({"query": document, "variables": one}).encode())
                    assert "errors" not in answer, answer["errors"]
                    advance(1)
            after = cpu_of_tree(process.pid), server.cpu()
            own, ledger = (1000 * (end - start) / len(variables) for end, start in zip(after, before, strict=True))
            warm = max(peaks.values()) if len(peaks) == len(asked) and not warm else warm
            costs[name], peaks[name] = (own, ledger), peak_of_tree(process.pid) / 2**20
    rows = tuple((name, own, ledger, peaks[name]) for name, (own, ledger) in costs.items())
    head = ("question", "Whence, ms of CPU", "ledger, ms of CPU", "peak, MB")
    stage.report.tables.append(Table("A question", head, rows))
    whole = {name: sum(cost) for name, cost in costs.items()}
    stage.report.goals += [
        Goal("a verdict, beside reading the two products' facts", 3, "×", whole["verdict"] / whole["facts"]),
        Goal("a page of 20 partners, beside a verdict", 4, "×", whole["page"] / whole["verdict"]),
        Goal("its peak memory at the end, beside that after one round of each", 1.1, "×", max(peaks.values()) / warm),
    ]


def questions(products: int, count: int = PAIRS) -> dict[str, tuple[str, list[dict[str, Any]]]]:
    """Each kind of question: its document, and the variables with which it is asked. ``count`` pairs, half of which are
    stated, and of half a rule decides."""
    chance = random.Random(5)
    pairs = []
    for _ in range(count):
        number, k = chance.randrange(1, products), chance.randrange(STATEMENTS_EACH)
        stated = 1 + (number * 7919 + k * 104729) % products
        ruled = number + 1 if number < products else 1
        pairs.append((number, stated if chance.random() < 0.5 and stated != number else ruled))
    of_pairs = [{"a": _by(a), "b": _by(b)} for a, b in pairs]
    return {
        "facts": (facts_document(), of_pairs),
        "verdict": (VERDICT, of_pairs),
        "page": (PAGE, [{"a": _by(a)} for a, _ in pairs[: -(-count // 5)]]),
    }


def _by(number: int) -> dict[str, str]:
    return {"sku": f"sku-{number}"}


def main(words: Sequence[str] | None = None) -> int:
    """Run the measurement; its exit code."""
    return play("compatibility", __doc__ or "", _arguments, _work, words)


if __name__ == "__main__":
    sys.exit(main())
