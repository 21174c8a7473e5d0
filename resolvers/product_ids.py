"""Ids of products: stable, opaque, never reused.

A product's id is made from its founding record: the one of the highest-ranked source, for as long as that source is on
its first walk; after that an id stays, whoever joins. Where a product falls apart, its id goes with its founding record
as long as a source on its first walk is among those concerned, and afterwards with most of its records; one that loses
none of its records keeps it. So the ids do not depend on the order of the first syncs, and afterwards they are stable.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from uuid import UUID

from resolvers.identity import Group
from sources.contract import RecordKey


def founded_id(record: RecordKey, generation: int = 0) -> UUID:
    """The product id that ``record`` founds: version 8 (custom), a hash of the record's key."""
    digest = hashlib.blake2b(f"{record.source}\x1f{record.id}\x1f{generation}".encode(), digest_size=16).digest()
    return UUID(int=(int.from_bytes(digest) & ~(0xF << 76) & ~(0x3 << 62)) | (0x8 << 76) | (0x2 << 62))


@dataclass(frozen=True, slots=True)
class Assignment:
    """Each group's id, in the groups' order, and where the ids that are given up lead from now on."""

    ids: tuple[UUID, ...]
    merged: Mapping[UUID, UUID]


def assign_ids(
    groups: Sequence[Group],
    current: Mapping[RecordKey, UUID],
    back: Mapping[RecordKey, UUID],
    rank: Mapping[str, int],
    unsettled: Collection[str],
    occupied: Collection[UUID] = (),
    keeping: Mapping[RecordKey, UUID] | None = None,
) -> Assignment:
    """Ids for ``groups``, given the ids their records have had so far and the sources still on their first walk.

    ``back``: ids that nobody has any more, by the records that had them last and have come back. ``occupied``: ids that
    records outside ``groups`` hold; they are not given again. ``keeping``: ids that these records bring along, before any
    that are held, once all concerned are settled: where a person parts a product, and where that is undone.
    """
    keeping = keeping or {}

    def place(key: RecordKey) -> tuple[int, str]:
        return rank[key.source], key.id

    settling = any(key.source in unsettled for group in groups for key in group.members)
    founders = {founded_id(key): key for group in groups for key in group.members}
    holders = Counter(current.values())
    wishes: list[tuple[tuple[int, int, int], tuple[int, str], int, UUID]] = []
    for index, group in enumerate(groups):
        members = sorted(group.members, key=place)
        best = members[0]
        if best.source in unsettled:
            wishes.append(((0, 0, 0), place(best), index, founded_id(best)))
        elif settling and best in current:
            held, founder = current[best], founders.get(current[best])
            if founder is None or founder in group.members or current.get(founder) != held:
                wishes.append(((1, 0, 0), place(best), index, held))
        else:
            wishes += [
                ((0, order, 0), place(best), index, keeping[key]) for order, key in enumerate(members) if key in keeping
            ]
            wishes += [(urgency, place(best), index, held) for urgency, held in _kept(members, current, holders)]
            wishes += [
                ((3, order, 0), place(best), index, back[key]) for order, key in enumerate(members) if key in back
            ]
    chosen: dict[int, UUID] = {}
    taken: set[UUID] = set(occupied)
    for _, _, index, identity in sorted(wishes):
        if index not in chosen and identity not in taken:
            chosen[index] = identity
            taken.add(identity)
    elsewhere = set(current.values())
    for index, group in enumerate(groups):
        if index not in chosen:
            best = min(group.members, key=place)
            chosen[index] = next(
                identity
                for identity in (founded_id(best, generation) for generation in range(1000))
                if identity not in taken and (identity not in elsewhere or current.get(best) == identity)
            )
            taken.add(chosen[index])
    heirs: dict[UUID, Counter[UUID]] = defaultdict(Counter)
    for index, group in enumerate(groups):
        for key in group.members:
            had = current.get(key) or back.get(key)
            if had is not None and had not in taken:
                heirs[had][chosen[index]] += 1
    merged = {old: min(count, key=lambda new: (-count[new], new)) for old, count in heirs.items()}
    return Assignment(tuple(chosen[index] for index in range(len(groups))), merged)


def _kept(
    members: Sequence[RecordKey], current: Mapping[RecordKey, UUID], holders: Mapping[UUID, int]
) -> Iterator[tuple[tuple[int, int, int], UUID]]:
    """The ids that ``members``, best first, may keep, and how urgently: one that is theirs alone before one that others
    hold too, of the former the one that the best of them founded, of the latter the one that most of them hold."""
    held = Counter(current[key] for key in members if key in current)
    founded = [founded_id(key) for key in members if founded_id(key) in held]
    for order, identity in enumerate([*founded, *sorted(held.keys() - set(founded))]):
        whole = held[identity] == holders[identity]
        yield (1, order, -held[identity]) if whole else (2, -held[identity], order), identity
