"""Trusted documents and limits as whence.toml registers them: read, checked, reloaded, and each mistake named."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import httpx2
import pytest

from app.trusted import check_trusted
from resolvers import mistakes as wording
from resolvers.map_file import MapError, load_map
from resolvers.ownership import OwnershipMap
from resolvers.request_limits import RequestLimits
from tests.api.test_reload import MAP, Company, directory, eventually, process

__all__ = ["directory"]

TITLES = 'query Titles { product(by: { alias: "bk-1" }) { title { value } } }'
STATUS = 'query Status { product(by: { alias: "bk-1" }) { title { status } } }'
TRUSTING = MAP.replace(
    "[sources.erp]",
    'trusted_documents = "documents.json"\n[audiences.shop]\ntrusted_documents = "build/shop.json"\n'
    "only_trusted = true\nautomatic_persisted_queries = false\nlimits = { depth = 5 }\n"
    '[limits]\naliases = 3\ndeadline = "2s"\n[sources.erp]',
    1,
).replace('type = "text"', 'type = "text"\naudiences = ["internal", "shop"]')


def sha256(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def apollo(*entries: tuple[str, str]) -> dict[str, Any]:
    operations = [{"id": name, "name": "N", "type": "query", "body": text} for name, text in entries]
    return {"format": "apollo-persisted-query-manifest", "version": 1, "operations": operations}


def load(place: Path, internal: object, shop: object | None = None, text: str = TRUSTING) -> OwnershipMap:
    (place / "build").mkdir(exist_ok=True)
    (place / "whence.toml").write_text(text)
    for name, manifest in (("documents.json", internal), ("build/shop.json", internal if shop is None else shop)):
        (place / name).write_text(manifest if isinstance(manifest, str) else json.dumps(manifest))
    return load_map(place / "whence.toml", {})


def mistakes(place: Path, internal: object, text: str = TRUSTING) -> list[str]:
    with pytest.raises(MapError) as caught:
        load(place, internal, {}, text)
    return [wording.describe(one) for one in caught.value.mistakes]


@pytest.mark.parametrize(
    "manifest",
    [
        {sha256(TITLES): TITLES, "titles/1": TITLES},
        {f"sha256:{sha256(TITLES)}": TITLES, "titles/1": TITLES},
        apollo((sha256(TITLES), TITLES), ("titles/1", TITLES)),
    ],
    ids=["bare", "prefixed", "apollo"],
)
def test_a_manifest_is_read_in_each_form(tmp_path: Path, manifest: object) -> None:
    audiences = load(tmp_path, manifest, {"x": STATUS}).audiences
    assert audiences["internal"].trusted is not None
    assert dict(audiences["internal"].trusted.texts) == {sha256(TITLES): TITLES, "titles/1": TITLES}
    assert audiences["shop"].trusted is not None
    assert dict(audiences["shop"].trusted.texts) == {"x": STATUS}


def test_limits_are_read_and_those_of_an_audience_stand_over_them(tmp_path: Path) -> None:
    ownership = load(tmp_path, {"x": TITLES})
    internal, shop = ownership.audiences["internal"], ownership.audiences["shop"]
    assert internal.limits == RequestLimits(aliases=3, deadline=2.0)
    assert shop.limits == RequestLimits(aliases=3, deadline=2.0, depth=5)
    assert (internal.only_trusted, internal.automatic_persisted_queries) == (False, True)
    assert (shop.only_trusted, shop.automatic_persisted_queries) == (True, False)


@pytest.mark.parametrize(
    ("manifest", "said"),
    [
        ("{", "a file that is not JSON"),
        ("[1]", "a file that is no JSON object"),
        ({"format": "another", "version": 1, "operations": []}, "a manifest of a form that is not known"),
        ({**apollo(), "version": 2}, "a manifest of a form that is not known"),
        ({"x": 5}, 'document "x" without a text'),
        ({"": TITLES}, "a document without an id"),
        ({"x" * 201: TITLES}, "a document without an id"),
        ({sha256(STATUS): TITLES}, f"document {sha256(STATUS)}, whose text has another SHA-256"),
        ({f"sha256:{sha256(STATUS)}": TITLES}, f"document {sha256(STATUS)}, whose text has another SHA-256"),
        ({"sha256:abc": TITLES}, 'document "sha256:abc", which is no SHA-256'),
        (apollo(("x", TITLES), ("x", STATUS)), 'document "x" twice, with different texts'),
        (apollo(("x", "half \ud800")), 'document "x", whose text is no Unicode'),
        ({**apollo(), "operations": ["x"]}, "a document without an id"),
    ],
    ids=lambda value: str(value)[:30],
)
def test_a_mistake_in_a_manifest_is_named_with_its_place(tmp_path: Path, manifest: object, said: str) -> None:
    [told] = mistakes(tmp_path, manifest)
    assert told.startswith(f"audiences.internal.trusted_documents: found {said}")


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            '"documents.json"',
            '"nowhere.json"',
            "audiences.internal.trusted_documents: found a file that cannot be read",
        ),
        ('trusted_documents = "build/shop.json"', "", "audiences.shop.only_trusted: found true, and no trusted"),
        ('trusted_documents = "build/shop.json"', "trusted_documents = 5", "audiences.shop.trusted_documents: found"),
        ("only_trusted", "only_trustd", "audiences.shop.only_trustd: found"),
        ("aliases = 3", "aliasses = 3", "limits.aliasses: found"),
        ("aliases = 3", "aliases = -1", "limits.aliases: found"),
        ("depth = 5", 'depth = "5m"', "audiences.shop.limits.depth: found"),
        ('deadline = "2s"', 'deadline = "2h"', "limits.deadline: found"),
    ],
)
def test_a_mistake_in_the_map_is_named_with_its_place(tmp_path: Path, old: str, new: str, said: str) -> None:
    [told] = mistakes(tmp_path, {}, TRUSTING.replace(old, new, 1))
    assert told.startswith(said)


def test_a_document_that_its_audience_may_not_send_is_named_with_its_operation_and_the_reason(tmp_path: Path) -> None:
    deep = "query Deep { " + "a { " * 8 + "b" + " }" * 9
    ownership = load(
        tmp_path, {"d": deep}, {"ok": TITLES, "s": "query Prying { sources { name } }", "d": deep, "n": "{"}
    )
    told = [wording.describe(one) for one in check_trusted(ownership)]
    assert [one.split(":")[0] for one in told] == [
        "audiences.internal.trusted_documents",
        *["audiences.shop.trusted_documents"] * 3,
    ]
    assert "document d (query Deep), which" in told[0]
    assert "document s (query Prying), which this audience may not send: Cannot query field 'sources'" in told[1]
    assert (
        "document d (query Deep), which this audience may not send: The operation is beyond the limit of depth"
        in told[2]
    )
    assert "document n, which this audience may not send: Syntax Error" in told[3]


def trusted(company: Company, audience: str) -> Mapping[str, str]:
    """What one audience of a running process trusts."""
    found = company.current().ownership.audiences[audience].trusted
    return found.texts if found else {}


async def test_a_manifest_that_is_built_anew_takes_effect_and_a_wrong_one_leaves_the_old(
    directory: Path, database_url: str
) -> None:
    load(directory, {"t": TITLES})
    async with process(directory, database_url) as company, httpx2.AsyncClient(trust_env=False) as client:

        async def ask(name: str, **headers: str) -> dict[str, Any]:
            url = f"{company.address}/graphql"
            answer: dict[str, Any] = (await client.post(url, json={"documentId": name}, headers=headers)).json()
            return answer

        assert "product" in (await ask("t"))["data"]
        assert (await ask("s"))["errors"][0]["extensions"]["code"] == "UNKNOWN_DOCUMENT"
        assert (await ask("s", **{"X-Whence-Audience": "shop"}))["errors"][0]["extensions"][
            "code"
        ] == "UNTRUSTED_DOCUMENT"
        for name in ("documents.json", "build/shop.json"):  # the map's own file is as it was
            (directory / name).write_text(json.dumps({"t": TITLES, "s": STATUS}))
        await eventually(lambda: all(len(trusted(company, name)) == 2 for name in ("internal", "shop")))
        assert "product" in (await ask("s"))["data"]
        assert "product" in (await ask("s", **{"X-Whence-Audience": "shop"}))["data"]
        (directory / "documents.json").write_text("{")
        assert (await company.reloaded(len(company.told) + 1)).mistakes
        assert "product" in (await ask("s"))["data"]
