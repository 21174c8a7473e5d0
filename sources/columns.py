"""The columns that a declaration names, held against the columns that a system really has."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from difflib import get_close_matches

from sources.contract import Problem
from sources.declaration import FieldMapping, SourceDeclaration
from sources.paths import compile_path

LISTED = 30
"""How many columns a message lists at most."""


def declared_paths(declaration: SourceDeclaration) -> Iterator[tuple[str, str]]:
    """Every path into a record that ``declaration`` names, as (key path within ``[sources.X]``, path)."""
    yield "key", declaration.key
    if declaration.updated_at is not None:
        yield "updated_at", declaration.updated_at
    if declaration.sync.by is not None:
        yield "sync.by", declaration.sync.by
    for position, name in enumerate(declaration.names):
        yield "names" if len(declaration.names) == 1 else f"names[{position}]", name
    for scheme, path in declaration.identifiers.items():
        yield f"identifiers.{scheme}", path
    for field, mappings in declaration.fields.items():
        for position, mapping in enumerate(mappings):
            where = f"fields.{field}" if len(mappings) == 1 else f"fields.{field}[{position}]"
            for member, path in _mapping_paths(mapping):
                yield f"{where}.{member}", path
    for position, statement in enumerate(declaration.statements):
        where = "statements" if len(declaration.statements) == 1 else f"statements[{position}]"
        for member, path in statement.paths():
            yield f"{where}.{member}", path


def missing_columns(declaration: SourceDeclaration, columns: Collection[str]) -> tuple[Problem, ...]:
    """One Problem for each path of ``declaration`` that starts from none of ``columns``, which are all there are."""
    present = set(columns)
    return tuple(
        Problem(where, f"there is no column {path!r}", instead_of(path, columns))
        for where, path in declared_paths(declaration)
        if not compile_path(path).columns & present
    )


def unseen_columns(declaration: SourceDeclaration, columns: Collection[str]) -> tuple[Problem, ...]:
    """One Problem for each path of ``declaration`` that nothing among ``columns`` answers to, where those were only seen
    in a first page: members of members stand there as ``member.member``, and a record may yet hold others."""
    return tuple(
        Problem(where, f"no record of the first page has {path!r}", instead_of(path, columns))
        for where, path in declared_paths(declaration)
        if not _seen(path, columns)
    )


def _seen(path: str, columns: Collection[str]) -> bool:
    known = set(columns)
    if not compile_path(path).columns & known:
        return False
    root, dot, rest = path.partition(".")
    if not dot or path in known or not any(name.startswith(f"{root}.") for name in known):
        return True
    member = rest.partition(".")[0]
    return not member.isidentifier() or f"{root}.{member}" in known


def instead_of(name: str, names: Collection[str]) -> str:
    """What to write instead of ``name``: the closest of ``names``, or the list of them."""
    folded = {candidate.casefold(): candidate for candidate in names}
    close = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    if close:
        return f"write {folded[close[0]]!r}"
    listed = ", ".join(sorted(names)[:LISTED])
    more = f" and {len(names) - LISTED} more" if len(names) > LISTED else ""
    return f"write one of: {listed}{more}" if names else "there are no names to choose from"


def _mapping_paths(mapping: FieldMapping) -> Iterator[tuple[str, str]]:
    if mapping.path is not None:
        yield "path", mapping.path
    elif mapping.note is not None:  # the record itself is the note
        for member in ("text", "author", "created_at", "kind"):
            path = getattr(mapping.note, member)
            if path is not None:
                yield f"note.{member}", path
    for member in ("unit_path", "currency_path", "updated_at", "alt"):
        path = getattr(mapping, member)
        if path is not None:
            yield member, path
