"""From which types of a schema a batch resolver can be reached at all."""

from __future__ import annotations

from graphql import GraphQLSchema, get_named_type, is_abstract_type, is_composite_type


def types_that_reach_batches(schema: GraphQLSchema) -> frozenset[str]:
    """The names of all types from which a field that carries a batch resolver can be reached."""
    reaching: set[str] = set()
    leads: dict[str, set[str]] = {}
    for type_ in schema.type_map.values():
        for field in (getattr(type_, "fields", None) or {}).values() if is_composite_type(type_) else ():
            if field.extensions and "batch" in field.extensions:
                reaching.add(type_.name)
            leads.setdefault(get_named_type(field.type).name, set()).add(type_.name)
        if is_abstract_type(type_):
            for possible in schema.get_possible_types(type_):
                leads.setdefault(possible.name, set()).add(type_.name)
    todo = list(reaching)
    while todo:
        for name in leads.get(todo.pop(), ()):
            if name not in reaching:
                reaching.add(name)
                todo.append(name)
    return frozenset(reaching)
