"""The rules of what stands in a document."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from sources.contract import Document
from sources.contract_suite.rule import Rules, expect
from sources.contract_suite.trial import Trial, as_number, differs
from sources.interpretation.unreadable import UnreadableValue
from sources.values import JSON

RULES: Final = Rules[Trial]()
ABOUT: Final = "documents"


@RULES.rule(ABOUT)
async def numbers_are_exact(trial: Trial) -> None:
    """A price of 0.1 that went through a float is another price.

    Do: read numbers as Decimal or int: json.loads(text, parse_float=Decimal), a numeric column as the driver's
    decimal."""
    connector = trial.connector()
    written = {
        "A-1": (Decimal("0.1"), 0),
        "A-2": (Decimal("1234567.89"), 12),
        "A-3": (Decimal("-2.5"), -3),
        "A-4": (Decimal(3), 2147483647),
    }
    for id_, (weight, stock) in written.items():
        await trial.writable.put(id_, {"label": "Kettle", "weight": weight, "stock": stock})
    for documents in await trial.everything(connector, list(written)):
        found = trial.by_id(documents)
        for id_, (weight, stock) in written.items():
            expect(id_ in found, f"{id_} is not brought")
            for column, number in (("weight", weight), ("stock", stock)):
                read = trial.value(found[id_], column)
                expect(as_number(read) == number, f"{column} of {id_} is {number}, and was read as {read!r}")


@RULES.rule(ABOUT)
async def values_are_of_the_known_types(trial: Trial) -> None:
    """The mapping reads these types and no other; a float has lost what was written, and NaN is no value.

    Do: bring None, bool, int, Decimal, str, datetime, date, bytes, and lists and dicts of these."""
    connector = trial.connector()
    there = await trial.some(3)
    for documents in await trial.everything(connector, list(there)):
        for document in documents:
            expect(isinstance(document, Document), f"a {type(document).__name__} where a Document should be")
            strange = _strange(dict(document.content))
            expect(strange is None, f"{document.place}: {strange}")


@RULES.rule(ABOUT)
async def texts_come_as_they_were_written(trial: Trial) -> None:
    """A name is shown as it was written, and a number in quotes may be a model's name: 0012 is not 12.

    Do: decode by the encoding that the system says; let no reader guess types of texts."""
    connector = trial.connector()
    written = {"A-1": "Bouilloire « été » 🫖", "A-2": 'say "tea", twice', "A-3": "two\nlines", "A-4": "0012"}
    for id_, label in written.items():
        await trial.writable.put(id_, {"label": label, "weight": Decimal(1), "stock": 1})
    for documents in await trial.everything(connector, list(written)):
        found = trial.by_id(documents)
        for id_, label in written.items():
            read = trial.value(found[id_], "label") if id_ in found else None
            expect(read == label, f"the label of {id_} is {label!r}, and was read as {read!r}")


@RULES.rule(ABOUT)
async def an_empty_value_is_no_value(trial: Trial) -> None:
    """No weight and a weight of nought are two facts.

    Do: leave a value that is not there out, or bring it as None (a system of texts: as an empty text)."""
    connector = trial.connector()
    await trial.writable.put("A-1", {"label": "Kettle"})
    for documents in await trial.everything(connector, ["A-1"]):
        found = trial.by_id(documents)
        expect("A-1" in found, "a record with empty values is not brought")
        for column in ("weight", "stock"):
            read = trial.value(found["A-1"], column)
            expect(not differs(None, read), f"{column}, which is empty, was read as {read!r}")


@RULES.rule(ABOUT)
async def every_document_says_where_it_stands(trial: Trial) -> None:
    """A person looks a bad record up by it, in the file or the system.

    Do: set place to where the record stands: "prices.csv, line 12", "articles, article_no 4711"."""
    connector = trial.connector()
    there = await trial.some(4)
    for documents in await trial.everything(connector, list(there)):
        places = [document.place for document in documents]
        expect(all(places), f"a place is empty: {places}")
        expect(len(set(places)) == len(places), f"two documents stand at one place: {places}")
        for place in places:
            trial.expect_no_secret("a document's place", place)


def _strange(value: JSON, place: str = "") -> str | None:
    """What the mapping would not know in ``value``, or None."""
    where = place.lstrip(".") or "the document"
    match value:
        case None | bool() | int() | str() | bytes() | datetime() | date() | UnreadableValue():
            return None
        case Decimal():
            return None if value.is_finite() else f"{where} is {value}"
        case Mapping():
            for name, member in value.items():
                if not isinstance(name, str):
                    return f"{where} has a name that is a {type(name).__name__}"
                if found := _strange(member, f"{place}.{name}"):
                    return found
            return None
        case list() | tuple():
            return next((found for one in value if (found := _strange(one, f"{place}[]"))), None)
        case _:
            return f"{where} is a {type(value).__name__}"
