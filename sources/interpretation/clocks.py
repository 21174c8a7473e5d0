"""Reading clocks and dates: every form that systems really write, to one aware datetime in UTC.

A form that could be read in two ways (``03/04/2025``) is not read at all. A clock without a zone is in the zone that
its source declares. Whole numbers are seconds since 1970 from nine digits on, milliseconds from twelve, microseconds
from fifteen; eight digits are a day (``20251231``) and, in a text, fourteen a day and a time.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from decimal import Decimal
from email.utils import parsedate_to_datetime
from functools import lru_cache
from zoneinfo import ZoneInfo

from sources.interpretation.texts import kind_of, quoted
from sources.interpretation.unreadable import UnreadableValue
from sources.values import JSON

FIRST_YEAR, LAST_YEAR = 1900, 2200
"""A date outside these years is a placeholder or a mistake, and some of them make a database row unreadable."""

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ISO = re.compile(
    r"(?P<day>[0-9]{4}[-/][0-9]{2}[-/][0-9]{2})"
    r"(?:[Tt ] ?(?P<time>[0-9]{2}:[0-9]{2}(?::[0-9]{2}(?:[.,][0-9]{1,12})?)?)"
    r"(?: ?(?P<zone>[Zz]|UTC|GMT|[+-][0-9]{2}(?::?[0-9]{2})?))?)?"
)
_DOTTED = re.compile(
    r"(?P<day>[0-9]{1,2})\. ?(?P<month>[0-9]{1,2})\. ?(?P<year>[0-9]{4})"
    r"(?:,? (?P<hour>[0-9]{1,2}):(?P<minute>[0-9]{2})(?::(?P<second>[0-9]{2}))?(?: Uhr)?)?"
)
_MAIL = re.compile(
    r"(?:[A-Za-z]{3}, ?)?[0-9]{1,2} [A-Za-z]{3} [0-9]{4} [0-9]{2}:[0-9]{2}(?::[0-9]{2})? [A-Z+\-0-9]{1,6}"
)
_SLASHED = re.compile(r"[0-9]{1,2}/[0-9]{1,2}/[0-9]{2,4}.*")
_DIGITS = re.compile(r"[0-9]{8,16}")
_DECIMAL_SECONDS = re.compile(r"[0-9]{9,10}\.[0-9]{1,9}")


@lru_cache(maxsize=256)
def zone(name: str) -> tzinfo:
    """The time zone of an IANA name such as ``Europe/Berlin``. Raises ValueError, saying what to write."""
    if name.upper() in {"UTC", "Z"}:
        return UTC
    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        raise ValueError(f'{quoted(name)} is no time zone; write one such as "UTC" or "Europe/Berlin"') from None


def read_clock(raw: JSON, timezone: tzinfo = UTC) -> datetime | None:
    """The moment that ``raw`` says, aware and in UTC; None where it says none or none that can be read."""
    moment = read_moment(raw, timezone)
    return moment if isinstance(moment, datetime) else None


def read_moment(raw: JSON, timezone: tzinfo = UTC) -> datetime | UnreadableValue | None:
    """As :func:`read_clock`, but what is there and cannot be read is answered with its reason."""
    if isinstance(raw, str):
        text = raw.strip()
        return _of_text(text, timezone) if text else None
    if raw is None or isinstance(raw, UnreadableValue):
        return raw
    if isinstance(raw, datetime):
        return _settled(raw, raw, timezone)
    if isinstance(raw, date):
        return _settled(datetime(raw.year, raw.month, raw.day), raw, timezone)
    if isinstance(raw, int) and not isinstance(raw, bool):
        return _of_count(raw, timezone)
    if isinstance(raw, Decimal) and raw.is_finite() and -20 < raw.adjusted() < 20:
        return _of_count(int(raw), timezone) if raw == int(raw) else _since_epoch(raw)
    return UnreadableValue(f"{quoted(raw)} is {kind_of(raw)}, where a date is wanted")


def _of_text(text: str, timezone: tzinfo) -> datetime | UnreadableValue:
    if found := _ISO.fullmatch(text):
        zoned = found["zone"] or ""
        plain = f"{found['day'].replace('/', '-')}T{found['time'] or '00:00'}"
        plain += "Z" if zoned.upper() in {"Z", "UTC", "GMT"} else zoned
        if plain.startswith("0000-"):
            return UnreadableValue(f"{quoted(text)} is a zero date, which says nothing")
        try:
            return _settled(datetime.fromisoformat(plain), text, timezone)
        except ValueError:
            return _not_a_date(text)
    if found := _DOTTED.fullmatch(text):
        parts = {name: int(part) for name, part in found.groupdict(default="0").items()}
        try:
            return _settled(datetime(**parts), text, timezone)  # type: ignore[arg-type]
        except ValueError:
            return _not_a_date(text)
    if _DIGITS.fullmatch(text):
        if len(text) == 14:
            return _compact(text, timezone)
        return _of_count(int(text), timezone)
    if _DECIMAL_SECONDS.fullmatch(text):
        return _since_epoch(Decimal(text))
    if _MAIL.fullmatch(text):
        try:
            return _settled(parsedate_to_datetime(text), text, UTC)
        except (ValueError, TypeError, IndexError, OverflowError):
            return _not_a_date(text)
    if _SLASHED.fullmatch(text):
        return UnreadableValue(f"{quoted(text)} could be day or month first; write dates as 2025-12-31")
    return _not_a_date(text)


def _of_count(number: int, timezone: tzinfo) -> datetime | UnreadableValue:
    if 19_000_101 <= number <= 22_001_231:
        return _compact(f"{number}000000", timezone)
    if 10**8 < number < 10**11:
        return _since_epoch(Decimal(number))
    if 10**11 <= number < 10**14:
        return _since_epoch(Decimal(number) / 1000)
    if 10**14 <= number < 10**17:
        return _since_epoch(Decimal(number) / 1_000_000)
    return UnreadableValue(f"{quoted(number)} is a number, where a date is wanted")


def _compact(digits: str, timezone: tzinfo) -> datetime | UnreadableValue:
    try:
        return _settled(datetime.strptime(digits, "%Y%m%d%H%M%S"), digits, timezone)
    except ValueError:
        return _not_a_date(digits)


def _since_epoch(seconds: Decimal) -> datetime | UnreadableValue:
    if not 10**8 < seconds < 7_258_118_400:
        return UnreadableValue(f"{quoted(seconds)} seconds since 1970 is outside the years {FIRST_YEAR} to {LAST_YEAR}")
    return _EPOCH + timedelta(microseconds=int(seconds * 1_000_000))


def _settled(moment: datetime, raw: object, timezone: tzinfo) -> datetime | UnreadableValue:
    if not FIRST_YEAR <= moment.year <= LAST_YEAR:
        return UnreadableValue(f"{quoted(raw)} is outside the years {FIRST_YEAR} to {LAST_YEAR}")
    if moment.tzinfo is None:
        moment = moment.replace(tzinfo=timezone)
    return moment.astimezone(UTC)


def _not_a_date(text: str) -> UnreadableValue:
    return UnreadableValue(f"{quoted(text)} is not a date; write dates as 2025-12-31 or 2025-12-31T10:00:00Z")
