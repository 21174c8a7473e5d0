"""What PostgreSQL alone takes to hold what a ledger holds: the same rows, inserted by one statement a table.

It is what is left of a first sync when everything else costs nothing, and says which table and which index it goes into.
"""

from __future__ import annotations

from tests.bench.goals import Table
from tests.bench.world import LEDGER, World

_TABLES = "select relname from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace and reltuples > 0"
_COLUMNS = (
    "select quote_ident(attname) from pg_attribute where attrelid = $1::regclass and attnum > 0 and not attisdropped"
)
_INDEXES = """
select c.relname, pg_get_indexdef(i.indexrelid) as definition
from pg_index i join pg_class c on c.oid = i.indexrelid where i.indrelid = $1::regclass order by 1
"""


async def measure_floor(world: World) -> None:
    """Fill the report with what each table of a loaded ledger costs to write, without its indexes and with each."""
    await world.load()
    records = world.systems.records
    rows: list[tuple[str | float, ...]] = []
    for (table,) in await world.ledger.fetch(LEDGER, _TABLES):
        with world.stage.step(f"Writing the rows of {table} once more"):
            bare = await _written(world, table, "")
            costs = [(f"{table}, no index", bare)]
            for name, definition in await world.ledger.fetch(LEDGER, _INDEXES, table):
                head, _, tail = definition.partition(" ON public.")
                index = f"{head.partition('INDEX')[0]}INDEX ON again{tail[tail.index(' ') :]}"
                costs.append((f"  {name}", await _written(world, table, index) - bare))
        rows += [
            (name, cpu * 1e6 / records) for name, cpu in costs if max(cpu for _, cpu in costs) * 1e6 / records >= 1
        ]
    rows.append(("all", sum(float(row[1]) for row in rows)))
    note = "One INSERT a table of what the ledger holds after a first sync. Tables below 1 µs a record are left out."
    title = "What PostgreSQL alone takes to hold it"
    world.stage.report.tables.append(Table(title, (title.lower(), "µs of CPU a record"), tuple(rows), note))


async def _written(world: World, table: str, index: str) -> float:
    """CPU seconds for writing the rows of ``table`` into a new one with one ``index``, or none."""
    names = ", ".join(row[0] for row in await world.ledger.fetch(LEDGER, _COLUMNS, table))
    await world.ledger.execute(
        LEDGER, f"create table again (like {table} including defaults including identity); {index}"
    )
    try:
        await world.ledger.flush()
        before = world.ledger.cpu()
        overriding = "overriding system value"
        await world.ledger.execute(LEDGER, f"insert into again ({names}) {overriding} select {names} from {table}")
        await world.ledger.flush()
        return world.ledger.cpu() - before
    finally:
        await world.ledger.execute(LEDGER, "drop table again")
