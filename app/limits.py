"""How much one operation may ask for: a validation rule that looks at each fragment once.

Every measure is taken with fragments spread, as the executor will meet them, and remembered for each fragment: a chain of
fragments that doubles at each step costs its length to measure, not its size. Introspection is not counted.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    ASTValidationRule,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    OperationDefinitionNode,
    SelectionSetNode,
)
from graphql.language import DocumentNode


@dataclass(frozen=True, slots=True)
class OperationLimits:
    """The most that one operation may have."""

    depth: int = 12
    root_fields: int = 20
    aliases: int = 30
    directives: int = 4
    """On one element."""
    cost: int = 100_000
    """Fields to be resolved, a page counted as long as it may be."""


@dataclass(frozen=True, slots=True)
class Size:
    """What a selection asks for."""

    depth: int = 0
    fields: int = 0
    """Of its own level."""
    aliases: int = 0
    directives: int = 0
    cost: int = 0

    def beside(self, other: Size) -> Size:
        """Two selections on one level."""
        return Size(
            max(self.depth, other.depth),
            self.fields + other.fields,
            self.aliases + other.aliases,
            max(self.directives, other.directives),
            self.cost + other.cost,
        )


_PAGE = 20
"""What a page holds where nobody says how much."""
_LONGEST = 100
"""What a list or page whose length is a variable may hold."""
_CIRCLE = Size()


def limits_rule(limits: OperationLimits | None = None) -> type[ASTValidationRule]:
    """The rule for ``limits``; make it once and share it, so that validated documents can be remembered."""
    allowed = limits or OperationLimits()

    class LimitsRule(ASTValidationRule):
        """Refuses an operation beyond a limit, by the limit's name."""

        def enter_document(self, node: DocumentNode, *_: Any) -> None:
            """Measure every operation of the document."""
            measure = _Measure(node)
            for definition in node.definitions:
                if isinstance(definition, OperationDefinitionNode):
                    size = measure.selection(definition.selection_set)
                    for name, found, most in (
                        ("depth", size.depth, allowed.depth),
                        ("root fields", size.fields, allowed.root_fields),
                        ("aliases", size.aliases, allowed.aliases),
                        ("directives on an element", size.directives, allowed.directives),
                        ("cost", size.cost, allowed.cost),
                    ):
                        if found > most:
                            said = f"The operation is beyond the limit of {name}: at most {most} are allowed."
                            self.report_error(GraphQLError(said, definition, extensions={"code": "LIMIT"}))

    return LimitsRule


class _Measure:
    """Measures selections; a fragment once."""

    def __init__(self, document: DocumentNode) -> None:
        self._fragments: Mapping[str, FragmentDefinitionNode] = {
            one.name.value: one for one in document.definitions if isinstance(one, FragmentDefinitionNode)
        }
        self._known: dict[str, Size] = {}

    def selection(self, selections: SelectionSetNode | None) -> Size:
        """What a selection set asks for."""
        size = Size()
        for node in selections.selections if selections else ():
            match node:
                case FieldNode():
                    part = self._field(node)
                case InlineFragmentNode():
                    part = self.selection(node.selection_set)
                case FragmentSpreadNode():
                    part = self._fragment(node.name.value)
                case _:
                    continue
            size = size.beside(part).beside(Size(directives=len(node.directives or ())))
        return size

    def _field(self, node: FieldNode) -> Size:
        if node.name.value.startswith("__"):
            return Size(fields=1, cost=1)
        inner = self.selection(node.selection_set)
        return Size(
            depth=inner.depth + 1,
            fields=1,
            aliases=inner.aliases + (node.alias is not None),
            directives=inner.directives,
            cost=1 + _length(node.arguments or ()) * inner.cost,
        )

    def _fragment(self, name: str) -> Size:
        if name not in self._known:
            self._known[name] = _CIRCLE  # a circle is another rule's to refuse
            fragment = self._fragments.get(name)
            self._known[name] = self.selection(fragment.selection_set) if fragment else _CIRCLE
        return self._known[name]


def _length(arguments: Sequence[Any]) -> int:
    """How many times what is below a field may be asked for: its page, or its list of lookups."""
    for argument in arguments:
        if argument.name.value == "lookups":
            return len(argument.value.values) if isinstance(argument.value, ListValueNode) else _LONGEST
        if argument.name.value == "first":
            value = argument.value
            return min(int(value.value), 10 * _LONGEST) if isinstance(value, IntValueNode) else _LONGEST
    return _PAGE if any(argument.name.value in ("where", "after", "text", "orderBy") for argument in arguments) else 1
