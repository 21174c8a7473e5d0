"""The documents that a company trusts: a manifest, which the build of its own client writes, registered for an audience.

Two forms are read: an object from id to text, as Relay's compiler and GraphQL code generators write it, and Apollo's
manifest. Whether the documents fit the audience's schema is not looked at here.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from resolvers.mistakes import quoted

MAX_BYTES = 20_000_000
MAX_DOCUMENTS = 10_000
MAX_ID = 200
"""Characters of an id."""
APOLLO_FORMAT = "apollo-persisted-query-manifest"

_SHA256 = re.compile(r"[0-9a-f]{64}")
_PREFIX = "sha256:"


class ManifestError(ValueError):
    """A manifest that cannot be used: each mistake as what was found and what to do instead."""

    def __init__(self, *mistakes: tuple[str, str]) -> None:
        """``mistakes``, at least one."""
        super().__init__(mistakes[0][0])
        self.mistakes = mistakes


@dataclass(frozen=True, slots=True)
class TrustedDocuments:
    """A manifest that was read. ``texts`` is by id, in the form that :func:`document_id` gives."""

    path: Path
    texts: Mapping[str, str]


def document_id(sent: str) -> str:
    """The id that a client means: ``sha256:`` before a hash may be there or not."""
    bare = sent.removeprefix(_PREFIX)
    return bare if _SHA256.fullmatch(bare) else sent


def read_manifest(path: Path) -> TrustedDocuments:
    """The manifest at ``path``. Raises ManifestError with every mistake in it."""
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "its path is no path"
        raise ManifestError((f"a file that cannot be read ({reason})", "write the path of a manifest")) from None
    if len(content) > MAX_BYTES:
        raise ManifestError((f"a file of more than {MAX_BYTES:,} bytes", "register fewer documents"))
    try:
        value = json.loads(content.decode("utf-8-sig"))
    except (ValueError, RecursionError):
        raise ManifestError(("a file that is not JSON", "write a manifest: an object from hash to document")) from None
    texts: dict[str, str] = {}
    mistakes: list[tuple[str, str]] = []
    for name, text in _entries(value):
        key = document_id(name) if isinstance(name, str) else ""
        if (mistake := _mistake(name, key, text, texts)) is not None:
            mistakes.append(mistake)
        else:
            texts[key] = text
        if len(texts) > MAX_DOCUMENTS:
            mistakes.append((f"more than {MAX_DOCUMENTS:,} documents", "register fewer documents"))
            break
    if mistakes:
        raise ManifestError(*mistakes)
    return TrustedDocuments(path, texts)


def _entries(value: Any) -> Iterator[tuple[Any, Any]]:
    if not isinstance(value, dict):
        raise ManifestError(("a file that is no JSON object", "write a manifest: an object from hash to document"))
    if "operations" not in value and "format" not in value:
        yield from value.items()
        return
    operations = value.get("operations")
    if value.get("format") != APOLLO_FORMAT or value.get("version") != 1 or not isinstance(operations, list):
        instead = f'write "format": "{APOLLO_FORMAT}", "version": 1 and a list of operations'
        raise ManifestError(("a manifest of a form that is not known", instead))
    for operation in operations:
        known = isinstance(operation, dict)
        yield (operation.get("id"), operation.get("body")) if known else (None, None)


def _mistake(name: Any, key: str, text: Any, texts: Mapping[str, str]) -> tuple[str, str] | None:
    if not isinstance(name, str) or not name or len(name) > MAX_ID:
        return "a document without an id", f"give each an id, of at most {MAX_ID} characters"
    if not isinstance(text, str) or not text.strip():
        return f"document {quoted(name)} without a text", "give each the text of its operation"
    if texts.get(key, text) != text:
        return f"document {quoted(name)} twice, with different texts", "give each text an id of its own"
    try:
        found = hashlib.sha256(text.encode()).hexdigest()
    except UnicodeEncodeError:
        return f"document {quoted(name)}, whose text is no Unicode", "write whole characters"
    if name.startswith(_PREFIX) and not _SHA256.fullmatch(key):
        return f"document {quoted(name)}, which is no SHA-256", "write its 64 hexadecimal digits in small letters"
    if _SHA256.fullmatch(key) and found != key:
        return f"document {key}, whose text has another SHA-256 ({found[:12]}…)", "build the manifest anew"
    return None
