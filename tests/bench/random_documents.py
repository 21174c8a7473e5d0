"""Documents as nobody should send them: drawn at random, most of them from a schema, each a body for the endpoint."""

from __future__ import annotations

import hashlib
import json
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from graphql import (
    GraphQLEnumType,
    GraphQLField,
    GraphQLInputObjectType,
    GraphQLInputType,
    GraphQLList,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    get_nullable_type,
    is_leaf_type,
    is_required_argument,
)


@dataclass(frozen=True, slots=True)
class Drawn:
    """One body to be posted, and the kind of trouble it is."""

    kind: str
    body: bytes


class RandomDocuments:
    """An endless row of bodies, the same for the same ``seed``."""

    def __init__(self, schema: GraphQLSchema, seed: int) -> None:
        self._draw = random.Random(seed)
        self._types = [
            kind
            for name, kind in schema.type_map.items()
            if isinstance(kind, GraphQLObjectType) and not name.startswith("__")
        ]
        self._inputs = [kind for kind in schema.type_map.values() if isinstance(kind, GraphQLInputObjectType)]
        assert schema.query_type is not None
        self._query = schema.query_type
        self._known = [self.selection(self._query, 4) for _ in range(20)]
        self._number = 0
        self._kinds: Mapping[str, Callable[[], Any]] = {
            "of the schema": lambda: self.selection(self._query, 5),
            "known": lambda: self._draw.choice(self._known),
            "registered": self._registered,
            "mutated": self._mutated,
            "same name": self._same_name,
            "same name in fragments": self._fragments,
            "fragments that double": self._doubling,
            "fragments in a circle": self._circle,
            "deep": lambda: "{" + "products{edges{node{" * self._upto(300) + "id",
            "deeper": lambda: (depth := self._upto(400)) and "{a" * depth + "}" * depth,
            "aliases": lambda: "{" + " ".join(f"a{n}:__typename" for n in range(self._upto(1500))) + "}",
            "directives": lambda: "{__typename" + " @include(if:true)" * self._upto(500) + "}",
            "unknown fields": lambda: self._in_node(" ".join(self._word() for _ in range(self._upto(900)))),
            "many operations": lambda: (
                " ".join(f"query Q{n}{{...F}}" for n in range(self._upto(100)))
                + "fragment F on Query{"
                + "__typename " * self._upto(1000)
                + "}"
            ),
            "large literal": lambda: f"{{products(where:{self._literal(self._upto(1500))}){{edges{{cursor}}}}}}",
            "large variables": self._variables,
            "deep variables": lambda: {"query": "{__typename}", "variables": {"a": self._nested(self._upto(80))}},
            "long text": lambda: self._in_node('a(b:"' + "x" * self._upto(200_000) + '")'),
            "long comment": lambda: "{__typename #" + "x" * self._upto(200_000) + "\n}",
            "spaces": lambda: "{__typename" + " ," * self._upto(100_000) + "}",
            "a megabyte": lambda: "{" + "__typename " * 95_000 + "}",
            "garbage": lambda: bytes(self._draw.randrange(256) for _ in range(self._upto(300))),
        }

    def __iter__(self) -> Iterator[Drawn]:
        kinds = list(self._kinds)
        while True:
            kind = self._draw.choice(kinds)
            made = self._kinds[kind]()
            if isinstance(made, str):
                made = {"query": made}
            yield Drawn(kind, made if isinstance(made, bytes) else json.dumps(made).encode())

    def selection(self, kind: GraphQLObjectType, depth: int) -> str:
        """A selection of a type that is nearly always valid."""
        fields = list(kind.fields.items())
        chosen = self._draw.sample(fields, min(len(fields), self._draw.randint(1, 6)))
        parts = [self._field(name, field, depth) for name, field in chosen]
        return "{" + (" ".join(part for part in parts if part) or "__typename") + "}"

    def _field(self, name: str, field: GraphQLField, depth: int) -> str:
        inner = get_named_type(field.type)
        required = [key for key, argument in field.args.items() if is_required_argument(argument)]
        given = ",".join(f"{key}:{self._value(field.args[key].type)}" for key in required)
        arguments = f"({given})" if required else ""
        if is_leaf_type(inner):
            return name + arguments
        if depth == 0:
            return ""
        if isinstance(inner, GraphQLObjectType):
            return name + arguments + self.selection(inner, depth - 1)
        return name + arguments + "{__typename}"

    def _registered(self) -> Any:
        self._number += 1
        query = f"query Q{self._number} {self._draw.choice(self._known)}"
        extensions = {"persistedQuery": {"version": 1, "sha256Hash": hashlib.sha256(query.encode()).hexdigest()}}
        return {"query": query, "extensions": extensions}

    def _mutated(self) -> str:
        text = list(self.selection(self._query, 5))
        for _ in range(self._draw.randint(1, 5)):
            at = self._draw.randrange(len(text))
            text[at : at + self._draw.randint(0, 2)] = self._draw.choice(
                ["", "{", "}", '"', "...", "(", "$a", "\\", "é"]
            )
        return "".join(text) or "{"

    def _same_name(self) -> str:
        field = self._draw.choice(["id ", "facts{status} ", "...{id} ", "facts{...on Fact{candidates{value}}} "])
        return self._in_node(field * self._upto(600))

    def _fragments(self) -> str:
        count = self._upto(120)
        spreads = " ".join(f"...F{n}" for n in range(count))
        return self._in_node(spreads) + " ".join(f"fragment F{n} on Product{{facts{{status}}}}" for n in range(count))

    def _doubling(self) -> str:
        count = self._upto(99)
        chain = " ".join(
            f"fragment F{n} on Product{{...F{n + 1} facts{{status}} ...F{min(count, n + 2)}}}" for n in range(count)
        )
        return self._in_node("...F0") + chain + f"fragment F{count} on Product{{id}}"

    def _circle(self) -> str:
        count = self._draw.randint(1, 50)
        return "{...F0}" + " ".join(f"fragment F{n} on Query{{...F{(n + 1) % count} __typename}}" for n in range(count))

    def _variables(self) -> Any:
        kind = self._draw.choice(self._inputs)
        entries: list[dict[str, Any]] = [
            {name: self._draw.choice([1, "x", None, [], {}]) for name in kind.fields} for _ in range(self._upto(1000))
        ]
        return {"query": f"query($a:[{kind.name}!]){{__typename @include(if:$a)}}", "variables": {"a": entries}}

    def _nested(self, depth: int) -> Any:
        value: Any = 1
        for _ in range(depth):
            value = self._draw.choice([[value], {"and": [value]}, {"not": value}])
        return value

    def _literal(self, size: int) -> str:
        form = self._draw.choice(["{%s}", "{and:[%s]}", "[%s]"])
        part = self._draw.choice(["a:1 ", "{name:1} ", "and:[] ", "1 "])
        return form % (part * size)

    def _in_node(self, selection: str) -> str:
        return "{products{edges{node{" + selection + "}}}}"

    def _value(self, kind: GraphQLInputType, depth: int = 0) -> str:
        """A literal of an input type."""
        inner = get_nullable_type(kind)
        if isinstance(inner, GraphQLList):
            return "[" + " ".join(self._value(inner.of_type, depth) for _ in range(self._upto(3))) + "]"
        if isinstance(inner, GraphQLEnumType):
            return str(self._draw.choice(list(inner.values)))
        if isinstance(inner, GraphQLInputObjectType):
            name = self._draw.choice(list(inner.fields))
            return f"{{{name}:{self._value(inner.fields[name].type, depth + 1)}}}" if depth < 5 else "{}"
        return {"Int": "1", "Float": "1.5", "Boolean": "true"}.get(inner.name, f'"s-{self._upto(200)}"')

    def _word(self) -> str:
        return "".join(self._draw.choice("abdeilnrst") for _ in range(self._draw.randint(3, 20)))

    def _upto(self, most: int) -> int:
        return self._draw.randint(1, most)
