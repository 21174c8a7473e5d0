"""Batch resolvers: one call for all fields of a level that carry the same function.

``GraphQLField.extensions["batch"]`` holds ``async def batch(parents, fields, info) -> columns``. It gets the parents
of the level and a :class:`BatchedField` for each field asked of them, and gives a column for each field, in order: a
list with a value (or an exception) for each parent, or ``field.ready(values)``, whose values stand in the answer as
they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from graphql import FieldNode, GraphQLError, GraphQLObjectType
from graphql.execution.values import VariableValues
from graphql.pyutils import Path, is_awaitable

from app.execution.columns import complete_column, complete_columns, fault
from app.execution.run import Run

if TYPE_CHECKING:
    from app.execution.plan import FieldPlan


class Ready:
    """A column that is complete in itself."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values


Column = Ready | Sequence[Any]
"""What a batch resolver gives for one field."""


class Rows:
    """Objects that are complete in themselves, in place of columns."""

    __slots__ = ("values",)

    def __init__(self, values: Sequence[Any]) -> None:
        self.values = values


class BatchedField:
    """One field as a batch resolver sees it."""

    __slots__ = ("_arguments", "_plan", "_selections", "_values", "constant", "name", "nodes", "response_key")

    def __init__(self, plan: FieldPlan, values: VariableValues | None) -> None:
        self.name = plan.name
        """The field's name in the schema."""
        self.response_key = plan.key
        """The key it has in the answer."""
        self.nodes: list[FieldNode] = plan.nodes
        """Where it stands in the document."""
        self.constant = values is None
        """Whether it is the same object in every run: no variable can change an argument of it or below it."""
        self._plan = plan
        self._values = values if values is not None else plan.planner.document.no_values
        self._arguments: dict[str, Any] | None = None
        self._selections: dict[str, tuple[BatchedField, ...]] = {}

    @property
    def arguments(self) -> dict[str, Any]:
        """The arguments, as a resolver's keyword arguments. Raises GraphQLError if one does not coerce."""
        arguments = self._arguments
        if arguments is None:
            arguments = self._arguments = self._plan.arguments.values(self._values, {})
        return arguments

    def selection(self, type_name: str) -> tuple[BatchedField, ...]:
        """What is asked of the value if it is a ``type_name``. The same tuple each time, and, as long as no argument
        below depends on a variable, in each run. Raises LookupError if that is no object type of the schema.
        """
        selection = self._selections.get(type_name)
        if selection is None:
            type_ = self._plan.planner.document.schema.get_type(type_name)
            if not isinstance(type_, GraphQLObjectType):
                raise LookupError(f"{type_name!r} is no object type of this schema")
            child = self._plan.child(type_)
            selection = child.batched
            if selection is None:
                selection = tuple([batched(field, self._values) for field in child.fields])
                if all(field.constant for field in selection):
                    child.batched = selection
            self._selections[type_name] = selection
        return selection

    def ready(self, values: Sequence[Any]) -> Ready:
        """A column of values that are embedded in the answer as they are."""
        return Ready(values)

    @property
    def memo(self) -> dict[str, Any]:
        """For whatever the batch resolver makes of this place of the operation; it lives as long as the operation does."""
        return self._plan.memo

    @property
    def whole(self) -> bool:
        """Whether the fields of this call are all that is asked of the parents: then rows may be given."""
        return self._plan.whole

    def rows(self, values: Sequence[Any]) -> Rows:
        """In place of all columns: an object for each parent, complete in itself, embedded in the answer as it is."""
        return Rows(values)

    def __repr__(self) -> str:
        return f"<BatchedField {self._plan.where} as {self.response_key!r}>"


def batched(plan: FieldPlan, values: VariableValues) -> BatchedField:
    """The field for these values of the variables, or for all where no variable can change it."""
    if plan.varies:
        return BatchedField(plan, values)
    if plan.batched is None:
        plan.batched = BatchedField(plan, None)
    shared: BatchedField = plan.batched
    return shared


class Group:
    """The fields of one level that share a batch resolver. Called with a run, the parents and their paths."""

    __slots__ = ("_fields", "_function", "_plans")

    def __init__(self, function: Any, plans: Sequence[FieldPlan]) -> None:
        self._function = function
        self._plans = tuple(plans)
        self._fields: tuple[BatchedField, ...] | None = None

    async def __call__(self, run: Run, parents: list[Any], paths: list[Path | None]) -> Any:
        """The completed columns of the fields, in order; or Rows, where the resolver gave them."""
        plans = self._plans
        fields = self._fields
        refused: dict[FieldPlan, GraphQLError] = {}
        if fields is None:
            fields, refused = self._ask(run)
            plans = tuple(plan for plan in plans if plan not in refused)
        columns: Any = ()
        problem: Exception | None = None
        if fields:
            try:
                columns = self._function(parents, fields, run.batch_info)
                if is_awaitable(columns):
                    columns = await columns
                if type(columns) is Rows and plans and plans[0].whole and len(columns.values) == len(parents):
                    return columns
                _check(columns, plans, len(parents))
            except Exception as error:
                problem = error
        if problem is not None:
            done = {plan: fault(run, plan, problem, paths) for plan in plans}
            return [done[plan] if plan in done else fault(run, plan, refused[plan], paths) for plan in self._plans]
        done_columns: list[Any] = [column.values if type(column) is Ready else column for column in columns]
        rest = [at for at, column in enumerate(columns) if type(column) is not Ready]
        if len(rest) == 1:
            done_columns[rest[0]] = await complete_column(run, plans[rest[0]], columns[rest[0]], paths)
        elif rest:
            await complete_columns(run, plans, done_columns, rest, paths)
        if refused:
            done = dict(zip(plans, done_columns, strict=True))
            return [done[plan] if plan in done else fault(run, plan, refused[plan], paths) for plan in self._plans]
        return done_columns

    def _ask(self, run: Run) -> tuple[tuple[BatchedField, ...], dict[FieldPlan, GraphQLError]]:
        fields: list[BatchedField] = []
        refused: dict[FieldPlan, GraphQLError] = {}
        for plan in self._plans:
            field = batched(plan, run.variable_values)
            try:
                field.arguments  # noqa: B018 - whether they coerce
            except GraphQLError as error:
                refused[plan] = error
            else:
                fields.append(field)
        if not refused and not any(plan.varies for plan in self._plans):
            self._fields = tuple(fields)
        return tuple(fields), refused


def _check(columns: Any, plans: Sequence[FieldPlan], parents: int) -> None:
    try:
        found = len(columns)
    except TypeError:
        raise TypeError(f"A batch resolver must give a list of columns, not {type(columns).__name__}.") from None
    if found != len(plans):
        raise TypeError(f"A batch resolver was asked for {len(plans)} columns and gave {found}.")
    for plan, column in zip(plans, columns, strict=True):
        values = column.values if type(column) is Ready else column
        try:
            rows = len(values)
        except TypeError:
            raise TypeError(f"The column of {plan.where} must be a list, not {type(values).__name__}.") from None
        if rows != parents:
            raise TypeError(f"The column of {plan.where} has {rows} values for {parents} parents.")
