"""The published schemas: what is committed is what is served, and the contract's names are all there.

``python -m tests.schema.test_sdl`` writes the committed files anew, where a change is meant.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import strawberry
from graphql import GraphQLObjectType, build_schema

from app.demo.launch import WHENCE_TOML
from resolvers.map_file import load_map
from resolvers.ownership import OwnershipMap
from schema.build import build_schemas

SCHEMA = Path(__file__).resolve().parents[2] / "schema"
COMMITTED = {"internal": SCHEMA / "schema.graphql", "storefront": SCHEMA / "schema.storefront.graphql"}


def demo_map() -> OwnershipMap:
    """The demo's map, with addresses of nothing: a schema depends on none."""
    names = set(re.findall(r"\$\{(\w+)\}", WHENCE_TOML.read_text()))
    databases = dict.fromkeys(("ERP_URL", "WMS_URL"), "postgresql://nowhere.invalid/db")
    return load_map(WHENCE_TOML, dict.fromkeys(names, "https://nowhere.invalid") | databases)


@pytest.fixture(scope="module")
def ownership() -> OwnershipMap:
    """The demo's map."""
    return demo_map()


@pytest.fixture(scope="module")
def schemas(ownership: OwnershipMap) -> dict[str, strawberry.Schema]:
    """Every audience's schema."""
    return build_schemas(ownership)


@pytest.mark.parametrize("audience", COMMITTED)
def test_the_committed_sdl_is_the_one_that_is_served(schemas: dict[str, strawberry.Schema], audience: str) -> None:
    committed = COMMITTED[audience].read_text()
    assert committed == schemas[audience].as_str() + "\n", "if that is meant: python -m tests.schema.test_sdl"


def test_every_field_of_the_map_is_a_fact_and_a_value(
    ownership: OwnershipMap, schemas: dict[str, strawberry.Schema]
) -> None:
    for audience, schema in schemas.items():
        sdl = build_schema(schema.as_str())
        product, values = sdl.type_map["Product"], sdl.type_map["ProductValues"]
        assert isinstance(product, GraphQLObjectType)
        assert isinstance(values, GraphQLObjectType)
        declared = {field.name for field in ownership.fields.values() if audience in field.audiences}
        own = {"id", "values", "facts", "crosswalk", "conflicts", "completeness", "history", "compatibleWith"}
        assert set(product.fields) == declared | own
        currencies = {name for name in values.fields if name.endswith("Currency")}
        assert set(values.fields) - currencies == declared


@pytest.mark.parametrize(
    ("type_name", "fields"),
    [
        ("Query", "product productsBy products search ownershipMap sources plan matchCandidates"),
        ("MatchCandidateConnection", "edges pageInfo"),
        ("TextFact", "definition status freshness source sourceRecordId lastUpdated lastUpdatedBasis observedAt"
                     " candidates conflict value"),
        ("Claim", "source sourceRecordId value display lastUpdated observedAt isWinner reason"),
        ("Crosswalk", "source recordId names identifiers linkedBy confidence linkedAt updatedAt observedAt"),
        ("FieldDefinition", "name label description type systemOfRecord fallback steward maxAge tolerance readers"
                            " writers audiences"),
        ("OwnershipMap", "version fields risks unmapped"),
        ("SearchHit", "product alias source scheme"),
        ("Media", "url alt mediaType"),
        ("Note", "text author createdAt kind"),
    ],
)  # fmt: skip
def test_the_contracts_names_are_there(schemas: dict[str, strawberry.Schema], type_name: str, fields: str) -> None:
    found = build_schema(schemas["internal"].as_str()).type_map[type_name]
    assert isinstance(found, GraphQLObjectType)
    assert set(fields.split()) <= set(found.fields)


def test_everything_is_described(schemas: dict[str, strawberry.Schema]) -> None:
    sdl = build_schema(schemas["internal"].as_str())
    bare = [name for name, one in sdl.type_map.items() if not name.startswith("__") and not one.description]
    assert set(bare) <= {"String", "Int", "Float", "Boolean", "ID"}


if __name__ == "__main__":
    for name, path in COMMITTED.items():
        path.write_text(build_schemas(demo_map())[name].as_str() + "\n")
