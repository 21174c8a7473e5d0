"""Linking within a batch: find whom the touched records share keys with, decide anew who is one product, write it down.

What is decided, :mod:`resolvers.identity` says; here it meets the ledger. One transaction links so at a time, and each sees
what the last one did. What is new and plain, :mod:`resolvers.plain_links` links at less cost.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from uuid import UUID

from resolvers.identity import (
    APART,
    Group,
    Keyed,
    Link,
    attach,
    partition,
    unusable,
)
from resolvers.key_values import KeyValue
from resolvers.product_ids import Assignment, assign_ids, founded_id
from resolvers.ties import Ties
from sources.contract import RecordKey
from sources.ledger import links
from sources.ledger.database import Connection
from sources.ledger.meeting import SourceNow, sources_now


async def relink(
    connection: Connection,
    touched: Mapping[RecordKey, Keyed],
    gone: Collection[RecordKey],
    *,
    returned: Mapping[RecordKey, UUID],
    beside: Mapping[RecordKey, Keyed],
    schemes: Sequence[str],
    catalogues: Collection[str],
    at: datetime,
    keeping: Mapping[RecordKey, UUID] | None = None,
) -> dict[RecordKey, UUID]:
    """The product of each record that was looked at: those that were touched or are gone, and all that this means for.

    ``touched``: records that are new or changed. ``gone``: other records, that left. ``returned``: touched records
    that had been gone, and the product they lay under. ``beside``: new records of catalogues, without a key that another
    record of their source has; those that any of the others leads to are touched too. ``keeping``: ids that go with these
    records, see :func:`resolvers.product_ids.assign_ids`. Writes crosswalk, products and former ids, and moves the rows of
    records that change their product; the touched records' own rows are the caller's to write, under the ids returned. The
    caller has the turn (:func:`sources.ledger.links.take_turn`).
    """
    before = await links.keys_of(connection, [*touched, *gone], schemes)
    values = {KeyValue(one.scheme, one.value) for one in before}
    values.update(value for keyed in touched.values() for value in keyed.values)
    known = {key: keyed for key, keyed in touched.items() if key.source in catalogues}
    notes: dict[RecordKey, Keyed] = {key: keyed for key, keyed in touched.items() if key.source not in catalogues}
    ties = Ties()
    near = await ties.look(connection, [*touched, *gone])
    reused = await _close(connection, known, notes, values, near, ties, {*touched, *gone}, beside, schemes, catalogues)

    current = await links.current_links(connection, [*known, *notes, *gone])
    left = {row.product for row in current.values()}
    leaving = {key: current.pop(key).product for key in gone if key in current}
    states = await sources_now(connection)
    groups = partition(
        [replace(keyed, values=(*keyed.values, *ties.values(key, known))) for key, keyed in known.items()],
        schemes,
        reused,
        rank={name: one.rank for name, one in states.items()},
        apart=ties.apart,
        strength=ties.strength,
    )
    assignment = await _assign(connection, groups, states, current, returned, gone, catalogues, keeping or {})
    decided: dict[RecordKey, tuple[UUID, Link]] = {}
    for group, product in zip(groups, assignment.ids, strict=True):
        decided.update((key, (product, link)) for key, link in group.links.items())
    listed = dict.fromkeys(assignment.ids, True)
    merged = dict(assignment.merged)

    attached = await _attach_notes(connection, known, notes, ties, gone, decided, catalogues, schemes)
    for key, (about, link) in attached.items():
        own = founded_id(key)
        if about is None:
            listed[own] = False
        elif key in current and current[key].product == own:
            merged[own] = about
        decided[key] = (about or own, link)

    entangled = _entangled(groups, assignment.ids, known, reused)
    await _write(connection, decided, ties, current, returned, listed, entangled, merged, at)
    await ties.note_linked(connection, {key: product for key, (product, _) in decided.items()})
    if gone:
        await links.mark_gone(connection, gone, at)
    await links.unlist_empty(connection, left - listed.keys())
    return {key: merged.get(product, product) for key, product in leaving.items()} | {
        key: product for key, (product, _) in decided.items()
    }


async def _close(
    connection: Connection,
    known: dict[RecordKey, Keyed],
    notes: dict[RecordKey, Keyed],
    values: Collection[KeyValue],
    near: Collection[RecordKey],
    ties: Ties,
    overridden: Collection[RecordKey],
    beside: Mapping[RecordKey, Keyed],
    schemes: Sequence[str],
    catalogues: Collection[str],
) -> set[tuple[str, KeyValue]]:
    """Add to ``known`` every catalogue record that is joined to those in it by shared ``values``, or by ties, which lead to
    those that are ``near``, over any distance; and to ``notes`` the notes that carry any of those values or are tied to any
    of those records. ``overridden`` records are taken as given, not as stored, and those ``beside`` are not stored yet.

    A value that stands on several stored records of a source joins none of them, before as after: it is not followed
    there, and comes back with that source as reused.
    """
    reused: set[tuple[str, KeyValue]] = set()
    followed: set[KeyValue] = set()
    waiting = {value: keyed for keyed in beside.values() for value in keyed.values}
    frontier, nearby = set(values), set(near)
    while frontier or nearby:
        joining = {waiting[value].key: waiting[value] for value in frontier if value in waiting}
        known.update(joining)
        frontier.update(value for keyed in joining.values() for value in keyed.values)
        followed |= frontier
        found: dict[tuple[str, KeyValue], list[RecordKey]] = defaultdict(list)
        for carrier in await links.carriers(connection, frontier) if frontier else ():
            if carrier.key not in overridden:
                found[carrier.key.source, KeyValue(carrier.scheme, carrier.value)].append(carrier.key)
        reused |= {one for one, carried in found.items() if len(carried) > 1 and one[0] in catalogues}
        fresh = {key for one, carried in found.items() if one not in reused for key in carried}
        nearby -= fresh.union(known, notes, overridden)
        fresh.update(await links.current_links(connection, nearby) if nearby else ())
        fresh -= known.keys() | notes.keys()
        frontier = set()
        for key, keyed in (await stored_keys(connection, fresh, schemes)).items():
            if key.source in catalogues:
                known[key] = keyed
                frontier.update(keyed.values)
            else:
                notes[key] = keyed
        frontier -= followed
        nearby = await ties.look(connection, fresh)
    return reused


async def stored_keys(
    connection: Connection, records: Collection[RecordKey], schemes: Sequence[str]
) -> dict[RecordKey, Keyed]:
    """Records that are there, as identity sees them."""
    if not records:
        return {}
    carried: dict[RecordKey, list[KeyValue]] = {key: [] for key in records}
    for carrier in await links.keys_of(connection, records, schemes):
        carried[carrier.key].append(KeyValue(carrier.scheme, carrier.value))
    invalid = await links.invalid_identifiers(connection, records)
    return {key: Keyed(key, tuple(own), unusable(invalid.get(key, ()))) for key, own in carried.items()}


async def _assign(
    connection: Connection,
    groups: Sequence[Group],
    states: Mapping[str, SourceNow],
    current: Mapping[RecordKey, links.LinkRow],
    returned: Mapping[RecordKey, UUID],
    gone: Collection[RecordKey],
    catalogues: Collection[str],
    keeping: Mapping[RecordKey, UUID],
) -> Assignment:
    members = {key for group in groups for key in group.members}
    present = {key: row.product for key, row in current.items() if key in members}
    # Who comes back to a product that has nobody left brings its id back.
    held = await links.holders(connection, set(returned.values())) if returned else {}
    left = {product for product in returned.values() if held.get(product, set()) <= set(gone)}
    back = {key: product for key, product in returned.items() if key in members and product in left}
    occupied: set[UUID] = set()
    while True:
        assignment = assign_ids(
            groups,
            present,
            back,
            {name: one.rank for name, one in states.items()},
            {name for name, one in states.items() if one.unsettled},
            occupied,
            keeping,
        )
        held = await links.holders(connection, assignment.ids)
        others = {
            product
            for product, keys in held.items()
            if any(key.source in catalogues and key not in members and key not in gone for key in keys)
        }
        if others <= occupied:
            return assignment
        occupied |= others


def _entangled(
    groups: Sequence[Group],
    ids: Sequence[UUID],
    known: Mapping[RecordKey, Keyed],
    reused: Collection[tuple[str, KeyValue]],
) -> set[UUID]:
    """The products of which another product's records have keys too."""
    products: dict[KeyValue, set[UUID]] = defaultdict(set)
    for group, product in zip(groups, ids, strict=True):
        for key in group.members:
            for value in known[key].values:
                products[value].add(product)
    elsewhere = {value for _, value in reused}
    shared = (behind for value, behind in products.items() if len(behind) > 1 or value in elsewhere)
    return {product for behind in shared for product in behind}


async def _attach_notes(
    connection: Connection,
    known: Mapping[RecordKey, Keyed],
    notes: Mapping[RecordKey, Keyed],
    ties: Ties,
    gone: Collection[RecordKey],
    decided: Mapping[RecordKey, tuple[UUID, Link]],
    catalogues: Collection[str],
    schemes: Sequence[str],
) -> dict[RecordKey, tuple[UUID | None, Link]]:
    """What each note is about. A catalogue record that stays apart speaks for a value only where no other does."""
    if not notes:
        return {}
    sure: dict[KeyValue, set[UUID]] = defaultdict(set)
    apart: dict[KeyValue, set[UUID]] = defaultdict(set)
    for key, (product, link) in decided.items():
        for value in known[key].values:
            (apart if link.linked_by == APART else sure)[value].add(product)
    stored = [
        carrier
        for carrier in await links.carriers(connection, {value for note in notes.values() for value in note.values})
        if carrier.key.source in catalogues and carrier.key not in decided and carrier.key not in gone
    ]
    partners = {
        other
        for key in notes
        for apart_from in (False, True)
        for _, other in ties.partners(key, apart=apart_from)
        if other.source in catalogues
    }
    sought = {carrier.key for carrier in stored} | (partners - decided.keys() - set(gone))
    elsewhere = await links.current_links(connection, sought) if sought else {}
    for carrier in stored:
        row = elsewhere[carrier.key]
        (apart if row.linked_by == APART else sure)[KeyValue(carrier.scheme, carrier.value)].add(row.product)
    products: dict[KeyValue, Collection[UUID]] = {value: sure[value] or apart[value] for value in {*sure, *apart}}
    lies = {key: row.product for key, row in elsewhere.items() if key in partners}
    lies |= {key: decided[key][0] for key in partners & decided.keys()}
    strength = ties.strength
    found: dict[RecordKey, tuple[UUID | None, Link]] = {}
    for key, note in notes.items():
        own = {value: (lies[other],) for value, other in ties.partners(key, apart=False) if other in lies}
        barred = {lies[other] for _, other in ties.partners(key, apart=True) if other in lies}
        note = replace(note, values=(*note.values, *own))
        found[key] = attach(note, schemes, {**products, **own}, barred, strength)
    return found


async def _write(
    connection: Connection,
    decided: Mapping[RecordKey, tuple[UUID, Link]],
    ties: Ties,
    current: Mapping[RecordKey, links.LinkRow],
    returned: Mapping[RecordKey, UUID],
    listed: Mapping[UUID, bool],
    entangled: Collection[UUID],
    merged: Mapping[UUID, UUID],
    at: datetime,
) -> None:
    lay_under = {key: row.product for key, row in current.items()} | dict(returned)
    moves = {
        key: (lay_under[key], product)
        for key, (product, _) in decided.items()
        if key in lay_under and lay_under[key] != product
    }
    # The past of a product that is merged goes along: those of its records that are gone.
    past = {
        key: (old, merged[old])
        for key, old in (await links.ever_of(connection, merged) if merged else {}).items()
        if key not in decided
    }
    if moves or past:
        await links.move_records(connection, moves | past)
    if past:
        await links.move_links(connection, {key: new for key, (_, new) in past.items()})
    rows = [
        links.LinkRow(key, product, link.linked_by, link.reason, ties.basis(key, link))
        for key, (product, link) in decided.items()
    ]
    await links.write_links(connection, [row for row in rows if current.get(row.key) != row], at)
    await links.write_products(connection, listed, entangled, merged, at)
