"""What is not compiled, and why."""

from __future__ import annotations

from dataclasses import dataclass

from graphql import (
    DocumentNode,
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLSchema,
    OperationDefinitionNode,
    OperationType,
    SelectionSetNode,
    VariableNode,
)

MAX_FIELDS = 3000
"""Fields of an operation, counted with all its fragments spread out."""
MAX_DEPTH = 64
"""Levels of selections, fragments included."""

_RARE_DIRECTIVES = {"defer", "stream", "experimental_disableErrorPropagation"}


@dataclass(frozen=True, slots=True)
class NotCompiled:
    """This operation is for graphql-core's executor."""

    reason: str
    """Why."""


@dataclass(frozen=True, slots=True)
class Screened:
    """An operation that can be compiled."""

    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    switches: tuple[str, ...]
    """The variables that @skip and @include read."""
    size: int
    """Its fields, fragments spread out."""


class _TooMuch(Exception):
    """The operation passes a limit; the text says which."""


def screen(schema: GraphQLSchema, document: DocumentNode, operation_name: str | None) -> Screened | NotCompiled:
    """The operation of that name (or the only one), if it is to be compiled."""
    operations: list[OperationDefinitionNode] = []
    fragments: dict[str, FragmentDefinitionNode] = {}
    for definition in document.definitions:
        if isinstance(definition, OperationDefinitionNode):
            operations.append(definition)
        elif isinstance(definition, FragmentDefinitionNode):
            fragments[definition.name.value] = definition
    if operation_name is not None:
        operations = [one for one in operations if one.name is not None and one.name.value == operation_name][-1:]
    if len(operations) != 1:
        return NotCompiled("there is no such operation" if not operations else "several operations and no name")
    operation = operations[0]
    if operation.operation is OperationType.SUBSCRIPTION:
        return NotCompiled("subscriptions")
    if schema.get_root_type(operation.operation) is None:
        return NotCompiled(f"the schema has no {operation.operation.value}")
    if any(fragment.variable_definitions for fragment in fragments.values()):
        return NotCompiled("fragments with variables")
    counter = _Counter(fragments)
    try:
        counter.directives(operation)
        size = counter.count(operation.selection_set, 1)
    except _TooMuch as too_much:
        return NotCompiled(str(too_much))
    return Screened(operation, fragments, tuple(sorted(counter.switches)), size)


class _Counter:
    """Counts fields, each fragment once, and notes what else decides."""

    def __init__(self, fragments: dict[str, FragmentDefinitionNode]) -> None:
        self.switches: set[str] = set()
        self._fragments = fragments
        self._sizes: dict[str, tuple[int, int] | None] = {}
        self._deepest = 0

    def count(self, selections: SelectionSetNode, depth: int) -> int:
        """The fields of these selections. Raises :class:`_TooMuch`."""
        if depth > MAX_DEPTH:
            raise _TooMuch(f"more than {MAX_DEPTH} levels")
        self._deepest = max(self._deepest, depth)
        size = 0
        for selection in selections.selections:
            self.directives(selection)
            if isinstance(selection, FragmentSpreadNode):
                size += self._fragment(selection.name.value, depth + 1)
            else:
                if isinstance(selection, FieldNode):
                    size += 1
                    if selection.name.value in {"__schema", "__type"}:
                        raise _TooMuch("introspection")
                below: SelectionSetNode | None = getattr(selection, "selection_set", None)
                if below is not None:
                    size += self.count(below, depth + 1)
            if size > MAX_FIELDS:
                raise _TooMuch(f"more than {MAX_FIELDS} fields")
        return size

    def _fragment(self, name: str, depth: int) -> int:
        fragment = self._fragments.get(name)
        if fragment is None:
            return 0
        if name in self._sizes:
            known = self._sizes[name]
            if known is None:
                raise _TooMuch("a fragment that contains itself")
            size, height = known
            if depth + height > MAX_DEPTH:
                raise _TooMuch(f"more than {MAX_DEPTH} levels")
            self._deepest = max(self._deepest, depth + height)
            return size
        self._sizes[name] = None
        outer, self._deepest = self._deepest, depth
        size = self.count(fragment.selection_set, depth)
        self._sizes[name] = (size, self._deepest - depth)
        self._deepest = max(outer, self._deepest)
        return size

    def directives(self, node: object) -> None:
        """Note the variables of @skip and @include. Raises :class:`_TooMuch` at a rare directive."""
        for directive in getattr(node, "directives", None) or ():
            name = directive.name.value
            if name in _RARE_DIRECTIVES:
                raise _TooMuch(f"@{name}")
            if name in {"skip", "include"}:
                for argument in directive.arguments or ():
                    if isinstance(argument.value, VariableNode):
                        self.switches.add(argument.value.name.value)
