"""Which media type an answer has: what the client accepts against what Whence offers.

``application/graphql-response+json`` carries the outcome in the status code; ``application/json`` answers 200 to every
well-formed request. A client that names neither gets ``application/json``, as GraphQL over HTTP asks for now.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

RANGES = 50
"""How many media ranges of an Accept header are read."""


class MediaType(StrEnum):
    """The media types of answers."""

    GRAPHQL = "application/graphql-response+json"
    JSON = "application/json"
    HTML = "text/html"

    @property
    def content_type(self) -> str:
        """As the Content-Type header says it."""
        return f"{self.value}; charset=utf-8"


@dataclass(frozen=True, slots=True)
class _Range:
    type: str
    subtype: str
    q: float

    def specificity(self, media: MediaType) -> int:
        """2 names the type itself, 1 its kind (``application/*``), 0 anything, -1 does not cover it."""
        kind, _, name = media.value.partition("/")
        if self.type == "*":
            return 0 if self.subtype == "*" else -1
        if self.type != kind:
            return -1
        if self.subtype == "*":
            return 1
        return 2 if self.subtype == name else -1


def negotiate(accept: str | None, offered: Sequence[MediaType]) -> MediaType | None:
    """The one of ``offered`` that the client wants most; None where it accepts none of them.

    Ties between types that the client names go to the earlier of ``offered``; ties between types that it covers by a
    wildcard go to ``application/json``, for such a client does not know of the newer type."""
    if accept is None or not accept.strip():
        return MediaType.JSON
    ranges = tuple(_ranges(accept))
    best: MediaType | None = None
    best_rank: tuple[float, int, int] = (0.0, -1, -1)
    for position, media in enumerate(offered):
        covering = [(found.specificity(media), found.q) for found in ranges]
        specificity, q = max(covering, key=lambda pair: pair[0], default=(-1, 0.0))
        if specificity < 0 or q <= 0:
            continue
        preference = len(offered) - position if specificity == 2 else int(media is MediaType.JSON)
        if (rank := (q, specificity, preference)) > best_rank:
            best, best_rank = media, rank
    return best


def prefers_html(accept: str | None) -> bool:
    """Whether a person's browser asks: HTML is named, and wanted no less than what programs take."""
    return negotiate(accept, (MediaType.HTML, MediaType.GRAPHQL, MediaType.JSON)) is MediaType.HTML


def _ranges(accept: str) -> Iterator[_Range]:
    for entry in accept.split(",")[:RANGES]:
        media, *parameters = (part.strip().lower() for part in entry.split(";"))
        kind, slash, name = media.partition("/")
        if not slash:
            continue
        q, understood = 1.0, True
        for parameter in parameters:
            key, _, value = parameter.partition("=")
            if key.strip() == "q":
                q = _quality(value.strip())
            elif key.strip() == "charset":
                understood = value.strip().strip('"') in ("utf-8", "utf8")
        if understood:
            yield _Range(kind, name, q)


def _quality(text: str) -> float:
    return float(text) if re.fullmatch(r"0(\.\d{0,3})?|1(\.0{0,3})?", text) else 0.0
