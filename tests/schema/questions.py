"""Random questions to a schema: operations that are valid, over all its fields, with arguments from what is given."""

from __future__ import annotations

import json
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLField,
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_composite_type,
    is_interface_type,
    is_object_type,
    is_required_argument,
)


@dataclass
class Question:
    """An operation and its variables."""

    document: str
    variables: Mapping[str, Any]


@dataclass
class Asking:
    """Draws questions. ``arguments``: by the name of an argument, JSON values to choose from; one that is not there is left
    out, and a field that needs it is not asked for. ``most``: fields of a question, about."""

    schema: GraphQLSchema
    arguments: Mapping[str, Sequence[Any]]
    rng: random.Random
    most: int = 60
    _left: int = field(init=False, default=0)
    _variables: dict[str, tuple[str, Any]] = field(init=False, default_factory=dict)
    _fragments: list[str] = field(init=False, default_factory=list)

    def question(self) -> Question:
        """One question."""
        self._left, self._variables, self._fragments = self.rng.randrange(4, self.most), {}, []
        query = self.schema.query_type
        assert query is not None
        selection = self._selection(query, 0)
        declared = ", ".join(f"${name}: {kind}" for name, (kind, _) in self._variables.items())
        head = f"query Q({declared})" if declared else "query Q"
        variables = {name: value for name, (_, value) in self._variables.items() if self.rng.random() < 0.9 or "!" in _}
        return Question(f"{head} {selection} {' '.join(self._fragments)}", variables)

    def _selection(self, parent: GraphQLObjectType | GraphQLInterfaceType, depth: int) -> str:
        rng = self.rng
        fields = list(parent.fields.items())
        chosen: list[str] = []
        for name, definition in rng.sample(fields, rng.randrange(1, min(len(fields), 8) + 1)):
            text = self._field(name, definition, depth)
            if text is not None:
                chosen.append(text)
        if rng.random() < 0.2 or not chosen:
            chosen.append("__typename")
        if is_interface_type(parent) and rng.random() < 0.7:
            kinds = self.schema.get_possible_types(parent)
            for kind in rng.sample(list(kinds), min(3, len(kinds))):
                chosen.append(f"... on {kind.name} {self._selection(kind, depth + 1)}")
        rng.shuffle(chosen)
        if len(chosen) > 1 and rng.random() < 0.15:
            name = f"F{len(self._fragments)}"
            self._fragments.append(f"fragment {name} on {parent.name} {{ {' '.join(chosen[1:])} }}")
            chosen = [chosen[0], f"...{name}"]
        return "{ " + " ".join(chosen) + " }"

    def _field(self, name: str, definition: GraphQLField, depth: int) -> str | None:
        rng = self.rng
        named = get_named_type(definition.type)
        if is_composite_type(named) and (depth > 6 or self._left <= 0):
            return None
        arguments = []
        for key, argument in definition.args.items():
            if key not in self.arguments:
                if is_required_argument(argument):
                    return None
                continue
            if is_required_argument(argument) or rng.random() < 0.5:
                arguments.append(f"{key}: {self._value(key, argument)}")
        self._left -= 1
        # the same name must mean the same everywhere: what has arguments gets a name of its own
        alias = f"{name}_{rng.randrange(10**6)}: " if arguments or rng.random() < 0.1 else ""
        asked = f"({', '.join(arguments)})" if arguments else ""
        below = ""
        if is_object_type(named) or is_interface_type(named):
            below = " " + self._selection(named, depth + 1)
        return f"{alias}{name}{asked}{self._directive()}{below}"

    def _value(self, key: str, argument: GraphQLArgument) -> str:
        value = self.rng.choice(self.arguments[key])
        if self.rng.random() < 0.6:
            name = f"v{len(self._variables)}"
            self._variables[name] = (str(argument.type), value)
            return f"${name}"
        return _literal(value)

    def _directive(self) -> str:
        if self.rng.random() > 0.1:
            return ""
        name = f"v{len(self._variables)}"
        self._variables[name] = ("Boolean!", self.rng.random() < 0.5)
        return f" @{self.rng.choice(['skip', 'include'])}(if: ${name})"


def _literal(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{name}: {_literal(one)}" for name, one in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_literal, value)) + "]"
    return json.dumps(value)
