"""What of a valid ownership map its connectors do not take: found before anything is started."""

from __future__ import annotations

from app.redaction import Redactor
from resolvers.map_file import MapError, Mistake
from resolvers.ownership import OwnershipMap
from sources.guard import GuardedSource
from sources.mapping import Mapping


def open_each(ownership: OwnershipMap, redactor: Redactor) -> tuple[dict[str, GuardedSource], list[Mistake]]:
    """Every source that can be opened (it connects to nothing yet), and what is wrong with the others."""
    opened: dict[str, GuardedSource] = {}
    mistakes: list[Mistake] = []
    shapes = ownership.shapes()
    for name, source in ownership.sources.items():
        try:
            connector = source.kind.open(source.declaration, source.options)
        except ValueError as error:
            found = f"options that contradict each other: {redactor.text(str(error)).rstrip('.')}"
            mistakes.append(Mistake(f"sources.{name}", found, "change one of them"))
            continue
        mapping = Mapping(source.declaration, shapes)
        opened[name] = GuardedSource(connector, mapping, source.declaration, redact=redactor.text)
        mistakes += _reading(name, opened[name])
    return opened, mistakes


def _reading(name: str, source: GuardedSource) -> list[Mistake]:
    path = f"sources.{name}.read"
    if source.declaration.read == "live" and source.fetch is None:
        return [Mistake(path, '"live", of a system that cannot be asked by key', 'write "stored", or say how: fetch')]
    if source.declaration.read == "stored" and source.changes is None:
        return [Mistake(path, '"stored", of a system that cannot be listed', 'write "live", or say how it is paged')]
    return []


async def refuse_unopenable(ownership: OwnershipMap, place: str, redactor: Redactor) -> None:
    """Raises MapError where a source cannot be opened as declared."""
    opened, mistakes = open_each(ownership, redactor)
    for source in opened.values():
        await source.close()
    if mistakes:
        raise MapError(place, mistakes)
