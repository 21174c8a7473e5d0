"""Reading the addresses of pictures, films and documents; used by :mod:`sources.interpretation.interpret`."""

from __future__ import annotations

import re
from collections.abc import Callable
from urllib.parse import urlsplit

from sources.interpretation.plain_text import member, optional_text, wrong_kind
from sources.interpretation.texts import quoted
from sources.interpretation.unreadable import UnreadableValue
from sources.values import JSON, Media

MAX_ADDRESS = 4000
"""Characters of an address."""

_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.\-]*:")
_HOST_ONLY = re.compile(r"https?://[^/]+", re.IGNORECASE)


def media_reader(prefix: str) -> Callable[[JSON], Media | UnreadableValue | None]:
    """Media: an address, or an object with one. ``prefix`` stands before relative addresses."""

    def parse(raw: JSON) -> Media | UnreadableValue | None:
        alt = media_type = None
        if isinstance(raw, dict):
            alt = optional_text(member(raw, "alt", "altText", "alt_text"))
            media_type = optional_text(member(raw, "mediaType", "media_type", "mimeType", "mime_type"))
            raw = member(raw, "url", "src", "href")
            raw = raw.strip() if isinstance(raw, str) else raw
            if raw is None or raw == "":
                return None
        if not isinstance(raw, str):
            return wrong_kind(raw, "the address of a picture or document")
        address = _address(raw, prefix)
        return address if isinstance(address, UnreadableValue) else Media(address, alt, media_type)

    return parse


def _address(text: str, prefix: str) -> str | UnreadableValue:
    if prefix and not _SCHEME.match(text):
        if prefix.endswith("/") and text.startswith("/"):
            text = text[1:]
        elif _HOST_ONLY.fullmatch(prefix) and not text.startswith("/"):
            text = "/" + text
        text = prefix + text
    text = text.replace(" ", "%20")
    if len(text) > MAX_ADDRESS or "\\" in text or not text.isprintable():
        return UnreadableValue(f"{quoted(text)} is not an address")
    try:
        parts = urlsplit(text)
        host, user = parts.hostname, parts.username
    except ValueError:
        return UnreadableValue(f"{quoted(text)} is not an address")
    if user is not None:
        return UnreadableValue("an address that holds a user's name or password")
    if parts.scheme in {"http", "https"} and host:
        return text
    if parts.scheme:
        return UnreadableValue(f"{quoted(text)} is not an http or https address")
    return UnreadableValue(f"{quoted(text)} is a relative address; declare a prefix")
