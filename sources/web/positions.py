"""Whether the place where a system says that the next page begins is a count, or a place that stays where it is.

A count (page 3, after 100 records) moves when a record before it is deleted, and the walk steps over a neighbour. A
cursor that names the last record, or that the system keeps, does not.
"""

from __future__ import annotations

import re
from base64 import urlsafe_b64decode
from binascii import Error as BadBase64
from urllib.parse import parse_qsl, urlsplit

_COUNT = re.compile(r"(?:(?:array|offset|skip|page|start|from|position|row)\w*\W{0,3})?\d+", re.IGNORECASE)
_COUNTING = re.compile(
    r"(?:page|p|pg|offset|start|skip|from|first|row|position|startat|start_?index|page_?(?:no|num|number|index))"
    r"|.*\[(?:page|number|offset|skip|start)\]",
    re.IGNORECASE,
)
_KEEPING = re.compile(
    r".*(?:cursor|after|token|since|continu|marker|scroll|seek|page_?info|last_?id|next_?id|resume).*", re.IGNORECASE
)


def counts(cursor: str) -> bool:
    """Whether a cursor looks like a count: a bare number, or one in base64, as ``arrayconnection:49``."""
    if _COUNT.fullmatch(cursor):
        return True
    try:
        plain = urlsafe_b64decode(cursor + "=" * (-len(cursor) % 4)).decode("ascii")
    except (BadBase64, ValueError):
        return False
    return _COUNT.fullmatch(plain) is not None


def address_counts(url: str) -> bool:
    """Whether the address of a next page looks like a count. It does unless it plainly carries a cursor: to take a place for
    a count costs a walk more before what is gone is gone, and the other mistake costs records."""
    parameters = parse_qsl(urlsplit(url).query)
    if any(_COUNTING.fullmatch(name) and value.isdecimal() for name, value in parameters):
        return True
    return not any(_KEEPING.fullmatch(name) and not counts(value) for name, value in parameters)
