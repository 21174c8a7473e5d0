"""Paths of a declaration held against what a first page showed."""

from __future__ import annotations

import pytest

from sources.columns import unseen_columns
from sources.declaration import SourceDeclaration

SEEN = ["id", "name", "name.en", "name.de", "attributes", "attributes.colour", "images"]


@pytest.mark.parametrize(
    ("path", "unseen"),
    [
        ("name.en", False),
        ("name.fr", True),
        ("attributes.colour", False),
        ("attributes.color", True),
        ("attributes", False),
        ("images[0].url", False),
        ("images.url", False),
        ("colour", True),
    ],
)
def test_a_path_that_nothing_on_the_first_page_answers_to_is_told(path: str, unseen: bool) -> None:
    declaration = SourceDeclaration(
        name="pim",
        title="PIM",
        connector="rest",
        key="id",
        fields={"colour": path},  # type: ignore[dict-item]
    )
    found = unseen_columns(declaration, SEEN)
    assert [one.path for one in found] == (["fields.colour.path"] if unseen else [])
    if path == "attributes.color":
        assert found[0].instead == "write 'attributes.colour'"
