"""A process whose whence.toml may change while it runs: reading it with all checks, and what a person sees of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from app.cli.configuration import Configuration, audience_of
from app.cli.declared import refuse_unopenable
from app.cli.output import clean, remark
from app.reload import CurrentRuntime, Reloaded, keep_map_current
from app.trusted import check_trusted_aside
from resolvers.map_file import MapError
from resolvers.ownership import OwnershipMap


async def read_map(configuration: Configuration) -> OwnershipMap:
    """The map, after everything that can be wrong with it without asking a system. Raises MapError and Ended."""
    ownership = configuration.load()
    audience_of(ownership, configuration.settings)
    await refuse_unopenable(ownership, str(configuration.config), configuration.redactor)
    if mistakes := await check_trusted_aside(ownership):
        raise MapError(str(configuration.config), mistakes)
    return ownership


@asynccontextmanager
async def watching_map(configuration: Configuration, current: CurrentRuntime, *, taking: bool) -> AsyncIterator[None]:
    """Within it ``current`` follows the map's file; ``taking``: what the file says is put into force for all."""
    task = asyncio.create_task(
        keep_map_current(
            current, configuration.config, lambda: read_map(configuration), taking=taking, on_reload=show_reload
        )
    )
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task], timeout=1)


def show_reload(reloaded: Reloaded) -> None:
    """A line for each change and what it takes; or for each mistake, for which the map in use stays."""
    if reloaded.mistakes:
        count = "a mistake" if len(reloaded.mistakes) == 1 else f"{len(reloaded.mistakes)} mistakes"
        remark(f"The map has {count}; the one from before stays in use.", "red")
        for mistake in reloaded.mistakes:
            remark(f"  {clean(mistake)}")
        return
    remark(f"The map changed; it is in use as {reloaded.digest}.")
    for effect in reloaded.taken.effects if reloaded.taken is not None else ():
        remark(f"  {clean(effect)}")
