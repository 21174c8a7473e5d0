"""Making types that hold products: each audience has its own ``Product``, and so its own of everything around it."""

from __future__ import annotations

from typing import Any, NamedTuple

import strawberry

from schema.product import ProductNode


class PlainField(NamedTuple):
    """A field without a resolver: nothing is called to answer it."""

    attribute: str
    kind: Any
    field: Any


def made_type(name: str, description: str, **fields: Any) -> type[Any]:
    """An object type of these fields."""
    annotations: dict[str, Any] = {}
    namespace: dict[str, Any] = {}
    for key, field in fields.items():
        if isinstance(field, PlainField):
            annotations[field.attribute] = field.kind
            namespace[field.attribute] = field.field
        else:
            namespace[key] = field
    made = type(name, (), {"__annotations__": annotations, "__module__": __name__, **namespace})
    return strawberry.type(made, description=description)


def resolved_field(name: str, kind: Any, resolver: Any, description: str) -> Any:
    """A field that ``resolver`` resolves. Its function is named after it, for fields are told apart by that."""
    resolver.__name__ = name
    return strawberry.field(resolver=resolver, name=name, graphql_type=kind, description=description)


def plain_field(name: str, kind: Any, description: str, attribute: str | None = None) -> PlainField:
    """A field that is an attribute of what stands behind the type."""
    return PlainField(attribute or name, kind, strawberry.field(name=name, description=description))


def product_field(product: type[Any], attribute: str, description: str, name: str | None = None) -> Any:
    """A field that is the product whose id is an attribute of what stands behind the type."""

    def resolver(root: strawberry.Parent[Any]) -> Any:
        return ProductNode(getattr(root, attribute))

    return resolved_field(name or attribute, product, resolver, description)
