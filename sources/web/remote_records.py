"""Finding the records in what a remote system answered."""

from __future__ import annotations

import asyncio
from collections.abc import Collection, Mapping, Sequence
from typing import Annotated

import jmespath
import jmespath.exceptions
from pydantic import AfterValidator

from sources.contract import PROBLEM, Document, Problem
from sources.failures import FailureKind, SourceFailure
from sources.interpretation.plain_text import plain_text
from sources.interpretation.unreadable import UnreadableValue
from sources.paths import Path
from sources.values import JSON

_AT_ONCE = 2000


def _compiles(text: str) -> str:
    try:
        jmespath.compile(text)
    except jmespath.exceptions.JMESPathError:
        raise ValueError('it is no JMESPath expression; write one such as "data.items"') from None
    return text


JMESPath = Annotated[str, AfterValidator(_compiles)]
"""A JMESPath expression, tested when whence.toml is read."""


class Misdeclared(SourceFailure):
    """A failure that the declaration explains: ``problem`` says which key of it, and what to write."""

    def __init__(self, kind: FailureKind, place: str, problem: Problem) -> None:
        super().__init__(kind, f"{place}: {problem.found} ({problem.path}); {problem.instead}")
        self.problem = problem


def at(path: str, value: JSON) -> JSON:
    """What stands at ``path`` in ``value``, or None; None too where the expression does not suit the value."""
    try:
        return jmespath.search(path, value)
    except jmespath.exceptions.JMESPathError:
        return None


def whole_number(path: str | None, value: JSON) -> int | None:
    """The count that stands at ``path``, or None where there is none."""
    found = at(path, value) if path else None
    return found if isinstance(found, int) and not isinstance(found, bool) and found >= 0 else None


def records_at(path: str | None, body: JSON, place: str, option: str = "records") -> list[Mapping[str, JSON]]:
    """The records in the list at ``path`` in ``body`` (None: the body itself), nulls left out. One that could not be read
    whole says why under PROBLEM.

    ``option`` is the key of the declaration that names the path. Raises Misdeclared where no list of objects is there."""
    found = body if path is None else at(path, body)
    if not isinstance(found, list):
        raise Misdeclared(
            FailureKind.MISSING_OBJECT if found is None else FailureKind.GARBLED,
            place,
            Problem(
                option,
                f"{kind_of(found)} where the list of records should be",
                f"write the JMESPath to the list; {_hint(body)}",
            ),
        )
    records = [
        {PROBLEM: f"the whole record is unreadable: {entry.reason}"} if isinstance(entry, UnreadableValue) else entry
        for entry in found
        if entry is not None
    ]
    for entry in records:
        if not isinstance(entry, Mapping):
            problem = Problem(
                option, f"a list of {kind_of(entry)}s", f"write the JMESPath to a list of objects; {_hint(body)}"
            )
            raise Misdeclared(FailureKind.GARBLED, place, problem)
    return records


async def numbered(records: Sequence[Mapping[str, JSON]], place: str) -> tuple[Document, ...]:
    """The documents of a page's ``records``. Others run in between: a page may hold a hundred thousand."""
    documents: list[Document] = []
    for start in range(0, len(records), _AT_ONCE):
        part = records[start : start + _AT_ONCE]
        documents += [Document(record, f"{place}, record {row}") for row, record in enumerate(part, start=start + 1)]
        await asyncio.sleep(0)
    return tuple(documents)


def asked_only(documents: Sequence[Document], keys: Collection[str], key: Path, place: str) -> list[Document]:
    """Those of ``documents`` whose key is one of ``keys``, and those that are unreadable, of which nobody can say.

    Raises SourceFailure where the system plainly does not answer what it was asked: more than was asked for, or nothing
    of it. A parameter that it does not know must not look like records that are not there."""
    wanted = set(keys)
    found = [
        document for document in documents if key_of(document.content, key) in wanted or PROBLEM in document.content
    ]
    if documents and (not found or len(documents) > len(wanted)):
        raise SourceFailure(
            FailureKind.GARBLED,
            f"{place} answered other records than those asked for by key; does it know what `fetch` says?",
        )
    return found


def key_of(content: Mapping[str, JSON], key: Path) -> str | None:
    """The record's own id, as the mapping writes it and the crosswalk asks for it; None where there is none."""
    found = key(content)
    if found is None or isinstance(found, UnreadableValue):
        return None
    text = found.strip() if isinstance(found, str) else plain_text(found)
    return None if isinstance(text, UnreadableValue) else text or None


def kind_of(value: JSON) -> str:
    """The JSON type of ``value``, in JSON's words."""
    match value:
        case None:
            return "null"
        case bool():
            return "boolean"
        case str():
            return "string"
        case Mapping():
            return "object"
        case list() | tuple():
            return "array"
        case UnreadableValue():
            return "unreadable value"
        case _:
            return "number"


def _hint(body: JSON) -> str:
    if isinstance(body, list):
        return "the answer itself is a list, so leave it out"
    if not isinstance(body, Mapping):
        return f"the answer is a {kind_of(body)}"
    lists = [name for name, member in body.items() if isinstance(member, list)]
    names = ", ".join(repr(name[:40]) for name in (lists or list(body))[:8])
    return (
        f"the answer has {'lists at' if lists else 'the members'} {names}" if names else "the answer is an empty object"
    )
