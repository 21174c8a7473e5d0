"""The README, held to its word: its first query gives its first answer, its commands exist, its maps are maps."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import httpx2
import pytest

from tests.story.conftest import Brewster

CHECKOUT = Path(__file__).resolve().parents[2]
README = (CHECKOUT / "README.md").read_text()


def blocks(language: str) -> list[str]:
    """The README's blocks of one language."""
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


def agrees(shown: Any, given: Any) -> bool:
    """Is what the README shows what was given, where it shows anything but an ellipsis?"""
    if shown == "…":
        return True
    if isinstance(shown, dict):
        return isinstance(given, dict) and all(agrees(value, given.get(name)) for name, value in shown.items())
    if isinstance(shown, list):
        return isinstance(given, list) and len(shown) == len(given) and all(map(agrees, shown, given))
    return bool(shown == given)


async def test_the_first_query_gives_the_first_answer(brewster: Brewster) -> None:
    (query,) = re.findall(r"--data-urlencode 'query=(.*?)'", README, re.DOTALL)
    (shown,) = blocks("json")
    async with httpx2.AsyncClient() as client:
        response = await client.get(f"{brewster.address}/graphql", params={"query": query})
    assert response.status_code == 200
    assert agrees(json.loads(shown), response.json()), response.text


def test_every_command_it_names_exists() -> None:
    told = subprocess.run([sys.executable, "-m", "app.cli", "--help"], capture_output=True, text=True, check=True)
    named = set(re.findall(r"whence ([a-z]+)", README)) - {"is"}
    assert named
    for command in named:
        assert re.search(rf"\b{command}\b", told.stdout), command
    targets = set(re.findall(r"make ([a-z]+)", README))
    makefile = (CHECKOUT / "Makefile").read_text()
    for target in targets:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("block", blocks("toml"))
def test_every_map_it_shows_is_toml(block: str) -> None:
    assert tomllib.loads(block)


@pytest.mark.parametrize("path", sorted(set(re.findall(r"\]\(([^)#:]+)\)", README))))
def test_every_file_it_points_at_is_there(path: str) -> None:
    assert (CHECKOUT / path).exists()
