"""Draws schemas whose resolvers behave in every way.

What a resolver does depends only on where its parent stands and on its field, so two executors meet the same.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Coroutine, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from random import Random
from typing import Any
from zlib import crc32

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInputField,
    GraphQLInputObjectType,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
    is_list_type,
    is_non_null_type,
)

Place = tuple[str | int, ...]
OBJECTS = ("A", "B", "C")
FIELDS = ("f0", "f1", "f2", "f3", "f4")


class Colour(Enum):
    RED = "r"
    BLUE = "b"


class Thing:
    """A value of an object type, read by attributes."""

    def __init__(self, world: World, kind: str, place: Place) -> None:
        self.world, self.kind, self.place = world, kind, place

    def __getattr__(self, name: str) -> Any:
        if name not in FIELDS:
            raise AttributeError(name)
        return self.world.read(self.kind, self.place, name)

    def __repr__(self) -> str:
        return f"<{self.kind} {'.'.join(map(str, self.place))}>"


class Readable(Mapping[str, Any]):
    """The same, as a mapping that is no dict."""

    def __init__(self, thing: Thing) -> None:
        self.thing = thing

    def __getitem__(self, name: str) -> Any:
        if name == "__typename":
            return self.thing.kind
        return getattr(self.thing, name)

    def __iter__(self) -> Any:
        return iter(FIELDS)

    def __len__(self) -> int:
        return len(FIELDS)

    def __repr__(self) -> str:
        return f"<{self.thing!r} to read>"


@dataclass(eq=False)
class World:
    """A schema, and everything its resolvers will do."""

    seed: int
    asynchronous: bool
    batches: bool
    schema: GraphQLSchema = field(init=False)
    calls: Counter[str] = field(default_factory=Counter)
    batch_calls: list[tuple[str, ...]] = field(default_factory=list)
    opened: list[Coroutine[Any, Any, Any]] = field(default_factory=list)

    def chance(self, *of: Any) -> int:
        """A number below 1000 that depends on nothing else."""
        return crc32(repr((self.seed, of)).encode()) % 1000

    def read(self, kind: str, place: Place, name: str) -> Any:
        """What the default resolver finds."""
        field_: Any = self.schema.type_map[kind]
        value = self.outcome(field_.fields[name].type, (*place, name))
        luck = self.chance(place, name, "call")
        if luck < 60:
            return lambda _info, **_arguments: value
        return value

    def outcome(self, type_: Any, place: Place) -> Any:
        """A value for a field or an item of ``type_``; raises, or is an exception, now and then."""
        luck = self.chance(place, "outcome")
        if luck < 15:
            return ValueError(f"returned at {'.'.join(map(str, place))}")
        if luck < 50:
            return None
        if luck < 65:
            return (object, {"odd": 1}, [1, 2], 2**40, float("inf"), "word", 1.5, b"b", True)[luck % 9]
        if is_non_null_type(type_):
            type_ = type_.of_type
        if is_list_type(type_):
            return self.items(type_.of_type, place)
        if is_leaf_type(type_):
            return self.leaf(type_, place)
        kinds = [one.name for one in self.schema.get_possible_types(type_)] if is_abstract_type(type_) else [type_.name]
        return self.thing(kinds[self.chance(place, "kind") % len(kinds)], place)

    def items(self, type_: Any, place: Place) -> Any:
        values = [self.item(type_, (*place, index)) for index in range(-(-self.chance(place, "length") // 300))]
        shape = self.chance(place, "shape")
        if shape < 60 and self.asynchronous:
            return self.async_items(values, place)
        if shape < 120:
            return tuple(values)
        return (value for value in values) if shape < 180 else values

    def item(self, type_: Any, place: Place) -> Any:
        value = self.outcome(type_, place)
        if self.asynchronous and self.chance(place, "later") < 60:
            return self.later(value, place)
        return value

    async def async_items(self, values: Sequence[Any], place: Place) -> Any:
        for index, value in enumerate(values):
            if self.chance(place, index, "stop") < 30:
                raise ValueError(f"broke off at {index}")
            yield value

    def later(self, value: Any, place: Place) -> Any:
        """The same, to be awaited."""
        coroutine = self._later(value, place)
        self.opened.append(coroutine)
        return coroutine

    def close(self) -> None:
        """Close what nobody awaited: both executors leave behind what is no longer wanted."""
        for coroutine in self.opened:
            coroutine.close()

    async def _later(self, value: Any, place: Place) -> Any:
        for _ in range(self.chance(place, "ticks") % 3):
            await asyncio.sleep(0)
        if isinstance(value, Exception):
            raise value
        return value

    def leaf(self, type_: Any, place: Place) -> Any:
        luck = self.chance(place, "leaf")
        if isinstance(type_, GraphQLEnumType):
            return (Colour.RED, Colour.BLUE, "RED", "nothing")[luck % 4]
        values: dict[str, tuple[Any, ...]] = {
            "Int": (0, -3, 2147483647, True, "12", 4.0),
            "Float": (0.5, 3, -1.25, "1.5", False),
            "String": ("", "words", "ü", 5, True, 2.5),
            "Boolean": (True, False, 1, 0),
            "ID": ("id", 7, 8.0),
            "Odd": (3, "three", 12, {"deep": [1]}, (1, 2)),
        }
        found = values[type_.name]
        return found[luck % len(found)]

    def thing(self, kind: str, place: Place) -> Any:
        thing = Thing(self, kind, place)
        luck = self.chance(place, "as")
        if luck < 200:
            return Readable(thing)
        if luck < 400 and len(place) < 8:
            # What is read from a dict is there from the first, so not too much of it.
            values: dict[str, Any] = {"__typename": kind, "place": place}
            type_: Any = self.schema.type_map[kind]
            for name in FIELDS:
                if name in type_.fields and is_leaf_type(get_named_type(type_.fields[name].type)):
                    values[name] = self.read(kind, place, name)
            return values
        return thing

    def place(self, source: Any) -> Place:
        """Where a parent stands."""
        if isinstance(source, Readable):
            return source.thing.place
        if isinstance(source, Thing):
            return source.place
        if isinstance(source, dict):
            found: Place = source.get("place", ("dict",))
            return found
        return ("odd", repr(source)) if source is not None else ()

    def resolver(self, kind: str, name: str) -> Callable[..., Any]:
        """A resolver that does at each parent what it will."""

        def resolve(source: Any, info: Any, **arguments: Any) -> Any:
            self.calls[f"{kind}.{name}"] += 1
            assert info.field_name == name
            place = (*self.place(source), name, *sorted(map(repr, arguments.items())))
            luck = self.chance(place, "resolver")
            if luck < 20:
                raise ValueError(f"raised by {kind}.{name}")
            type_: Any = self.schema.type_map[kind]
            value = self.outcome(type_.fields[name].type, place)
            if self.asynchronous and luck < 350:
                return self.later(value, place)
            return value

        return resolve

    def batch(self, kind: str) -> Callable[..., Any]:
        """A batch resolver that gives, for its fields, what their resolvers would."""

        async def batch(parents: Sequence[Any], fields: Sequence[Any], info: Any) -> Any:
            self.batch_calls.append((kind, *(one.response_key for one in fields)))
            columns = []
            for one in fields:
                type_: Any = self.schema.type_map[kind]
                resolve = type_.fields[one.name].resolve
                column: list[Any] = []
                for parent in parents:
                    told = _Told(one.name)
                    try:
                        column.append(resolve(parent, told, **one.arguments))
                    except Exception as error:
                        column.append(error)
                columns.append(column)
            return columns

        return batch

    def type_resolver(self, name: str) -> Callable[..., Any]:
        def resolve_type(value: Any, info: Any, type_: Any) -> Any:
            self.calls[f"type of {name}"] += 1
            place = (*self.place(value), "type")
            luck = self.chance(place)
            if luck < 10:
                raise ValueError(f"no type for {name}")
            found: Any = _kind(value)
            if luck < 45:
                found = ("Nowhere", None, "String", "A", 5)[luck % 5]
            return self.later(found, place) if self.asynchronous and self.chance(place, "late") > 800 else found

        return resolve_type

    def is_type_of(self, name: str) -> Callable[..., Any]:
        def is_type_of(value: Any, info: Any) -> Any:
            self.calls[f"is {name}"] += 1
            place = (*self.place(value), "is", name)
            luck = self.chance(place)
            if luck < 10:
                raise ValueError(f"is it {name}?")
            found = _kind(value) == name and luck > 20
            return self.later(found, place) if self.asynchronous and self.chance(place, "late") > 800 else found

        return is_type_of


@dataclass
class _Told:
    field_name: str


def _kind(value: Any) -> str | None:
    if isinstance(value, Readable):
        return value.thing.kind
    if isinstance(value, Thing):
        return value.kind
    return value.get("__typename") if isinstance(value, dict) else None


def _odd(value: Any) -> Any:
    if value == "three":
        raise ValueError("three is too odd")
    return None if value == 12 else value


def world(r: Random, batches: bool = False) -> World:
    """A schema and its resolvers."""
    made = World(r.getrandbits(32), r.random() < 0.7, batches)
    leaves: list[Any] = [GraphQLString, GraphQLInt, GraphQLFloat, GraphQLBoolean, GraphQLID]
    leaves.append(GraphQLEnumType("Colour", {"RED": Colour.RED, "BLUE": Colour.BLUE}))
    leaves.append(GraphQLScalarType("Odd", coerce_output_value=_odd))
    scope = GraphQLInputObjectType(
        "Scope",
        {
            "n": GraphQLInputField(GraphQLNonNull(GraphQLInt), default_value=3),
            "words": GraphQLInputField(GraphQLList(GraphQLString), out_name="texts"),
            "colour": GraphQLInputField(leaves[5]),
        },
    )
    arguments: list[dict[str, GraphQLArgument]] = [
        {},
        {},
        {"n": GraphQLArgument(GraphQLInt, default_value=1)},
        {"w": GraphQLArgument(GraphQLNonNull(GraphQLString)), "s": GraphQLArgument(scope, out_name="scope")},
        {"ids": GraphQLArgument(GraphQLList(GraphQLNonNull(GraphQLID)))},
    ]
    types: dict[str, Any] = {}

    def wrap(type_: Any) -> Any:
        for _ in range(r.choice((0, 0, 0, 1, 1, 2))):
            if r.random() < 0.35:
                type_ = GraphQLNonNull(type_)
            type_ = GraphQLList(type_)
        return GraphQLNonNull(type_) if r.random() < 0.3 else type_

    def fields_of(kind: str, names: Sequence[str]) -> dict[str, GraphQLField]:
        fields: dict[str, GraphQLField] = {}
        batch = made.batch(kind)
        for name in names:
            composite = r.random() < 0.65
            type_ = wrap(types[r.choice(("A", "B", "C", "Node", "Any"))] if composite else r.choice(leaves))
            own = r.random() < 0.6 or kind in {"Query", "Mutation"}
            fields[name] = GraphQLField(
                type_,
                args=r.choice(arguments) if own else {},
                resolve=made.resolver(kind, name) if own else None,
                extensions={"batch": batch} if own and batches and r.random() < 0.6 else None,
            )
        return fields

    shared = {"f0": GraphQLField(wrap(r.choice(leaves)))}
    types["Node"] = GraphQLInterfaceType(
        "Node", lambda: shared, resolve_type=made.type_resolver("Node") if r.random() < 0.7 else None
    )
    for kind in OBJECTS:
        own = r.sample(FIELDS[1:], r.randint(1, 4))
        types[kind] = GraphQLObjectType(
            kind,
            lambda kind=kind, own=own: {  # type: ignore[misc]
                "f0": GraphQLField(shared["f0"].type, resolve=made.resolver(kind, "f0") if r.random() < 0.4 else None),
                **fields_of(kind, own),
            },
            interfaces=[types["Node"]] if kind != "C" else [],
            is_type_of=made.is_type_of(kind) if r.random() < 0.3 else None,
        )
    types["Any"] = GraphQLUnionType(
        "Any",
        lambda: [types["A"], types["C"]],
        resolve_type=made.type_resolver("Any") if r.random() < 0.7 else None,
    )
    roots = {
        kind: GraphQLObjectType(kind, lambda kind=kind: fields_of(kind, FIELDS))  # type: ignore[misc]
        for kind in ("Query", "Mutation")
    }
    made.schema = GraphQLSchema(roots["Query"], roots["Mutation"], types=[*types.values(), scope])
    return made
