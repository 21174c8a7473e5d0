"""What must hold in a ledger after whatever was done to it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import replace
from uuid import UUID

import orjson

from resolvers.identity import APART, Keyed, Link, attach, partition, unusable
from resolvers.key_values import MATCHING, PERSON, KeyValue, pair_value
from resolvers.normalise import fold_name
from resolvers.winners import Chooser
from sources.contract import RecordKey
from sources.ledger.pairs import Pair, pair_of
from sources.ledger.source import _folded
from sources.ledger.winners import StandingRecord, WinnersRow, standing_records
from sources.values import decode
from tests.resolvers.memory_source import House

_BROKEN = {
    "a link without its record, or elsewhere": """
        select x.source, x.record_id from crosswalk x left join records r using (product_id, source, record_id)
        where r.source is null or (r.gone_at is null) <> (x.gone_at is null)""",
    "a record laid twice, or without a link": """
        select r.source, r.record_id from records r left join crosswalk x using (product_id, source, record_id)
        where x.source is null""",
    "an alias that leads elsewhere than its record, or of one that is gone": """
        select a.source, a.record_id, a.alias from aliases a left join crosswalk x
            on (x.source, x.record_id, x.product_id) = (a.source, a.record_id, a.product_id) and x.gone_at is null
        where x.source is null""",
    "a value told to be unreadable that is not, or the other way round": """
        (select source, record_id, field from unreadable_values except {unreadable})
        union all ({unreadable} except select source, record_id, field from unreadable_values)""".format(
        unreadable="""select r.source, r.record_id, f.key from records r, jsonb_each(r.claims) f,
            jsonb_array_elements(f.value) e where r.gone_at is null and e ? 'unreadable'"""
    ),
    "a change under another product than its record": """
        select c.source, c.record_id from changes c left join crosswalk x
            on (x.source, x.record_id, x.product_id) = (c.source, c.record_id, c.product_id)
        where x.source is null""",
    "a product that nobody founded": """
        select x.product_id from crosswalk x left join products p using (product_id) where p.product_id is null""",
    "a product that is listed and should not be, or the other way round": """
        select p.product_id from products p where p.listed <> exists (
            select from crosswalk x where x.product_id = p.product_id and x.gone_at is null
            and x.source = any($1::text[]))""",
    "a former id that is in use": """
        select f.former_id from former_ids f join crosswalk x on x.product_id = f.former_id and x.gone_at is null""",
    "a former id that leads to a former id, or to none": """
        select f.former_id from former_ids f left join products p using (product_id)
        where p.product_id is null or exists (select from former_ids g where g.former_id = f.product_id)""",
    "a pair that matching links and is not noted as it lies": """
        select p.* from match_pairs p
        join crosswalk x on (x.source, x.record_id) = (p.left_source, p.left_record) and x.gone_at is null
        join crosswalk y on (y.source, y.record_id) = (p.right_source, p.right_record) and y.gone_at is null
        where p.verdict = 'LINK' and p.linked <> (x.product_id = y.product_id) and not exists (
            select from match_decisions d where d.undone_at is null
            and (d.left_source, d.left_record, d.right_source, d.right_record)
              = (p.left_source, p.left_record, p.right_source, p.right_record))""",
    "two records on one product that a person keeps apart": """
        select x.product_id, d.* from match_decisions d
        join crosswalk x on (x.source, x.record_id) = (d.left_source, d.left_record) and x.gone_at is null
        join crosswalk y on (y.source, y.record_id) = (d.right_source, d.right_record) and y.gone_at is null
        where x.product_id = y.product_id and (x.source = any($1::text[]) or y.source = any($1::text[]))
        and d.undone_at is null and d.verdict = 'APART' and not exists (
            select from match_decisions e where e.undone_at is null and e.decided_at > d.decided_at
            and (e.left_source, e.left_record, e.right_source, e.right_record)
              = (d.left_source, d.left_record, d.right_source, d.right_record))""",
    "a product with two records of one catalogue": """
        select product_id, source from crosswalk where gone_at is null and source = any($1::text[])
        group by product_id, source having count(*) > 1""",
}


_LOOSE = """
select p.product_id from products p join aliases a on a.product_id = p.product_id
join aliases b on b.folded = a.folded and b.scheme = a.scheme and b.product_id <> a.product_id
where not p.entangled and a.scheme = any($2::text[]) and a.source = any($1::text[]) and b.source = any($1::text[])
"""


async def check_ledger(house: House) -> None:
    """Raises AssertionError, naming the rows, where the ledger contradicts itself, or its links the records' keys."""
    catalogues = [name for name, one in house.ownership.sources.items() if one.declaration.per_product == "one"]
    for what, query in _BROKEN.items():
        rows = await house.pool.fetch(query, *([catalogues] if "$1" in query else []))
        assert not rows, f"{what}: {rows}"
    loose = await house.pool.fetch(_LOOSE, catalogues, list(house.ownership.identity_keys))
    assert not loose, f"a product that shares keys with another one and is not entangled: {loose}"
    await _check_aliases(house)
    await _check_history(house)
    await check_winners(house)
    kept, decided = await links(house), await links_from_scratch(house, catalogues)
    assert kept.keys() == decided.keys()
    assert not (wrong := {key: (kept[key], decided[key]) for key in kept if kept[key] != decided[key]}), wrong


async def _check_aliases(house: House) -> None:
    """Each present record's names and identifiers are aliases of its product, and nothing else is."""
    expected = set()
    for row in await house.pool.fetch(
        "select source, record_id, product_id, names, identifiers from records where gone_at is null"
    ):
        key = (row["source"], row["record_id"], row["product_id"])
        expected |= {(*key, "name", fold_name(name)) for name in row["names"]}
        expected |= {(*key, one["scheme"], one["value"]) for one in row["identifiers"] if "value" in one}
        folded = fold_name(row["record_id"])
        if row["record_id"] not in (folded, folded.upper()):
            expected.add((*key, "record", folded))
    found = await house.pool.fetch("select source, record_id, product_id, scheme, folded from aliases")
    assert {tuple(row) for row in found} == expected


async def _check_history(house: House) -> None:
    """What the change log adds up to is what the records say."""
    rows = await house.pool.fetch("select source, record_id, kind, claims, batch from changes order by source, batch")
    told = {
        (row["source"], row["record_id"]): {name: said for name, said in row["claims"].items() if said}  # type: ignore[attr-defined]
        for row in _folded(rows)
    }
    kept = {
        (row["source"], row["record_id"]): row["claims"]
        for row in await house.pool.fetch("select source, record_id, claims from records where gone_at is null")
    }
    for key in told.keys() | kept.keys():
        for name in told[key].keys() | kept[key].keys():
            said, held = told[key][name], kept[key][name]
            kind = house.ownership.fields[name].type
            # read, and not as written: "0.850" and "0.85" are one value, and the log keeps the form that came first
            assert [{**one, "value": decode(kind, one["value"])} for one in said] == [
                {**one, "value": decode(kind, one["value"])} for one in held
            ], (key, name)


async def check_winners(house: House) -> int:
    """Every row of winners is what the records of its product make; how many rows there are."""
    chooser = Chooser(house.ownership)
    async with house.pool.acquire() as connection:
        rows = await connection.fetch("select * from winners where rules = $1", chooser.rules)
        records: dict[UUID, list[StandingRecord]] = defaultdict(list)
        for record in await standing_records(connection, [row["product_id"] for row in rows]):
            records[record.product].append(record)
    for row in rows:
        kept = WinnersRow(*(row[name] for name in ("product_id", "plain", "origins", "scoped", "undecided")))
        assert kept == chooser.row(kept.product, records[kept.product])
    return len(rows)


async def links(house: House) -> dict[RecordKey, tuple[frozenset[RecordKey], Link]]:
    """How each present record is linked: with whom, by what, and what is told about it."""
    rows = await house.pool.fetch("select * from crosswalk where gone_at is null")
    members: dict[UUID, set[RecordKey]] = defaultdict(set)
    for row in rows:
        members[row["product_id"]].add(RecordKey(row["source"], row["record_id"]))
    return {
        RecordKey(row["source"], row["record_id"]): (
            frozenset(members[row["product_id"]]),
            Link(row["linked_by"], row["reason"]),
        )
        for row in rows
    }


async def product_ids(house: House) -> dict[RecordKey, UUID]:
    """The product of each present record."""
    rows = await house.pool.fetch("select source, record_id, product_id from crosswalk where gone_at is null")
    return {RecordKey(row["source"], row["record_id"]): row["product_id"] for row in rows}


async def links_from_scratch(house: House, catalogues: list[str]) -> dict[RecordKey, tuple[frozenset[RecordKey], Link]]:
    """What :func:`links` must be: the identity of all present records, decided at once."""
    schemes = house.ownership.identity_keys
    keyed: dict[RecordKey, Keyed] = {}
    for row in await house.pool.fetch("select source, record_id, identifiers from records where gone_at is null"):
        key = RecordKey(row["source"], row["record_id"])
        values = tuple(
            KeyValue(one["scheme"], one["value"])
            for one in row["identifiers"]
            if "value" in one and one["scheme"] in schemes
        )
        invalid = [(one["scheme"], one["raw"], one["invalid"]) for one in row["identifiers"] if "invalid" in one]
        keyed[key] = Keyed(key, values, unusable(invalid))
    ids = await product_ids(house)
    members: dict[UUID, set[RecordKey]] = defaultdict(set)
    told: dict[RecordKey, tuple[UUID, Link]] = {}
    rank = {row["name"]: row["rank"] for row in await house.pool.fetch("select name, rank from sources")}
    same, apart, strength = await _said(house)
    tied: dict[RecordKey, list[KeyValue]] = defaultdict(list)
    for pair, value in same.items():
        if all(end in keyed for end in pair) and pair.left.source != pair.right.source:
            for end in pair:
                tied[end].append(value)
    groups = partition(
        [
            replace(one, values=(*one.values, *(value for value in tied[one.key] if _in(value, catalogues))))
            for one in keyed.values()
            if one.key.source in catalogues
        ],
        schemes,
        rank=rank,
        apart=apart,
        strength=strength,
    )
    for group in groups:
        product = ids[min(group.members)]
        for key, link in group.links.items():
            told[key] = product, link
            members[product].add(key)
    behind = _behind(keyed, told)
    for key, one in keyed.items():
        if key.source not in catalogues:
            own = {
                value: {told[other][0]}
                for pair, value in same.items()
                if key in pair and (other := pair.other(key)) in told and other.source in catalogues
            }
            barred = {told[pair.other(key)][0] for pair in apart if key in pair and pair.other(key) in told}
            product_or_none, link = attach(
                replace(one, values=(*one.values, *own)), schemes, behind | own, barred, strength
            )
            product = ids[key] if product_or_none is None else product_or_none
            told[key] = product, link
            members[product].add(key)
    return {key: (frozenset(members[product]), link) for key, (product, link) in told.items()}


async def _said(house: House) -> tuple[dict[Pair, KeyValue], list[Pair], dict[KeyValue, float]]:
    """What is in effect: the pairs that are joined, and by which value; those kept apart; and how strong a value is."""
    decided: dict[Pair, tuple[str, float]] = {}
    for row in await house.pool.fetch(
        "select left_source, left_record, right_source, right_record, verdict, decided_at from match_decisions "
        "where undone_at is null order by decided_at, id"
    ):
        decided[pair_of(row)] = row["verdict"], row["decided_at"].timestamp()
    same = {pair: pair_value(PERSON, pair) for pair, (verdict, _) in decided.items() if verdict == "SAME"}
    strength = {pair_value(PERSON, pair): at for pair, (_, at) in decided.items()}
    for row in await house.pool.fetch(
        "select left_source, left_record, right_source, right_record, probability from match_pairs where verdict = 'LINK'"
    ):
        if (pair := pair_of(row)) not in decided:
            same[pair] = pair_value(MATCHING, pair)
            strength[same[pair]] = row["probability"]
    return same, [pair for pair, (verdict, _) in decided.items() if verdict == "APART"], strength


def _in(value: KeyValue, catalogues: list[str]) -> bool:
    source, _, other_source, _ = orjson.loads(value.value)
    return source in catalogues and other_source in catalogues


def _behind(keyed: Mapping[RecordKey, Keyed], told: Mapping[RecordKey, tuple[UUID, Link]]) -> dict[KeyValue, set[UUID]]:
    sure: dict[KeyValue, set[UUID]] = defaultdict(set)
    apart: dict[KeyValue, set[UUID]] = defaultdict(set)
    for key, (product, link) in told.items():
        for value in keyed[key].values:
            (apart if link.linked_by == APART else sure)[value].add(product)
    return {value: sure[value] or apart[value] for value in {*sure, *apart}}
