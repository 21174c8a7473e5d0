"""Blocking as joins: the rules of :mod:`resolvers.matching.candidates`, for all records of a catalogue at once.

``keys(side, key, place)`` holds every key of every record. A key that more than MAX_CARRIERS records of the other side carry
leads nowhere; a record's rarest keys are followed until they have led to MAX_LOOKED_AT records; the best MAX_CANDIDATES
by the sum of the keys' weights are kept.
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator

from resolvers.matching.candidates import MAX_CANDIDATES, MAX_CARRIERS, MAX_LOOKED_AT, WEIGHT_UNIT
from resolvers.matching_whole.tables import Tables

LOT = 4000
"""Records whose candidates are looked for at once."""


def prepare(tables: Tables, from_side: int, to_side: int) -> None:
    """Lay out the keys that lead from one side to the other: ``ways`` (key, carriers) and ``led_to`` (key, place)."""
    let_go(tables)
    tables.run(
        f"""
        create temp table ways as
        select key, count(*)::uinteger as carriers from keys_{to_side}
        where key in (select key from keys_{from_side}) group by key having count(*) <= {MAX_CARRIERS}
        """
    )
    tables.run(f"create temp table led_to as select key, place from keys_{to_side} semi join ways using (key)")


def let_go(tables: Tables) -> None:
    """Drop what :func:`prepare` laid out, which is about as large as a catalogue's keys."""
    tables.run("drop table if exists ways")
    tables.run("drop table if exists led_to")


def candidates(tables: Tables, from_side: int, records: int, begin: int, end: int) -> None:
    """Write into ``found`` the best candidates of the records at ``begin`` up to ``end`` of a side that :func:`prepare` was
    called for: one (left), other (right), and near, the score, 1 for a record's best. ``records`` is the size of the other
    side."""
    columns = "one, other, near" if from_side == 0 else "other, one, near"
    tables.run(
        f"insert into found select {columns} from ({_BEST.format(side=from_side, chosen='place >= $2 and place < $3')})",
        [max(2, records), begin, end, MAX_CANDIDATES],
    )


def fellows(tables: Tables, side: int, records: int, step: int, most: int) -> Iterator[tuple[int, list[int]]]:
    """For every ``step``-th record of a side, the records of the same side that are most like it, at most ``most``, best
    first. Those without any are left out."""
    let_go(tables)
    tables.run(
        f"""
        create temp table ways as
        select key, count(*)::uinteger as carriers from keys_{side}
        where key in (select key from keys_{side} where place % {step} = 0)
        group by key having count(*) <= {MAX_CARRIERS}
        """
    )
    tables.run(f"create temp table led_to as select key, place from keys_{side} semi join ways using (key)")
    # One more than asked, for each finds itself.
    statement = _BEST.format(side=side, chosen="place % $2 = $3")
    last, found = -1, list[int]()
    for ones, others in tables.batches(
        f"select one, other from ({statement}) where one <> other order by one, rank",
        [max(2, records), step, 0, most + 1],
    ):
        for one, other in zip(array("I", ones.tobytes()), array("I", others.tobytes()), strict=True):
            if one != last:
                if found:
                    yield last, found[:most]
                last, found = one, []
            found.append(other)
    if found:
        yield last, found[:most]
    let_go(tables)


# Whole weights have the same sum in any order; the key settles which of two equally rare ones is followed first.
_BEST = f"""
    with followed as (
        select place, key, carriers,
               sum(carriers) over rarest as looked, row_number() over rarest as nth
        from (select place, key from keys_{{side}} where {{chosen}}) join ways using (key)
        window rarest as (partition by place order by carriers, key rows unbounded preceding)
    ), scored as (
        select one.place as one, two.place as other, sum(one.weight) as score
        from (
            select place, key, round({WEIGHT_UNIT} * ln(1 + $1 / carriers::double))::bigint as weight
            from followed where looked <= {MAX_LOOKED_AT} or nth = 1
        ) one join led_to two using (key)
        group by one.place, two.place
    )
    select one, other, row_number() over (partition by one order by score desc, other) as rank,
           (score / max(score) over (partition by one))::float as near
    from scored qualify rank <= $4
"""
