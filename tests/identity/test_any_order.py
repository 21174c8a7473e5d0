"""After any syncs, matches and decisions, in any order, the ledger is as if linked afresh by all that is in effect."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from uuid import UUID

import pytest

from resolvers.deciding import relink_records
from resolvers.identity import Keyed
from resolvers.plain_links import PlainLinking, PlainLinks
from resolvers.refusals import Refused
from sources.contract import RecordKey
from sources.ledger.pairs import Pair
from tests.identity.test_deciding import deciding, matched
from tests.resolvers.ledger_invariants import check_ledger, links, product_ids
from tests.resolvers.memory_source import SOURCES, House
from tests.resolvers.test_linking import random_columns

PEOPLE = ("Ada", "Bob")


async def sync_something(house: House, chance: random.Random) -> None:
    name = chance.choice(SOURCES)
    system = house.systems[name]
    for _ in range(chance.randint(1, 3)):
        record_id = f"{name[0]}{chance.randint(0, 3)}"
        if record_id in system.documents and chance.random() < 0.4:
            system.drop(record_id)
        else:
            system.put(record_id, **random_columns(chance))
    await house.sync_all([name])


async def decide_something(house: House, chance: random.Random) -> bool:
    """One decision of any kind, which may be refused; whether it was taken."""
    ids = await product_ids(house)
    if len(ids) < 2:
        return False
    one, other = chance.sample(sorted(ids), 2)
    people, by = deciding(house), chance.choice(PEOPLE)
    try:
        match chance.choice(["confirm", "confirm", "reject", "merge", "split", "undo", "match"]):
            case "confirm":
                await people.confirm(Pair.of(one, other), by, None)
            case "reject":
                await people.reject(Pair.of(one, other), by, None)
            case "merge":
                await people.merge([ids[one], ids[other]], by, None)
            case "split":
                members = sorted(key for key in ids if ids[key] == ids[one])
                await people.split(ids[one], chance.sample(members, chance.randint(1, len(members))), by, None)
            case "undo":
                found = await house.pool.fetch("select action from match_decisions where undone_at is null order by id")
                await people.undo(chance.choice(found)["action"] if found else UUID(int=1), by, None)
            case "match":
                await matched(house, one, other, chance.choice(["LINK", "LINK", "REVIEW"]), chance.random())
    except Refused:
        return False
    return True


@pytest.mark.parametrize("seed", range(8))
async def test_whatever_happens_the_ledger_is_as_if_linked_afresh(house: House, seed: int) -> None:
    chance = random.Random(seed)
    for name in SOURCES:
        for number in range(chance.randint(1, 3)):
            house.systems[name].put(f"{name[0]}{number}", **random_columns(chance))
    await house.sync_all()
    taken = 0
    for _ in range(14):
        before = await product_ids(house)
        if chance.random() < 0.4:
            await sync_something(house, chance)
        else:
            taken += await decide_something(house, chance)
        await check_ledger(house)
        # Every id that was ever given leads to a product that is or was there.
        lost = await house.pool.fetch(
            "select p from unnest($1::uuid[]) p where not exists (select from products where product_id = p)",
            list(before.values()),
        )
        assert not lost
    assert taken


@pytest.mark.parametrize("seed", range(4))
async def test_when_all_decisions_are_undone_it_is_as_if_they_had_never_been(house: House, seed: int) -> None:
    chance = random.Random(100 + seed)
    for name in SOURCES:
        for number in range(3):
            house.systems[name].put(f"{name[0]}{number}", **random_columns(chance))
    await house.sync_all()
    before = await links(house)
    for _ in range(12):
        await decide_something(house, chance)
    await house.pool.execute("delete from match_pairs")
    actions = await house.pool.fetch("select distinct action from match_decisions where undone_at is null")
    for row in chance.sample(actions, len(actions)):
        await deciding(house).undo(row["action"], "Cleo", None)
    async with house.pool.acquire() as connection, connection.transaction():
        await relink_records(connection, list(before), house.ownership)  # what matching had linked
    assert await links(house) == before
    await check_ledger(house)


async def everything_is_left(_: PlainLinking, newcomers: Sequence[Keyed]) -> PlainLinks:
    return PlainLinks(left=list(newcomers))


@pytest.mark.parametrize("seed", range(6))
async def test_what_is_plain_is_linked_as_if_it_were_not_whatever_was_said_before(house: House, seed: int) -> None:
    """Also of records about which something is known before they come, or that share keys with such."""

    async def run() -> object:
        chance = random.Random(200 + seed)
        await house.empty()
        keys = [RecordKey(name, f"{name[0]}{number}") for name in SOURCES for number in range(3)]
        matches: list[Pair] = []
        for place in range(8):
            pair = Pair.of(*chance.sample(keys, 2))
            if place % 2:
                matches.append(pair)
            else:
                await house.pool.execute(
                    "insert into match_decisions values (gen_random_uuid(), gen_random_uuid(), 'x', $1, $2, $3, $4, $5, "
                    "'Ada', null, '2026-01-01'::timestamptz + make_interval(secs => $6))",
                    *(part for key in pair for part in key), chance.choice(["SAME", "APART"]), float(place),
                )  # fmt: skip
        for key in chance.sample(keys, len(keys)):
            house.systems[key.source].put(key.id, **random_columns(chance))
            await house.sync_all([key.source])
            for pair in [
                one
                for one in matches
                if key in one and all(end.id in house.systems[end.source].documents for end in one)
            ]:
                await matched(house, *pair, "LINK", 0.9 + matches.index(pair) / 100)
        await check_ledger(house)
        return await links(house), await product_ids(house)

    plainly = await run()
    decide = PlainLinking.decide
    PlainLinking.decide = everything_is_left  # type: ignore[assignment, method-assign]
    try:
        assert await run() == plainly
    finally:
        PlainLinking.decide = decide  # type: ignore[method-assign]


async def test_people_and_systems_at_once_end_in_a_ledger_without_contradictions(house: House) -> None:
    chance = random.Random(7)
    for name in SOURCES:
        for number in range(20):
            house.systems[name].put(f"{name[0]}{number}", sku=f"K{chance.randrange(15)}", stock=number)
        house.systems[name].page = 4
    await house.sync_all()
    for name in SOURCES:
        for number in range(0, 20, 2):
            house.systems[name].edit(f"{name[0]}{number}", sku=f"K{chance.randrange(15)}")
        house.systems[name].drop(f"{name[0]}1")

    async def person(seed: int) -> None:
        own = random.Random(seed)
        for _ in range(12):
            await decide_something(house, own)

    reports = await asyncio.gather(*(house.sync(name) for name in SOURCES), *(person(seed) for seed in range(3)))
    assert [report.failure for report in reports if report is not None] == [None] * 4
    await check_ledger(house)
