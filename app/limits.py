"""How much one document may ask for: measured before it is validated, each fragment looked at once.

Every measure is taken with fragments spread, as the executor will meet them, and remembered for each fragment: a chain of
fragments that doubles at each step costs its length to measure, not its size. Introspection is not counted.

Whether fields that share a name can be merged costs the square of their number to tell, so validation itself has a budget
for it: :func:`budgeted_rule`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    InlineFragmentNode,
    IntValueNode,
    ListValueNode,
    Node,
    OperationDefinitionNode,
    OverlappingFieldsCanBeMergedRule,
    SelectionSetNode,
    ValidationContext,
)
from graphql.language import DocumentNode

from resolvers.request_limits import RequestLimits

LIMIT_CODE = "LIMIT"


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


def beyond(
    limit: str, most: int, found: int | None, node: Node | None = None, *, whose: str = "operation"
) -> GraphQLError:
    """The refusal of what is beyond a limit. ``found`` None: measuring ended at the limit."""
    what = f"more than {most}" if found is None else _digits(found)
    said = f"The {whose} is beyond the limit of {limit}: at most {most} are allowed, and it has {what}."
    return GraphQLError(said, node, extensions={"code": LIMIT_CODE})


def check_size(document: DocumentNode, limits: RequestLimits) -> list[GraphQLError]:
    """What of ``document`` is beyond ``limits``, an error for each limit of each operation; none where it is within."""
    if (count := len(document.definitions)) > limits.definitions:
        return [beyond("definitions", limits.definitions, count, whose="document")]
    errors: list[GraphQLError] = []
    measure = _Measure(document)
    for definition in document.definitions:
        if not isinstance(definition, OperationDefinitionNode):
            continue
        try:
            size = measure.selection(definition.selection_set)
        except RecursionError:  # fragments that nest in fragments, far beyond any depth that is allowed
            return [beyond("depth", limits.depth, None, definition)]
        measures = (
            ("depth", size.depth, limits.depth),
            ("root fields", size.fields, limits.root_fields),
            ("aliases", size.aliases, limits.aliases),
            ("directives on an element", size.directives, limits.directives),
            ("cost", size.cost, limits.cost),
        )
        errors += (beyond(name, most, found, definition) for name, found, most in measures if found > most)
    return errors


def sizes(document: DocumentNode) -> Mapping[OperationDefinitionNode, Size]:
    """What each operation of a valid document asks for."""
    measure = _Measure(document)
    operations = (one for one in document.definitions if isinstance(one, OperationDefinitionNode))
    return {operation: measure.selection(operation.selection_set) for operation in operations}


def budgeted_rule(comparisons: int) -> type[OverlappingFieldsCanBeMergedRule]:
    """GraphQL's own rule on overlapping fields, which gives up (``ValidationAbortedError``) where it would take more than
    so many comparisons."""

    class BudgetedOverlap(OverlappingFieldsCanBeMergedRule):
        """Overlapping fields can be merged, and it is not too much work to tell."""

        def __init__(self, context: ValidationContext) -> None:
            super().__init__(context)
            self.rule_context.remaining_complexity_budget = 2 * comparisons  # a comparison costs two

    return BudgetedOverlap


def _digits(number: int) -> str:
    return str(number) if number < 10**12 else "more than 10^12"


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
