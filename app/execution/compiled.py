"""Compiled operations: compiled once, run many times."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from types import CoroutineType
from typing import Any
from weakref import WeakKeyDictionary

from graphql import (
    DocumentNode,
    GraphQLError,
    GraphQLSchema,
    OperationType,
    default_field_resolver,
    default_type_resolver,
)
from graphql.execution.collect_fields import FragmentDetails
from graphql.execution.values import VariableValues

from app.execution.answer import Answer
from app.execution.generate import Generator
from app.execution.plan import Document, Planner, Selection
from app.execution.reach import types_that_reach_batches
from app.execution.run import Failed, Run
from app.execution.screen import NotCompiled, Screened, screen
from app.execution.values import resolver
from app.execution.variables import Variables

MAX_VARIANTS = 16
"""Combinations of the variables in @skip and @include that stay compiled; the longest unused goes."""
VARIANT_FIELDS = 2000
"""Fewer of them where all together pass this many fields."""

_batching: WeakKeyDictionary[GraphQLSchema, frozenset[str]] = WeakKeyDictionary()


def compile_operation(
    schema: GraphQLSchema,
    document: DocumentNode,
    operation_name: str | None = None,
    *,
    field_resolver: Callable[..., Any] | None = None,
    type_resolver: Callable[..., Any] | None = None,
    hide_suggestions: bool = False,
) -> CompiledOperation | NotCompiled:
    """Compile one operation of a validated document.

    ``field_resolver`` and ``type_resolver`` stand in where the schema has none, as in graphql-core's ``execute``.
    """
    screened = screen(schema, document, operation_name)
    if isinstance(screened, NotCompiled):
        return screened
    return CompiledOperation(
        schema,
        screened,
        field_resolver or default_field_resolver,
        type_resolver or default_type_resolver,
        hide_suggestions,
    )


class CompiledOperation:
    """One operation over one schema. Safe to run many times at once in one event loop."""

    def __init__(
        self,
        schema: GraphQLSchema,
        screened: Screened,
        field_resolver: Callable[..., Any],
        type_resolver: Callable[..., Any],
        hide_suggestions: bool,
    ) -> None:
        batching = _batching.get(schema)
        if batching is None:
            batching = _batching[schema] = types_that_reach_batches(schema)
        self.size = screened.size
        """Its fields, with fragments spread out: what it weighs in a cache."""
        self._document = Document(
            schema,
            screened.operation,
            screened.fragments,
            {name: FragmentDetails(fragment) for name, fragment in screened.fragments.items()},
            field_resolver,
            type_resolver,
            hide_suggestions,
            VariableValues({}, {}),
            batching,
        )
        self._switches = screened.switches
        self._variables = Variables(schema, screened.operation, hide_suggestions)
        self._variants: OrderedDict[tuple[Any, ...], _Variant] = OrderedDict()
        self._going: list[_Variant] = []
        self._running = 0

    @property
    def source(self) -> str:
        """The code, for people to read: of what was run so far, and of what can be known before any run.

        Left out is what only a run can tell: types of interfaces and unions with many, and what is below a batched
        field, unless a run came there.
        """
        if not self._variants:
            with suppress(GraphQLError):
                self._variant(VariableValues({}, dict.fromkeys(self._switches, True)))
        for variant in self._variants.values():
            with suppress(GraphQLError):
                variant.prepare()
        parts: list[str] = []
        for values, variant in self._variants.items():
            if self._switches:
                parts.append(
                    "# where " + ", ".join(f"${n} = {v!r}" for n, v in zip(self._switches, values, strict=True))
                )
            parts.extend(variant.generator.sources)
        return "\n\n".join(parts)

    async def run(
        self, root_value: Any = None, context_value: Any = None, variables: Mapping[str, Any] | None = None
    ) -> Answer:
        """Run the operation. Field errors are in the answer; nothing that a resolver raises comes out."""
        self._running += 1
        try:
            answer = self.start(root_value, context_value, variables, breathes=True)
            return answer if type(answer) is Answer else await answer  # type: ignore[misc]
        finally:
            self._running -= 1
            if self._going and not self._running:
                self._take_apart()

    def release(self) -> None:
        """Let go of all that was built, as soon as nothing that :meth:`run` began is under way. Code and plans are full of
        circles: without this they would wait for the collector, which does not look at what has been frozen. A later run
        builds them anew."""
        self._going.extend(self._variants.values())
        self._variants.clear()
        if not self._running:
            self._take_apart()

    def _take_apart(self) -> None:
        going, self._going = self._going, []
        for variant in going:
            variant.take_apart()

    def start(
        self,
        root_value: Any = None,
        context_value: Any = None,
        variables: Mapping[str, Any] | None = None,
        breathes: bool = False,
    ) -> Answer | Awaitable[Answer]:
        """Run the operation: the answer itself, or an awaitable of it where something must be awaited.

        ``breathes`` tells that the caller will await, so that long lists may let others run.
        """
        values = self._variables.coerce(variables)
        if isinstance(values, list):
            return Answer(None, values, began=False)
        document = self._document
        run = Run(document.schema, document.operation, document.fragments, root_value, context_value, values)
        run.breathes = breathes
        try:
            variant = self._variant(values)
        except GraphQLError as error:
            return Answer(None, [error])
        return variant.start(run)

    def _variant(self, values: VariableValues) -> _Variant:
        coerced = values.coerced
        key = tuple([coerced.get(name) for name in self._switches])
        variant = self._variants.get(key)
        if variant is None:
            variant = self._variants[key] = _Variant(self._document, values)
            if len(self._variants) > max(1, min(MAX_VARIANTS, VARIANT_FIELDS // max(1, self.size))):
                self._going.append(self._variants.popitem(last=False)[1])
        elif self._switches:
            self._variants.move_to_end(key)
        return variant


class _Variant:
    """The operation for one combination of the variables that @skip and @include read."""

    def __init__(self, document: Document, values: VariableValues) -> None:
        self.generator = Generator()
        self._planner = Planner(document, values, self.generator.select, self.generator.level)
        self._root = self._planner.root()
        self._serial: list[tuple[str, Any]] | None = None
        self._alone: dict[str, Selection] = {}
        self._deep = self._root.deep
        if document.operation.operation is OperationType.MUTATION:
            self._serial = [(field.key, self._serial_field(field)) for field in self._root.fields]

    def prepare(self) -> None:
        """Build all code that can be built before a run."""
        self._root.prepare()
        for selection in self._alone.values():
            selection.prepare()

    def take_apart(self) -> None:
        """Forget what was built, circle by circle."""
        waiting = [self._root, *self._alone.values()]
        while waiting:
            for field in waiting.pop().take_apart():
                waiting.extend(field.take_apart())
        self._alone.clear()
        self._serial = None
        self.generator.take_apart()

    def start(self, run: Run) -> Answer | Awaitable[Answer]:
        """Run it."""
        if self._serial is not None:
            if self._deep:
                return self._finish_serial(run, {}, self._serial)
            return self._start_serial(run, self._serial)
        if self._deep:
            return self._finish_deep(run)
        try:
            data = self._root.select(run, run.root_value, None)
        except GraphQLError as error:
            return _nothing(run, error)
        if type(data) is CoroutineType:
            return self._finish(run, data)
        return Answer(data, run.errors.found)

    async def _finish(self, run: Run, data: Any) -> Answer:
        try:
            return Answer(await data, run.errors.found)
        except GraphQLError as error:
            return _nothing(run, error)

    async def _finish_deep(self, run: Run) -> Answer:
        if run.breathes:
            run.take_breath()
        (data,) = await self._root.level(run, [run.root_value], [None])
        if type(data) is Failed:
            run.errors.add(data.error, None)
            data = None
        return Answer(data, run.errors.in_order(self._root))

    def _serial_field(self, field: Any) -> Any:
        if field.constant is not None:
            name = field.constant
            return lambda _run, _source, _path: name
        if field.batch is None and not field.leads_deep:
            return resolver(field)
        alone = Selection(self._planner, field.parent_type, {field.key: field.details}, self._root.title)
        self._alone[field.key] = alone

        async def level(run: Run, source: Any, path: Any) -> Any:
            (row,) = await alone.level(run, [source], [path])
            if type(row) is Failed:
                raise row.error
            return row[field.key]

        return level

    def _start_serial(self, run: Run, fields: list[tuple[str, Any]]) -> Answer | Awaitable[Answer]:
        data: dict[str, Any] = {}
        for index, (key, field) in enumerate(fields):
            try:
                value = field(run, run.root_value, None)
            except GraphQLError as error:
                return _nothing(run, error)
            data[key] = value
            if type(value) is CoroutineType:
                return self._finish_serial(run, data, fields[index + 1 :], key)
        return Answer(data, run.errors.found)

    async def _finish_serial(
        self, run: Run, data: dict[str, Any], fields: list[tuple[str, Any]], waiting: str | None = None
    ) -> Answer:
        try:
            if waiting is not None:
                data[waiting] = await data[waiting]
            for key, field in fields:
                value = field(run, run.root_value, None)
                data[key] = await value if type(value) is CoroutineType else value
        except GraphQLError as error:
            run.errors.add(error, None)
            return Answer(None, run.errors.in_order(self._root, self._alone) if self._deep else run.errors.found)
        return Answer(data, run.errors.in_order(self._root, self._alone) if self._deep else run.errors.found)


def _nothing(run: Run, error: GraphQLError) -> Answer:
    run.errors.add(error, None)
    return Answer(None, run.errors.found)
