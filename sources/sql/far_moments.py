"""PostgreSQL's dates and times beyond Python's: the year 20000, years before Christ, 24:00, ages of the earth.

asyncpg raises at the first of them and loses the rows beside it. A connection that has met one reads such types as
counts instead: what Python can say comes out as it does otherwise, and what it cannot as a :class:`FarMoment` or as a
text, in PostgreSQL's words. That costs some time a value, so only such connections do it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, time, timedelta, timezone
from typing import Any, TypeAlias

import asyncpg

_FIRST = datetime(2000, 1, 1)
_ERA = 146_097
"""Days in 400 years, after which the calendar repeats."""
_DAY = 86_400_000_000
_LATEST, _EARLIEST = 2**63 - 1, -(2**63)
_LATEST_DAY, _EARLIEST_DAY = 2**31 - 1, -(2**31)

Connection: TypeAlias = "asyncpg.Connection[asyncpg.Record]"


class FarMoment(datetime):
    """A moment that Python cannot say: to compare, the last or the first there is; ``count`` is PostgreSQL's own
    (microseconds since 2000)."""

    count: int

    @classmethod
    def of(cls, count: int, *, zoned: bool) -> FarMoment:
        """The moment of that count; ``zoned``: of a column that keeps a zone."""
        end = datetime.max if count > 0 else datetime.min
        far = cls(*end.timetuple()[:6], end.microsecond, UTC if zoned else None)
        far.count = count
        return far

    def __str__(self) -> str:
        """As PostgreSQL writes it, in UTC."""
        days, micros = divmod(self.count, _DAY)
        zone = "+00" if self.tzinfo else ""
        day, era = _day_text(days)
        clock = (datetime.min + timedelta(microseconds=micros)).time().isoformat()
        return f"{day} {clock}{zone}{era}"


async def read_far_moments(connection: Connection) -> None:
    """Have ``connection`` read every date, time and interval, and texts of any bytes."""
    codecs: tuple[tuple[str, Callable[[Any], Any], Callable[[Any], Any]], ...] = (
        ("timestamptz", lambda value: (_count(value, zoned=True),), lambda form: _moment(form[0], zoned=True)),
        ("timestamp", lambda value: (_count(value, zoned=False),), lambda form: _moment(form[0], zoned=False)),
        ("date", lambda value: (_day_count(value),), lambda form: _day(form[0])),
        ("time", lambda value: (_micros(value),), lambda form: _time(form[0])),
        ("timetz", _zoned_micros, lambda form: _time(*form)),
        ("interval", _interval_form, _interval),
    )
    for name, encoder, decoder in codecs:
        await connection.set_type_codec(name, schema="pg_catalog", encoder=encoder, decoder=decoder, format="tuple")
    for name in ("text", "varchar", "bpchar", "name"):
        await connection.set_type_codec(
            name,
            schema="pg_catalog",
            encoder=str.encode,
            decoder=lambda raw: raw.decode("utf-8", "replace"),
            format="binary",
        )


# ── Moments ────────────────────────────────────────────────────────────────────────────────────────────────────────


def _moment(count: int, *, zoned: bool) -> datetime:
    if count in (_LATEST, _EARLIEST):
        return datetime.max if count > 0 else datetime.min  # as asyncpg reads infinity
    try:
        moment = _FIRST + timedelta(microseconds=count)
    except OverflowError:
        return FarMoment.of(count, zoned=zoned)
    return moment.replace(tzinfo=UTC) if zoned else moment


def _count(value: Any, *, zoned: bool) -> int:
    if isinstance(value, FarMoment):
        return value.count
    if not isinstance(value, datetime):
        value = datetime(value.year, value.month, value.day)
    naive = value.replace(tzinfo=None)
    if naive in (datetime.max, datetime.min):
        return _LATEST if naive == datetime.max else _EARLIEST
    if value.tzinfo is not None:
        naive = value.astimezone(UTC).replace(tzinfo=None)
    elif zoned:
        naive = value.astimezone(UTC).replace(tzinfo=None)  # as asyncpg takes it
    since: timedelta = naive - _FIRST
    return since // timedelta(microseconds=1)


def _day(count: int) -> date | str:
    if count in (_LATEST_DAY, _EARLIEST_DAY):
        return date.max if count > 0 else date.min
    try:
        return _FIRST.date() + timedelta(days=count)
    except OverflowError:
        return "".join(_day_text(count))


def _day_count(value: Any) -> int:
    if value in (date.max, date.min):
        return _LATEST_DAY if value == date.max else _EARLIEST_DAY
    return (date(value.year, value.month, value.day) - _FIRST.date()).days


def _day_text(days: int) -> tuple[str, str]:
    """A day so many days after the first of 2000, and its era, as PostgreSQL writes them."""
    eras = days // _ERA
    day = _FIRST.date() + timedelta(days=days - eras * _ERA)
    year = day.year + 400 * eras
    return f"{year if year > 0 else 1 - year:04d}-{day:%m-%d}", "" if year > 0 else " BC"


# ── Times and intervals ────────────────────────────────────────────────────────────────────────────────────────────


def _time(micros: int, west: int | None = None) -> time | str:
    zone = None if west is None else timezone(timedelta(seconds=-west))
    if micros >= _DAY:
        return "24:00:00" if zone is None else f"24:00:00{time(tzinfo=zone).isoformat()[8:]}"
    return (datetime.min + timedelta(microseconds=micros)).time().replace(tzinfo=zone)


def _micros(value: Any) -> int:
    return (datetime.combine(date.min, value.replace(tzinfo=None)) - datetime.min) // timedelta(microseconds=1)


def _zoned_micros(value: Any) -> tuple[int, int]:
    return _micros(value), -int((value.utcoffset() or timedelta()).total_seconds())


def _interval(form: Any) -> timedelta | str:
    months, days, micros = form
    if months in (2**31 - 1, -(2**31)):
        return "infinity" if months > 0 else "-infinity"
    years, left = divmod(abs(months), 12)
    sign = -1 if months < 0 else 1
    try:
        return timedelta(days=days + sign * (years * 365 + left * 30), microseconds=micros)
    except OverflowError:
        return f"{months} months {days} days {micros} microseconds"


def _interval_form(value: Any) -> tuple[int, int, int]:
    return 0, value.days, value.seconds * 1_000_000 + value.microseconds
