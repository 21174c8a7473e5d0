"""Asking the published schema, as any client does."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from app.cli.ending import Ended, ExitCode
from app.cli.output import clean, remark
from app.redaction import Redactor
from app.wiring import Runtime


async def ask(
    runtime: Runtime, redactor: Redactor, audience: str, document: str, variables: Mapping[str, Any] | None = None
) -> dict[str, Any]:
    """The answer: data, errors and extensions.

    Raises Ended where nothing but errors came, unless they say that several products are meant."""
    answer = await runtime.execute(document, audience, variables)
    errors = answer.get("errors", [])
    for error in errors:
        error["message"] = redactor.text(error["message"])
    empty = all(value is None for value in (answer["data"] or {}).values())
    if errors and empty and not candidates_of(answer):
        raise Ended(ExitCode.FAILED, " ".join(dict.fromkeys(error["message"] for error in errors)))
    return answer


def candidates_of(answer: Mapping[str, Any]) -> list[str]:
    """The ids of the products that an ambiguous lookup means, or none."""
    for error in answer.get("errors", []):
        extensions = error.get("extensions") or {}
        if extensions.get("code") == "AMBIGUOUS":
            return list(extensions.get("candidates", []))
    return []


def tell_unreached(answer: Mapping[str, Any]) -> None:
    """Which systems could not be reached for an answer, and what to do about it."""
    for name, told in ((answer.get("extensions") or {}).get("sources") or {}).items():
        why = clean(str(told.get("message") or told["kind"])).rstrip(".")
        remark(f"{name} could not be reached: {why}. {told.get('action') or ''}".rstrip(), "yellow")


def called(crosswalk: Iterable[Mapping[str, Any]]) -> str:
    """What the departments call a product, each name once."""
    names = dict.fromkeys(name for record in crosswalk for name in record["names"])
    return " · ".join(names)


def one_name(crosswalk: Sequence[Mapping[str, Any]]) -> str:
    """A name by which a person knows the product: the first there is, else its first record."""
    for record in crosswalk:
        if record["names"]:
            return str(record["names"][0])
    return f"{crosswalk[0]['source']} {crosswalk[0]['recordId']}" if crosswalk else ""
