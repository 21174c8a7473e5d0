"""The plan of an operation: which fields are asked of which type, in which place.

A :class:`Selection` is a place of the document together with one concrete object type: its fields, merged over all
fragments, with @skip and @include decided. A :class:`FieldPlan` is one of those fields. Selections below a field are
made when they are first needed: nobody plans the sub-fields of a value that comes ready from a batch resolver, or the
type of a union that no value has.

A selection is *deep* if a batch resolver is called in it or anywhere below it. Deep selections are run for all parents
at once (``columns``), the others object by object (``values``), as graphql-core does.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from graphql import (
    FieldNode,
    FragmentDefinitionNode,
    FragmentSpreadNode,
    GraphQLError,
    GraphQLField,
    GraphQLObjectType,
    GraphQLSchema,
    OperationDefinitionNode,
    get_named_type,
    is_abstract_type,
    is_composite_type,
    is_non_null_type,
)
from graphql.execution.collect_fields import (
    FieldDetailsList,
    FragmentDetails,
    GroupedFieldSet,
    collect_fields,
    collect_subfields,
)
from graphql.execution.values import VariableValues

from app.execution.arguments import Arguments, has_variable


@dataclass(frozen=True, slots=True)
class Document:
    """What all plans of one operation share."""

    schema: GraphQLSchema
    operation: OperationDefinitionNode
    fragments: dict[str, FragmentDefinitionNode]
    details: dict[str, FragmentDetails]
    field_resolver: Callable[..., Any]
    type_resolver: Callable[..., Any]
    hide_suggestions: bool
    no_values: VariableValues
    batching: frozenset[str]
    """The names of all types from which a field with a batch resolver can be reached."""


_PREPARED = 5
"""How many types of an interface or a union are prepared before any was seen."""


class FieldPlan:
    """One field of a selection."""

    __slots__ = (
        "_children",
        "_grouped",
        "arguments",
        "batch",
        "batched",
        "definition",
        "details",
        "finish",
        "info_head",
        "key",
        "memo",
        "name",
        "named_type",
        "nodes",
        "non_null",
        "number",
        "parent_type",
        "planner",
        "resolve",
        "type",
        "type_name",
        "varies",
        "where",
        "whole",
    )

    def __init__(
        self, planner: Planner, parent_type: GraphQLObjectType, key: str, details: FieldDetailsList, field: GraphQLField
    ) -> None:
        document = planner.document
        self.planner = planner
        self.key = key
        self.details = details
        self.nodes: list[FieldNode] = [detail.node for detail in details]
        self.name = self.nodes[0].name.value
        self.parent_type = parent_type
        self.type_name = parent_type.name
        self.definition = field
        self.type = field.type
        self.named_type = get_named_type(field.type)
        self.non_null = is_non_null_type(field.type)
        self.resolve: Callable[..., Any] = field.resolve or document.field_resolver
        self.batch: Any = field.extensions.get("batch") if field.extensions else None
        self.arguments = Arguments(field, self.nodes[0], document.hide_suggestions)
        self.info_head = (self.name, self.nodes, field.type, parent_type)
        self.where = f"{parent_type}.{self.name}"
        self.number = planner.next_number()
        self.varies = planner.varies(self)
        """Whether a variable can change an argument here or below."""
        self.batched: Any = None
        """The field as batch resolvers see it, where it is the same in every run."""
        self.finish: Any = None
        """Completes a value that a batch resolver gave."""
        self.memo: dict[str, Any] = {}
        """What its batch resolver keeps here."""
        self.whole = False
        """Whether all fields of its selection are asked of its batch resolver in one call."""
        self._children: dict[str, Selection] = {}
        self._grouped: dict[str, GroupedFieldSet] = {}

    def grouped(self, type_: GraphQLObjectType) -> GroupedFieldSet:
        """What is asked of this field's value if it is a ``type_``, as graphql-core collects it."""
        grouped = self._grouped.get(type_.name)
        if grouped is None:
            grouped = self._grouped[type_.name] = self.planner.below(type_, self.details)
        return grouped

    def child(self, type_: GraphQLObjectType) -> Selection:
        """The selection below this field for values of ``type_``."""
        child = self._children.get(type_.name)
        if child is None:
            child = self._children[type_.name] = Selection(self.planner, type_, self.grouped(type_), self.title())
        return child

    @property
    def children(self) -> list[Selection]:
        """The selections below this field that were needed so far."""
        return list(self._children.values())

    def take_apart(self) -> list[Selection]:
        """Forget what was built; the selections that were below."""
        below = self.children
        self._children.clear()
        self._grouped.clear()
        self.memo.clear()
        self.batched = self.finish = None
        return below

    def title(self) -> str:
        """The field as a person would name it: ``alias: name``."""
        return self.name if self.key == self.name else f"{self.key}: {self.name}"

    @property
    def leads_deep(self) -> bool:
        """Whether a batch resolver is called anywhere below this field."""
        if self.named_type.name not in self.planner.document.batching:
            return False
        return any(self.planner.reaches(type_, self.details) for type_ in self.types)

    @property
    def types(self) -> list[GraphQLObjectType]:
        """The object types that its value can have."""
        named: Any = self.named_type
        return list(self.planner.document.schema.get_possible_types(named)) if is_abstract_type(named) else [named]

    @property
    def constant(self) -> str | None:
        """``__typename`` is known beforehand."""
        return self.parent_type.name if self.name == "__typename" else None

    @property
    def composite(self) -> bool:
        """Whether the value is asked for sub-fields."""
        return bool(is_composite_type(self.named_type))


class Selection:
    """The fields that are asked of one object type in one place."""

    __slots__ = (
        "_deep",
        "_fields",
        "_grouped",
        "_places",
        "batched",
        "level",
        "number",
        "planner",
        "select",
        "title",
        "type",
    )

    def __init__(self, planner: Planner, type_: GraphQLObjectType, grouped: GroupedFieldSet, title: str) -> None:
        self.planner = planner
        self.type = type_
        self.title = title
        self.number = planner.next_number()
        self._grouped = grouped
        self._fields: list[FieldPlan] | None = None
        self._deep: bool | None = None
        self._places: dict[str, int] | None = None
        self.batched: Any = None
        """The fields as batch resolvers see them, where they are the same in every run."""
        self.select: Callable[..., Any] = self._build_select
        """``select(run, source, path)``: the answer for one object, or a coroutine of it."""
        self.level: Callable[..., Any] = self._build_level
        """``await level(run, parents, paths)``: a row (or a Failed) for each of the parents."""

    @property
    def fields(self) -> list[FieldPlan]:
        """The fields in the order of the answer."""
        if self._fields is None:
            self._fields = []
            for key, details in self._grouped.items():
                field = self.planner.document.schema.get_field(self.type, details[0].node.name.value)
                if field is not None:
                    self._fields.append(FieldPlan(self.planner, self.type, key, details, field))
        return self._fields

    @property
    def places(self) -> dict[str, int]:
        """Each response key's place in the answer."""
        if self._places is None:
            self._places = {field.key: at for at, field in enumerate(self.fields)}
        return self._places

    @property
    def deep(self) -> bool:
        """Whether a batch resolver is called here or below."""
        if self._deep is None:
            self._deep = self.planner.any_reaches(self.type, self._grouped)
        return self._deep

    def prepare(self) -> None:
        """Build the code of this selection and of those below whose type is known beforehand."""
        if self.deep:
            if self.level == self._build_level:
                self.level = self.planner.build_level(self)
        elif self.select == self._build_select:
            self.select = self.planner.build_select(self)
        for field in self.fields:
            if field.composite and (field.batch is None or field.leads_deep):
                for type_ in field.types[:_PREPARED]:
                    field.child(type_).prepare()

    def take_apart(self) -> list[FieldPlan]:
        """Forget what was built; the fields that were in it. It cannot be run any more."""
        fields = self._fields or []
        self._fields = self._places = self.batched = None
        self.select = self.level = _taken_apart
        return fields

    def _build_select(self, run: Any, source: Any, path: Any) -> Any:
        self.select = self.planner.build_select(self)
        return self.select(run, source, path)

    async def _build_level(self, run: Any, parents: list[Any], paths: list[Any]) -> list[Any]:
        self.level = self.planner.build_level(self)
        rows: list[Any] = await self.level(run, parents, paths)
        return rows


def _taken_apart(*_: Any) -> Any:
    raise RuntimeError("what was abandoned came back after its operation had gone")


class Planner:
    """Plans one operation for one set of values of the variables that @skip and @include read."""

    def __init__(
        self,
        document: Document,
        variable_values: VariableValues,
        build_select: Callable[[Selection], Callable[..., Any]],
        build_level: Callable[[Selection], Callable[..., Any]],
    ) -> None:
        self.document = document
        self.build_select = build_select
        self.build_level = build_level
        self._variable_values = variable_values
        self._number = 0
        self._varying: dict[int, bool] = {}
        self._reached: dict[tuple[str, tuple[int, ...]], bool] = {}

    def next_number(self) -> int:
        """Numbers that keep generated names apart."""
        self._number += 1
        return self._number

    def varies(self, field: FieldPlan) -> bool:
        """Whether a variable can change an argument of this field, or of one below it."""
        return field.arguments.varies or any(self._varies_below(node) for node in field.nodes)

    def _varies_below(self, node: Any) -> bool:
        known = self._varying.get(id(node))
        if known is None:
            known = False
            for selection in node.selection_set.selections if node.selection_set else ():
                if isinstance(selection, FragmentSpreadNode):
                    fragment = self.document.fragments.get(selection.name.value)
                    found = fragment is not None and self._varies_below(fragment)
                else:
                    found = self._varies_below(selection)
                    if isinstance(selection, FieldNode):
                        found = found or any(has_variable(argument.value) for argument in selection.arguments or ())
                if found:
                    known = True
                    break
            self._varying[id(node)] = known
        return known

    def root(self) -> Selection:
        """The selection at the root. Raises GraphQLError where a directive's argument is wrong."""
        document = self.document
        root_type = document.schema.get_root_type(document.operation.operation)
        assert root_type is not None
        collected = collect_fields(
            document.schema,
            document.details,
            self._variable_values,
            root_type,
            document.operation,
            document.hide_suggestions,
        )
        name = document.operation.name
        title = f"{document.operation.operation.value} {name.value}" if name else document.operation.operation.value
        return Selection(self, root_type, collected.grouped_field_set, title)

    def below(self, type_: GraphQLObjectType, details: FieldDetailsList) -> GroupedFieldSet:
        """What is asked of a ``type_`` below these fields."""
        document = self.document
        return collect_subfields(
            document.schema,
            document.details,
            self._variable_values,
            document.operation,
            type_,
            details,
            document.hide_suggestions,
        ).grouped_field_set

    def reaches(self, type_: GraphQLObjectType, details: FieldDetailsList) -> bool:
        """Whether a batch resolver is called below these fields, for a value of ``type_``."""
        if type_.name not in self.document.batching:
            return False
        key = (type_.name, tuple(id(detail.node) for detail in details))
        reached = self._reached.get(key)
        if reached is None:
            try:
                reached = self.any_reaches(type_, self.below(type_, details))
            except GraphQLError:  # told when the place is run
                reached = False
            self._reached[key] = reached
        return reached

    def any_reaches(self, type_: GraphQLObjectType, grouped: GroupedFieldSet) -> bool:
        """Whether one of these fields carries a batch resolver, or leads to one."""
        schema = self.document.schema
        for details in grouped.values():
            field = schema.get_field(type_, details[0].node.name.value)
            if field is None:
                continue
            if field.extensions and "batch" in field.extensions:
                return True
            named = get_named_type(field.type)
            if named.name in self.document.batching:
                types: list[Any] = schema.get_possible_types(named) if is_abstract_type(named) else [named]
                if any(self.reaches(each, details) for each in types):
                    return True
        return False
