"""Cursors of pages: what a page ended with, signed, so that a cursor that was made up or belongs to another list is
refused rather than obeyed."""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
from dataclasses import dataclass

import orjson

from sources.values import JSON

_LONGEST = 2000
_SIGNATURE = 8


class BadCursor(ValueError):
    """A cursor that this list has not given out."""


@dataclass(frozen=True, slots=True)
class Cursors:
    """Writes and reads cursors with the installation's key."""

    key: bytes

    def write(self, listing: JSON, position: JSON) -> str:
        """The cursor of ``position`` in ``listing``, which says what the list is: its name, filter and order."""
        body = orjson.dumps(position)
        return base64.urlsafe_b64encode(self._signature(listing, body) + body).decode().rstrip("=")

    def read(self, listing: JSON, cursor: str) -> JSON:
        """The position that :meth:`write` was given for the same ``listing``. Raises BadCursor."""
        if len(cursor) > _LONGEST:
            raise BadCursor
        try:
            data = base64.b64decode(cursor + "=" * (-len(cursor) % 4), altchars=b"-_", validate=True)
        except (binascii.Error, ValueError) as error:
            raise BadCursor from error
        signature, body = data[:_SIGNATURE], data[_SIGNATURE:]
        if not hmac.compare_digest(signature, self._signature(listing, body)):
            raise BadCursor
        return orjson.loads(body)

    def _signature(self, listing: JSON, body: bytes) -> bytes:
        about = orjson.dumps(listing, option=orjson.OPT_SORT_KEYS, default=str)
        return hashlib.blake2b(about + b"\x00" + body, key=self.key, digest_size=_SIGNATURE).digest()
