"""Making types that hold products: each audience has its own ``Product``, and so its own of everything around it."""

from __future__ import annotations

from typing import Any

import strawberry

from schema.product import ProductNode


def made_type(name: str, description: str, **fields: Any) -> type[Any]:
    """An object type of these fields."""
    made = type(name, (), {"__annotations__": {}, "__module__": __name__, **fields})
    return strawberry.type(made, description=description)


def resolved_field(name: str, kind: Any, resolver: Any, description: str) -> Any:
    """A field that ``resolver`` resolves. Its function is named after it, for fields are told apart by that."""
    resolver.__name__ = name
    return strawberry.field(resolver=resolver, name=name, graphql_type=kind, description=description)


def plain_field(name: str, kind: Any, description: str, attribute: str | None = None) -> Any:
    """A field that is an attribute of what stands behind the type."""

    def resolver(root: strawberry.Parent[Any]) -> Any:
        return getattr(root, attribute or name)

    return resolved_field(name, kind, resolver, description)


def product_field(product: type[Any], attribute: str, description: str, name: str | None = None) -> Any:
    """A field that is the product whose id is an attribute of what stands behind the type."""

    def resolver(root: strawberry.Parent[Any]) -> Any:
        return ProductNode(getattr(root, attribute))

    return resolved_field(name or attribute, product, resolver, description)
