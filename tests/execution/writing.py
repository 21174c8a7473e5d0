"""Writes documents and variables for a schema, nearly all of them sensible."""

from __future__ import annotations

from random import Random
from typing import Any

from graphql import GraphQLField, GraphQLSchema, get_named_type, is_leaf_type

from tests.execution.drawing import OBJECTS


class Writer:
    """Writes a document for a schema."""

    def __init__(self, r: Random, schema: GraphQLSchema) -> None:
        self.r = r
        self.schema = schema
        self.fragments: list[str] = []
        self.variables: dict[str, str] = {}
        self.budget = 60

    def document(self) -> str:
        kind = self.r.choice(("Query", "Query", "Mutation"))
        body = self.selections(self.schema.type_map[kind], 0)
        declared = ", ".join(f"${name}: {type_}" for name, type_ in self.variables.items())
        head = f"{kind.lower()} Op{f'({declared})' if declared else ''}"
        return "\n".join([f"{head} {body}", *self.fragments])

    def selections(self, type_: Any, depth: int) -> str:
        r = self.r
        parts: list[str] = []
        for _ in range(r.randint(2, 5)):
            self.budget -= 1
            choice = r.random()
            if choice < 0.12:
                parts.append(f"__typename{self.directives()}")
            elif choice < 0.25 and depth < 4 and self.budget > 0:
                on = r.choice((type_.name, *OBJECTS, "Node"))
                parts.append(f"... on {on}{self.directives()} {self.selections(self.schema.type_map[on], depth + 1)}")
            elif choice < 0.33 and depth < 4 and self.budget > 0:
                on = r.choice((type_.name, *OBJECTS, "Node"))
                name = f"F{len(self.fragments)}"
                self.fragments.append("")
                at = len(self.fragments) - 1
                body = self.selections(self.schema.type_map[on], depth + 1)
                self.fragments[at] = f"fragment {name} on {on} {body}"
                parts.append(f"...{name}{self.directives()}")
                if r.random() < 0.2:
                    parts.append(f"...{name}")
            else:
                parts.append(self.field(type_, depth))
        return f"{{ {' '.join(parts)} }}"

    def field(self, type_: Any, depth: int) -> str:
        r = self.r
        fields = getattr(type_, "fields", None)
        if not fields:
            return "__typename"
        name = r.choice(list(fields))
        found = fields[name]
        named = get_named_type(found.type)
        alias = f"{r.choice(('a', 'b', 'f1'))}: " if r.random() < 0.15 else ""
        text = f"{alias}{name}{self.arguments(found)}{self.directives()}"
        if is_leaf_type(named):
            return text
        if depth >= 4 or self.budget <= 0:
            return f"{text} {{ __typename }}"
        return f"{text} {self.selections(named, depth + 1)}"

    def arguments(self, found: GraphQLField) -> str:
        given: list[str] = []
        for name, argument in found.args.items():
            luck = self.r.random()
            if luck < (0.02 if name == "w" else 0.3):
                continue
            if luck < 0.45:
                given.append(f"{name}: ${self.variable(str(argument.type))}")
            else:
                given.append(f"{name}: {self.literal(name)}")
        return f"({', '.join(given)})" if given else ""

    def literal(self, name: str) -> str:
        values = {
            "n": ("1", "2", "3", "null", '"x"'),
            "w": ('"x"', '"y"', '""', '"z"', "null", "7"),
            "ids": ('["a", "b"]', "5", "[1, null]"),
            "s": ("{}", '{n: 4, words: "one"}', f"{{n: ${self.variable('Int')}}}", "{colour: BLUE}", "{n: null}"),
        }
        # The last of them are wrong, and rare.
        return values[name][int(self.r.random() ** 2.5 * (len(values[name]) - 0.01))]

    def variable(self, type_: str) -> str:
        if self.r.random() < 0.5:
            for name, declared in self.variables.items():
                if declared.partition(" ")[0] == type_:
                    return name
        name = f"v{len(self.variables)}"
        default = ""
        if self.r.random() < 0.3 and not type_.endswith("!"):
            default = {"Int": " = 9", "[ID!]": ' = ["d"]', "Scope": " = {n: 8}", "Boolean": " = true"}.get(type_, "")
        self.variables[name] = type_ + default
        return name

    def directives(self) -> str:
        r = self.r
        if r.random() > 0.15:
            return ""
        value = r.choice(("true", "false", f"${self.variable('Boolean!')}"))
        if r.random() < 0.1:
            value = f"${self.variable('Boolean')}"
        return f" @{r.choice(('skip', 'include'))}(if: {value})"

    def values(self) -> dict[str, Any]:
        """Values for the variables, most of them right."""
        r = self.r
        right: dict[str, tuple[Any, ...]] = {
            "Int": (5, 0, 7),
            "String!": ("text", ""),
            "[ID!]": (["a", "b"], "one", None, [3]),
            "Scope": ({}, {"n": 2, "words": ["w"], "colour": "RED"}, {"words": "w"}, None),
            "Boolean!": (True, False),
            "Boolean": (True, False),
        }
        given: dict[str, Any] = {}
        for name, declared in self.variables.items():
            type_ = declared.partition(" ")[0]
            luck = r.random()
            if luck < 0.985 and (type_.endswith("!") or luck < 0.7):
                given[name] = r.choice(right.get(type_, (None,)))
            elif luck > 0.993:
                given[name] = r.choice((["x"], {"n": "x"}, 2**40, 1.5))
        return given
