"""The errors of one run, and the places that became null because of them.

Object by object, an error that nulls a place comes before whatever is left of that place, and what is left is not run.
Level by level the siblings have run already when a place becomes null: ``in_order`` then drops what graphql-core would
not have come to, and puts the rest in the order of the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from graphql import GraphQLError
from graphql.pyutils import Path

if TYPE_CHECKING:
    from app.execution.plan import Selection

Order = tuple[int, ...]


class Errors:
    """Errors with the places that became null."""

    __slots__ = ("_met", "_nulled", "found")

    def __init__(self) -> None:
        self.found: list[GraphQLError] = []
        """The errors, in the order they came."""
        self._nulled: dict[Path | None, GraphQLError] = {}
        self._met: dict[int, tuple[GraphQLError, Path | None]] = {}

    def met(self, error: GraphQLError, path: Path) -> GraphQLError:
        """Remember where an error came from; the error itself, for it may go up several places before it nulls one."""
        self._met.setdefault(id(error), (error, path))
        return error

    def add(self, error: GraphQLError, place: Path | None) -> None:
        """``place`` is null because of ``error``; forgotten if it stands in a place that is null already."""
        if self._nulled:
            above = place
            while True:
                if above in self._nulled:
                    return
                if above is None:
                    break
                above = above.prev
        self._nulled[place] = error
        self.found.append(error)

    def in_order(self, root: Selection, alone: Mapping[str, Selection] | None = None) -> list[GraphQLError]:
        """The errors as a run object by object would have met them.

        ``alone`` has the selections of those fields of the root that were run on their own.
        """
        if len(self.found) < 2:
            return self.found
        order = {
            id(error): _order(root, alone or {}, self._met.get(id(error), (error, None))[1]) for error in self.found
        }
        kept: list[GraphQLError] = []
        for place, error in self._nulled.items():
            above = place
            while above is not None:
                above = above.prev
                other = self._nulled.get(above)
                if other is not None and order[id(other)] < order[id(error)]:
                    break  # that place was null before anyone came here
            else:
                kept.append(error)
        return sorted(kept, key=lambda error: order[id(error)])


def _order(root: Selection, alone: Mapping[str, Selection], path: Path | None) -> Order:
    """Where ``path`` stands in the answer."""
    steps: list[Path] = []
    while path is not None:
        steps.append(path)
        path = path.prev
    order: list[int] = []
    selections = [root]
    for step in reversed(steps):
        if isinstance(step.key, int):
            order.append(step.key)
            continue
        selection = next((one for one in selections if one.type.name == step.typename), None)
        at = selection.places.get(step.key) if selection is not None else None
        if selection is None or at is None:
            break
        order.append(at)
        field = selection.fields[at]
        if selection is root and step.key in alone:
            field = alone[step.key].fields[0]
        selections = field.children
    return tuple(order)
