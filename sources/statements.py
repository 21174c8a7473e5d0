"""Statements: what a record says about what goes with what, read from its document as ``[sources.X.statements]`` declares.

A statement names its two parties as its system does, by an identifier, a record, a name, or what a whole kind of products
has in common. It is kept under these names: a product that comes later finds it.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo
from itertools import islice
from typing import NamedTuple

from sources.contract import Identifier, RecordKey
from sources.declaration import Choice, PartyMapping, RangeMapping, SourceDeclaration, StatementMapping
from sources.folding import fold, fold_name
from sources.identifiers import normalise_identifier
from sources.interpretation.clocks import read_clock
from sources.interpretation.plain_text import optional_text
from sources.interpretation.texts import quoted
from sources.paths import compile_path
from sources.ranges import is_range
from sources.values import JSON

VERDICTS = ("COMPATIBLE", "CONDITIONAL", "INCOMPATIBLE")
"""What a statement may say."""
RANGES = ("serial", "year", "firmware", "date")
"""Qualifiers from one value to another; the others are lists of texts."""
STATEMENTS = "statements"
"""Where a field's name stands otherwise, of statements that cannot be read."""
MOST = 1000
"""Statements of one record by one mapping."""
MOST_VALUES = 250
"""Texts of one qualifier."""
LONGEST_TEXT = 2000
LONGEST_VALUE = 200
_SEPARATORS = re.compile(r"\s*[;,|]\s*")
_END = r"[A-Za-z]*[A-Za-z0-9./_-]*[0-9][A-Za-z0-9./_-]*"
_BETWEEN = re.compile(rf"({_END})\s*(?:to|until|through|up to|bis|à|–|—|\.\.+|…|\s-\s?)\s*({_END})", re.I)
_YEARS = re.compile(r"\s*([0-9]{4})\s*[-–/]\s*([0-9]{4})\s*")
_FROM = re.compile(
    rf"(?:from|since|ab|à partir de|>=|≥)\s*({_END})|({_END})\s*(?:\+|and (?:up|later|newer)|or later)", re.I
)
_UP_TO = re.compile(rf"(?:up to|until|to|before|bis|jusqu'à|<=|≤)\s*({_END})", re.I)


class Statement(NamedTuple):
    """What one record says. Parties are keys: ``sku=br-ket``, ``record=pim:pim-1``, ``category=kettles``."""

    subject: str
    object: str
    relation: str
    verdict: str
    qualifiers: Mapping[str, JSON]
    condition: str | None = None
    text: str | None = None
    author: str | None = None
    last_updated: datetime | None = None
    mapping: int = 0
    """Which of its source's tables says how it was read."""


class Stated(NamedTuple):
    """The statements of one record, and why others that are there could not be read."""

    statements: tuple[Statement, ...] = ()
    unreadable: tuple[str, ...] = ()


NOTHING = Stated()


def party_key(scheme: str, value: str) -> str:
    """The key of a party: a product by an identifier that is already normalised, or a kind of products."""
    return f"{scheme}={value}"


def record_party(key: RecordKey) -> str:
    """The key of the product that a record is about."""
    return f"record={key.source}:{key.id}"


def trait_key(scheme: str, text: str) -> str:
    """The key of all products whose category, family or field ``field.NAME`` is ``text``."""
    return f"{scheme}={fold(text)[:LONGEST_VALUE]}"


@dataclass(frozen=True)
class StatementReader:
    """One source's statements, compiled from its declaration."""

    source: str
    timezone: tzinfo
    mappings: Sequence[_Mapping]

    @classmethod
    def of(cls, declaration: SourceDeclaration, timezone: tzinfo) -> StatementReader | None:
        """None where a source declares none."""
        if not declaration.statements:
            return None
        return cls(declaration.name, timezone, tuple(_Mapping(one, declaration.name) for one in declaration.statements))

    @property
    def columns(self) -> frozenset[str]:
        """The top-level names in a document that it needs."""
        return frozenset[str]().union(
            *(compile_path(path).columns for one in self.mappings for _, path in one.declared.paths())
        )

    def read(self, record_id: str, content: Mapping[str, JSON], updated_at: datetime | None) -> Stated:
        """What a record says; a statement without its own clock is as old as the record."""
        own = record_party(RecordKey(self.source, record_id))
        said: dict[tuple[str, str, str, str], Statement] = {}
        unreadable: list[str] = []
        for number, mapping in enumerate(self.mappings):
            for entry in mapping.entries(content):
                one = mapping.read(entry, own, updated_at, self.timezone)
                if isinstance(one, Statement):
                    one = one._replace(mapping=number)
                    said.setdefault((one.subject, one.object, one.relation, repr(one[3:6])), one)
                elif one is not None:
                    unreadable.append(one)
        return Stated(tuple(said.values()), tuple(unreadable)) if said or unreadable else NOTHING


@dataclass(frozen=True)
class _Mapping:
    declared: StatementMapping
    source: str

    def entries(self, content: Mapping[str, JSON]) -> Iterator[Mapping[str, JSON]]:
        if self.declared.each is None:
            yield content
            return
        found = compile_path(self.declared.each)(content)
        for one in islice(found, MOST) if isinstance(found, list | tuple) else ():
            yield one if isinstance(one, Mapping) else {"@": one, "value": one}

    def read(
        self, entry: Mapping[str, JSON], own: str, updated_at: datetime | None, timezone: tzinfo
    ) -> Statement | str | None:
        """The statement; None where there is none, or why it cannot be read."""
        declared = self.declared
        verdict = _chosen(declared.verdict, entry, VERDICTS)
        if verdict is None:
            return None
        if verdict not in VERDICTS:
            return f"the verdict {quoted(verdict)} is none of {', '.join(VERDICTS)}, nor among its values"
        relation = _chosen(declared.relation, entry, ())
        if relation is None:
            return "it names no relation"
        subject, obj = (self._party(one, entry, own) for one in (declared.subject, declared.object))
        if subject is None or obj is None:
            return None
        for one in (subject, obj):
            if one.startswith("!"):
                return one[1:]
        if subject == obj and not is_kind(subject):
            return f"it says that {subject} goes with itself"
        qualifiers: dict[str, JSON] = {}
        for name, where in declared.qualifiers.items():
            found = _qualifier(name, where, entry, timezone)
            if isinstance(found, str):
                return found
            if found:
                qualifiers[name] = found
        clock = read_clock(_at(declared.updated_at, entry), timezone) if declared.updated_at else None
        return Statement(
            subject,
            obj,
            relation,
            verdict,
            qualifiers,
            _text(declared.condition, entry, 500),
            _text(declared.text, entry, LONGEST_TEXT),
            _text(declared.author, entry, LONGEST_VALUE),
            clock or updated_at,
        )

    def _party(self, party: PartyMapping | None, entry: Mapping[str, JSON], own: str) -> str | None:
        """The party's key; None where nothing stands there, and with a ``!`` why what stands there names nobody."""
        if party is None:
            return own
        (scheme,) = party.given()
        path = party.value if scheme == "field" else getattr(party, scheme)
        raw = party.is_ if path is None else optional_text(_at(path, entry))
        if raw is None or not raw.strip():
            return None
        if len(raw) > LONGEST_VALUE:
            return f"!{quoted(raw)} is too long for a name"
        match scheme:
            case "record":
                return record_party(RecordKey(party.source or self.source, raw.strip()))
            case "name":
                return party_key("name", fold_name(raw))
            case "category" | "family":
                return trait_key(scheme, raw)
            case "field":
                return trait_key(f"field.{party.field}", raw)
        identifier = normalise_identifier(scheme, raw)
        return party_key(scheme, identifier.value) if isinstance(identifier, Identifier) else f"!{scheme} {identifier}"


def is_kind(key: str) -> bool:
    """Whether it is the key of a whole kind of products; one of them may well go with another."""
    return key.startswith(("category=", "family=", "field."))


def _text(path: str | None, entry: Mapping[str, JSON], length: int) -> str | None:
    """A text beside a statement, cut to a length."""
    found = optional_text(_at(path, entry))
    return (found[:length].strip() or None) if found else None


def _at(path: str | None, entry: Mapping[str, JSON]) -> JSON:
    if path is None:
        return None
    try:
        return compile_path(path)(entry)
    except Exception:  # JMESPath raises what it likes about types
        return None


def _chosen(choice: Choice, entry: Mapping[str, JSON], words: Collection[str]) -> str | None:
    raw = optional_text(_at(choice.path, entry)) if choice.path else None
    if raw is None or not raw.strip():
        return choice.default
    folded = fold(raw)
    for written, meant in choice.values.items():
        if fold(written) == folded:
            return meant
    for word in words:
        if word.lower() == folded:
            return word
    return raw.strip() if words or not choice.values else choice.default


def _qualifier(
    name: str, where: str | RangeMapping, entry: Mapping[str, JSON], timezone: tzinfo
) -> dict[str, str] | list[str] | str:
    """A range or a list, empty where nothing stands there; a text says why what stands there is none."""
    if isinstance(where, RangeMapping):
        ends = {"from": optional_text(_at(where.from_, entry)), "to": optional_text(_at(where.to, entry))}
        found = {end: text.strip()[:LONGEST_VALUE] for end, text in ends.items() if text and text.strip()}
    else:
        raw = _at(where, entry)
        texts = [optional_text(one) for one in islice(raw, MOST_VALUES + 1)] if isinstance(raw, list | tuple) else None
        if texts is None and name in RANGES:
            found = range_of(optional_text(raw) or "")
        else:
            return _listed(name, texts or _SEPARATORS.split(optional_text(raw) or ""))
    if name == "date":
        found = {end: _day(text, timezone) for end, text in found.items()}
    if found and not is_range(name, found):
        return f"{name} from {quoted(found.get('from', ''))} to {quoted(found.get('to', ''))} is no range"
    return found


def _listed(name: str, texts: Sequence[str | None]) -> list[str] | str:
    found = [text for text in texts if text]
    if len(found) > MOST_VALUES or any(len(text) > LONGEST_VALUE for text in found):
        return f"{name} has more than {MOST_VALUES} values, or one of more than {LONGEST_VALUE} characters"
    return found


def _day(text: str, timezone: tzinfo) -> str:
    """A date as it is compared, in whatever form its system writes it."""
    moment = read_clock(text, timezone)
    return moment.astimezone(timezone).date().isoformat() if moment is not None else text


def range_of(text: str) -> dict[str, str]:
    """The range that a text names, such as ``serial numbers from H1-24 to H1-29``; empty where it names none."""
    if found := _YEARS.fullmatch(text) or _BETWEEN.search(text):
        return {"from": found[1][:LONGEST_VALUE], "to": found[2][:LONGEST_VALUE]}
    if found := _FROM.search(text):
        return {"from": (found[1] or found[2])[:LONGEST_VALUE]}
    if found := _UP_TO.search(text):
        return {"to": found[1][:LONGEST_VALUE]}
    alone = text.strip()
    return {"from": alone, "to": alone} if re.fullmatch(_END, alone) else {}
