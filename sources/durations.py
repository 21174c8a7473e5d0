"""Lengths of time as people write them in whence.toml: ``800ms``, ``5s``, ``5m``, ``2h``, ``90d``, ``1h30m``."""

from __future__ import annotations

import re
from datetime import timedelta
from typing import Annotated, Any

from pydantic import BeforeValidator, PlainSerializer

_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0, "w": 604800.0, "y": 31557600.0}
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w|y)")
_WHOLE = re.compile(rf"(?:{_PART.pattern})+")


def parse_duration(text: str) -> timedelta:
    """The length of time that ``text`` names. Raises ValueError, saying what to write, for anything else."""
    compact = text.replace(" ", "")
    if not _WHOLE.fullmatch(compact):
        raise ValueError('write a length of time such as "800ms", "30s", "5m", "2h" or "90d"')
    try:
        return timedelta(seconds=sum(float(amount) * _UNITS[unit] for amount, unit in _PART.findall(compact)))
    except OverflowError:
        raise ValueError('write a shorter length of time, such as "90d"') from None


def format_duration(length: timedelta) -> str:
    """The shortest form that :func:`parse_duration` reads back: ``1h30m``, ``800ms``; ``0s`` for nothing."""
    milliseconds = round(length.total_seconds() * 1000)
    parts = []
    for unit, size in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        amount, milliseconds = divmod(milliseconds, size)
        if amount:
            parts.append(f"{amount}{unit}")
    return "".join(parts) or "0s"


def iso_duration(length: timedelta) -> str:
    """The ISO 8601 form, as GraphQL's ``Duration`` has it: ``P90D``, ``PT5M``, ``PT0.8S``."""
    days, seconds = length.days, length.seconds + length.microseconds / 1_000_000
    hours, seconds = divmod(seconds, 3600)
    minutes, seconds = divmod(seconds, 60)
    date = f"{days}D" if days else ""
    clock = "".join(f"{amount:g}{unit}" for amount, unit in ((hours, "H"), (minutes, "M"), (seconds, "S")) if amount)
    return f"P{date}" + (f"T{clock}" if clock else "") if date or clock else "PT0S"


def _read(value: Any) -> timedelta:
    if isinstance(value, timedelta):
        return value
    if isinstance(value, str):
        return parse_duration(value)
    raise ValueError('write a length of time in quotes, such as "800ms", "5m" or "90d"')


Duration = Annotated[timedelta, BeforeValidator(_read), PlainSerializer(format_duration)]
"""A timedelta that whence.toml writes as a string."""
