"""Brewster's whence.toml: it is read without a mistake, and every system really has what it says."""

from __future__ import annotations

import re
import tomllib
from contextlib import suppress
from typing import Any

import pytest

from app.demo.catalogue import SYSTEMS
from app.demo.launch import WHENCE_TOML
from resolvers.map_file import load_map
from resolvers.ownership_gaps import gaps
from sources.contract import Connector
from sources.declaration import ConnectorOptions, SourceDeclaration
from sources.failures import Actor, SourceFailure
from sources.paths import compile_path
from sources.registry import connector_kind
from sources.values import FieldType
from tests.demo.conftest import Running

TEXT = WHENCE_TOML.read_text(encoding="utf-8")
RAW: dict[str, Any] = tomllib.loads(TEXT)
COUNTS = {"erp": 60, "wms": 59, "pim": 59, "shop": 61, "crm": 15, "support": 35, "marketing": 13, "sales": 51}


def test_the_map_covers_every_system_and_every_type_of_field() -> None:
    assert set(RAW["sources"]) == set(SYSTEMS)
    assert {field["type"] for field in RAW["fields"].values()} == {kind.value for kind in FieldType}
    assert {source["connector"] for source in RAW["sources"].values()} == {"sql", "rest", "graphql", "file"}
    for name, field in RAW["fields"].items():
        assert {"label", "description", "max_age", "audiences"} <= set(field), name
        assert name == "rating" or set(field["steward"]) == {"name", "contact"}


def test_what_a_storefront_may_not_see() -> None:
    hidden = {name for name, field in RAW["fields"].items() if "storefront" not in field["audiences"]}
    assert hidden >= {"cost", "stockOnHand", "complaintPatterns", "workarounds", "compatibilityNotes"}
    assert RAW["fields"]["cost"]["audiences"] == ["internal"]


def test_nothing_of_a_customer_is_mapped() -> None:
    crm = RAW["sources"]["crm"]
    assert "customer" not in str({key: crm[key] for key in ("names", "identifiers", "fields", "url")})


@pytest.mark.parametrize("name", SYSTEMS)
def test_each_source_is_a_declaration_and_its_connectors_options(name: str) -> None:
    section = RAW["sources"][name]
    common = {key: value for key, value in section.items() if key in SourceDeclaration.model_fields}
    declaration = SourceDeclaration.model_validate({"name": name, **common})
    kind = connector_kind(declaration.connector)
    assert kind is not None
    options = {key: value for key, value in section.items() if key not in common}
    known = {field.alias or key for key, field in kind.options.model_fields.items()}
    assert set(options) <= known
    assert issubclass(kind.options, ConnectorOptions)


def test_the_environment_is_what_the_map_names(brewster: Running) -> None:
    assert set(re.findall(r"\$\{([A-Z_]+)\}", TEXT)) == set(brewster.environment)


def test_the_map_has_no_mistake_and_the_gaps_that_the_story_needs(brewster: Running) -> None:
    ownership = load_map(WHENCE_TOML, brewster.environment)
    assert len(ownership.fields) == len(RAW["fields"])
    assert {gap.path for gap in gaps(ownership)} == {"fields.rating.steward", "fields.webPrice.writers"}


@pytest.mark.parametrize("name", SYSTEMS)
async def test_every_system_has_what_the_map_says(brewster: Running, name: str) -> None:
    connector = open_connector(brewster, name)
    try:
        assert await connector.check() == ()
        assert await count(name, connector) == COUNTS[name]
    finally:
        await connector.close()


@pytest.mark.parametrize("action", ["stop", "garble"])
@pytest.mark.parametrize("name", SYSTEMS)
async def test_what_is_done_to_a_system_shows_and_passes(brewster: Running, name: str, action: str) -> None:
    """With one connector all along, as a running Whence has it."""
    connector = open_connector(brewster, name)
    try:
        assert await count(name, connector) == COUNTS[name]
        await getattr(brewster.control, action)(name)
        if (name, action) == ("marketing", "garble"):
            # A web page can be read as a CSV, though not as one with any record in it.
            with suppress(SourceFailure):
                assert await count(name, connector) == 0
        else:
            with pytest.raises(SourceFailure) as failed:
                await count(name, connector)
            assert failed.value.failure.kind.actor is not Actor.DEVELOPER
        await brewster.control.start(name)
        assert await count(name, connector) == COUNTS[name]
    finally:
        await connector.close()


def open_connector(brewster: Running, name: str) -> Connector:
    source = load_map(WHENCE_TOML, brewster.environment).sources[name]
    kind = connector_kind(source.declaration.connector)
    assert kind is not None
    return kind.open(source.declaration, source.options)


async def count(name: str, connector: Connector) -> int:
    """How many records the whole system holds."""
    assert connector.changes is not None
    key = compile_path(RAW["sources"][name]["key"])
    pages = connector.changes(None)
    keys = [key(document.content) async for page in pages for document in page.documents]
    return sum(found is not None for found in keys)
