"""Generated code: for each selection one function that builds its objects.

What can be decided once (names, types, which fields are there, how they are had) is decided here; what is left is
written as Python that reads like the GraphQL it stands for. An ordinary selection becomes::

    def maker_4(run, source, path):
        '''maker { id name } on Maker'''
        row, begun = {}, run.awaits
        read = source.get if type(source) is dict else reader(source)
        try:
            value = read("id")  # id: ID!
            row["id"] = value if type(value) is str else id_5(run, source, path, value)
            row["name"] = name_6(run, source, path)  # name: String
        except Exception:
            run.abandon(row.values())
            raise
        return row if run.awaits == begun else run.settle(row)

and a deep one::

    async def products_2(run, parents, paths):
        '''products { weight label } on Product, for all parents at once'''
        # in one call: weight, label
        (weight_7, label_8) = await batch_facts_7(run, parents, paths)
        if run.broken:
            return rows(("weight", "label"), (weight_7, label_8))
        return [
            {"weight": weight_7, "label": label_8}
            for (weight_7, label_8) in zip(weight_7, label_8)
        ]

Nothing of a client's document but its names gets into the code, and GraphQL's names are Python's.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from textwrap import wrap
from typing import Any

from graphql import get_nullable_type, is_leaf_type

from app.execution.batch import Group, Rows
from app.execution.columns import column_of, column_read, each, rows, together
from app.execution.deep import deep_field
from app.execution.leaves import accepter, leaf
from app.execution.plan import FieldPlan, Selection
from app.execution.values import finisher, is_read, plain_read, read, reader, resolver

_WIDTH = 110
_NAMES = 60
"""Characters of a docstring's list of fields."""


class Generator:
    """Writes and compiles the functions of one operation; keeps their text."""

    def __init__(self) -> None:
        self.sources: list[str] = []
        self._names: dict[str, Any] = {
            "each": each,
            "reader": reader,
            "rows": rows,
            "Rows": Rows,
            "together": together,
        }

    def take_apart(self) -> None:
        """Forget the functions, each of which holds all the others."""
        self._names.clear()

    def select(self, selection: Selection) -> Callable[..., Any]:
        """``select(run, source, path)`` of an ordinary selection."""
        name = _name(selection.title, selection.number)
        lines = [f"def {name}(run, source, path):", f'    """{_title(selection)}"""', "    row, begun = {}, run.awaits"]
        body: list[str] = []
        reads = False
        for field in selection.fields:
            note = f"  # {field.title()}: {field.type}"
            if field.constant is not None:
                body.append(f"row[{field.key!r}] = {field.constant!r}")
                continue
            call = _name(field.key, field.number)
            if (reads_alone := plain_read(field)) is not None:
                self._names[f"{call}_read"] = reads_alone
                self._names[call] = finisher(field, calls=False)
                body.append(f"value = {call}_read(source){note}")
                body.append(_checked(field, call))
                continue
            if not is_read(field):
                self._names[call] = resolver(field)
                body.append(f"row[{field.key!r}] = {call}(run, source, path){note}")
                continue
            reads = True
            self._names[call] = finisher(field)
            body.append(f"value = read({field.name!r}){note}")
            body.append(_checked(field, call))
        if reads:
            lines.append("    read = source.get if type(source) is dict else reader(source)")
        if body:
            lines.append("    try:")
            lines.extend(f"        {line}" for line in body)
            lines.extend(("    except Exception:", "        run.abandon(row.values())", "        raise"))
        lines.append("    return row if run.awaits == begun else run.settle(row)")
        return self._compile(name, lines)

    def level(self, selection: Selection) -> Callable[..., Any]:
        """``await level(run, parents, paths)`` of a deep selection."""
        name = _name(selection.title, selection.number)
        lines = [
            f"async def {name}(run, parents, paths):",
            f'    """{_title(selection)}, for all parents at once"""',
        ]
        ordinary: list[FieldPlan] = []
        groups: dict[Any, list[FieldPlan]] = {}
        deep: list[FieldPlan] = []
        for field in selection.fields:
            if field.constant is not None:
                continue
            if field.batch is not None:
                groups.setdefault(field.batch, []).append(field)
            elif field.leads_deep:
                deep.append(field)
            else:
                ordinary.append(field)
        if ordinary:
            calls = []
            for field in ordinary:
                call = f"{_name(field.key, field.number)}_field"
                self._names[call] = _column(field)
                calls.append(call)
            lines.extend(_wrapped(f"# for each parent: {_listed(ordinary)}", "    ", "    # "))
            columns = ", ".join(_name(field.key, field.number) for field in ordinary)
            lines.extend(_wrapped(f"({columns},) = ordinary = await each(run, ({', '.join(calls)},), parents, paths)"))
        units: list[tuple[str, str]] = []
        for function, fields in groups.items():
            named = getattr(function, "__name__", "")
            call = f"batch_{named if named.isidentifier() else 'call'}_{fields[0].number}"
            self._names[call] = Group(function, fields)
            lines.extend(_wrapped(f"# in one call: {_listed(fields)}", "    ", "    # "))
            units.append((", ".join(_name(field.key, field.number) for field in fields) + ",", call))
        for field in deep:
            call = f"{_name(field.key, field.number)}_field"
            self._names[call] = deep_field(field)
            lines.append(f"    # and what is below: {field.title()}: {field.type}")
            units.append((f"{_name(field.key, field.number)},", call))
        whole = len(groups) == 1 and len(next(iter(groups.values()))) == len(selection.fields)
        if whole:
            (fields,) = groups.values()
            for field in fields:
                field.whole = True
            lines.append(f"    columns = await {units[0][1]}(run, parents, paths)")
            lines.append("    if type(columns) is Rows:")
            lines.append("        return columns.values")
            lines.extend(_wrapped(f"({units[0][0]}) = columns"))
        elif len(units) == 1 and not ordinary:
            lines.extend(_wrapped(f"({units[0][0]}) = await {units[0][1]}(run, parents, paths)"))
        elif units:
            targets = ", ".join(f"({target})" for target, _ in units)
            calls = [f"{call}(run, parents, paths)" for _, call in units]
            both = "ordinary" if ordinary else "()"
            lines.extend(_wrapped(f"({targets},) = await together(run, {both}, {', '.join(calls)})"))
        lines.extend(_assembly(selection.fields))
        return self._compile(name, lines)

    def _compile(self, name: str, lines: list[str]) -> Callable[..., Any]:
        source = "\n".join(lines) + "\n"
        self.sources.append(source)
        exec(compile(source, f"<{name}>", "exec"), self._names)  # noqa: S102 - the text is ours
        function: Callable[..., Any] = self._names[name]
        return function


def _assembly(fields: list[FieldPlan]) -> list[str]:
    varying = [field for field in fields if field.constant is None]
    if not varying:
        row = ", ".join(f"{field.key!r}: {field.constant!r}" for field in fields)
        return [f"    return [{{{row}}} for _ in parents]"]
    keys = ", ".join(repr(field.key) for field in fields)
    columns = ", ".join(
        f"[{field.constant!r}] * len(parents)" if field.constant is not None else _name(field.key, field.number)
        for field in fields
    )
    row = ", ".join(
        f"{field.key!r}: {repr(field.constant) if field.constant is not None else _name(field.key, field.number)}"
        for field in fields
    )
    names = ", ".join(_name(field.key, field.number) for field in varying)
    return [
        "    if run.broken:",
        *_wrapped(f"return rows(({keys},), ({columns},))", "        "),
        "    return [",
        *_wrapped(f"{{{row}}}", "        "),
        *_wrapped(f"for ({names},) in zip({names})", "        "),
        "    ]",
    ]


def _accepts(field: FieldPlan) -> str | None:
    named = get_nullable_type(field.type)
    condition = leaf(named).accepts if is_leaf_type(named) else None
    if condition is None:
        return None
    condition = condition.format("value")
    return condition if field.non_null else f"value is None or {condition}"


def _checked(field: FieldPlan, call: str) -> str:
    accepts = _accepts(field)
    value = f"{call}(run, source, path, value)"
    return f"row[{field.key!r}] = " + (f"value if {accepts} else {value}" if accepts else value)


def _column(field: FieldPlan) -> Callable[..., list[Any]]:
    accepts = accepter(_accepts(field))
    if (reads_alone := plain_read(field)) is not None:
        return column_read(reads_alone, accepts, finisher(field, calls=False))
    if is_read(field):
        return column_read(partial(read, name=field.name), accepts, finisher(field))
    return column_of(resolver(field))


def _wrapped(line: str, indent: str = "    ", further: str | None = None) -> list[str]:
    """A line of code, broken inside its brackets where it is long. No text in it has spaces that matter."""
    further = f"{indent}    " if further is None else further
    depth, kept = 0, []
    for mark in line:
        depth += (mark in "([{") - (mark in ")]}")
        kept.append("\xa0" if mark == " " and depth == 0 else mark)
    broken = wrap(
        "".join(kept),
        _WIDTH,
        initial_indent=indent,
        subsequent_indent=further,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return [one.replace("\xa0", " ") for one in broken]


def _name(title: str, number: int) -> str:
    return f"{title.rpartition(' ')[2].rpartition(':')[2]}_{number}"


def _listed(fields: list[FieldPlan]) -> str:
    return ", ".join(f"{field.title()}: {field.type}" for field in fields)


def _title(selection: Selection) -> str:
    fields = " ".join(field.key for field in selection.fields)
    if len(fields) > _NAMES:
        fields = f"{fields[:_NAMES].rpartition(' ')[0]} ..."
    return f"{selection.title} {{ {fields} }} on {selection.type}"
