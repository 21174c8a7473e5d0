"""What is refused at start: rules, relations and statements that cannot be, each named with its key path, all at once."""

from __future__ import annotations

import dataclasses
from decimal import Decimal

import pytest

from resolvers.compatibility.declared import BUILT_IN
from resolvers.compatibility.expression_types import ExpressionError, FactName, FieldForm, Operand, operand, plain
from resolvers.compatibility.expressions import Undecided, compile_expression
from resolvers.map_file import parse_map
from resolvers.mistakes import MapError
from sources.values import FieldType, Quantity
from tests.compatibility.workshop import MAP

FORMS = {
    "socket": FieldForm(FieldType.TEXT),
    "sockets": FieldForm(FieldType.TEXT_LIST),
    "height": FieldForm(FieldType.QUANTITY, "mm"),
    "clearance": FieldForm(FieldType.QUANTITY, "in"),
    "weight": FieldForm(FieldType.QUANTITY, "kg"),
    "slots": FieldForm(FieldType.INTEGER),
    "wired": FieldForm(FieldType.BOOLEAN),
    "notes": FieldForm(FieldType.NOTE_LIST),
}
VALUES = {
    "socket": "LGA 1700",
    "sockets": ("lga-1700", "AM2+"),
    "height": Quantity(Decimal("25.4"), "mm"),
    "clearance": Quantity(Decimal(1), "in"),
    "weight": Quantity(Decimal(3), "kg"),
    "slots": 0,
    "wired": True,
}
FACTS = {name: formed for name, value in VALUES.items() if (formed := operand(FORMS[name], value)) is not None}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("a.weight <= b.height", "an amount of mass <= an amount of length"),
        ("a.height <= 180", "an amount of length <= a number"),
        ("a.colour == b.colour", '"a.colour", but there is no such field'),
        ("a.notes == b.notes", "a.notes, a field of type note_list"),
        ("a.slots / 0 > 1", "a division by zero"),
        ("a.slots / (3 - 3) > 1", "a division by zero"),
        ("a.sockets.all(x, b.sockets.exists(y, x == y))", "a loop within a loop: up to 1,000 × 1,000 elements"),
        ("[1, 2].map(x, x * 2) == a.sockets", "a number in a list"),
        ("a.slots", "an expression that is a number"),
        ("1 == 1", "an expression about no fact"),
        ("a.socket ==", "an expression that breaks off"),
        ("a.socket == b.socket b", '"b" where the expression should end'),
        ("(" * 16 + "a.wired" + ")" * 16, "an expression more than 15 levels deep"),
        ("!" * 16 + "a.wired", "an expression more than 15 levels deep"),
        ("a.wired" + " && a.wired" * 100, "1,107 characters"),
        ("a.socket.matches('(x{1000}){1000}')", "a pattern that may become very large"),
        (r"a.socket.matches('\\w{99}')", "patterns that take too long to make ready"),
        (r"a.sockets.exists(e, e.matches('\\w'))", "patterns that take too long to make ready"),
        (r"a.socket.matches('(.{20}){30}')", "patterns that take too long to make ready"),
        ("a.socket.matches(b.socket)", "a pattern that is not written down"),
        ("fetch('http://x') == a.socket", '"fetch", which is no function here'),
        ("a.height * b.height > a.height", "an amount of length times an amount of length"),
    ],
)
def test_an_expression_that_cannot_be_is_refused(text: str, found: str) -> None:
    with pytest.raises(ExpressionError) as refused:
        compile_expression(text, FORMS)
    assert refused.value.found.startswith(found)
    assert refused.value.instead


def known(name: FactName) -> Operand | None:
    return FACTS.get(name.field)


@pytest.mark.parametrize(
    ("text", "holds"),
    [
        ("a.height <= b.clearance", True),
        ("a.height == b.clearance", True),
        ('a.height + quantity("0.1 mm") <= b.clearance', False),
        ("a.socket == 'lga  1700'", True),
        ("a.socket in b.sockets", False),
        (r"a.socket.matches('^[a-z]{2,4}[- ]?\\d{3,5}\\w*$')", True),
        ("a.sockets.exists(e, e.matches('^lga-?[0-9]{4}$'))", True),
        ("plain(a.socket) in plain(b.sockets)", True),
        ("plain(b.sockets).exists(one, one == 'am2')", False),
        ("a.socket.matches('^LGA')", True),
        ("has(a.wired) && !a.wired ? false : a.slots < 1", True),
        ("size(a.sockets) == 2 && a.socket.startsWith('LGA')", True),
    ],
)
def test_an_expression_is_worked_out(text: str, holds: bool) -> None:
    assert compile_expression(text, FORMS).holds(known) is holds


def test_what_cannot_be_worked_out_is_neither_true_nor_false() -> None:
    for text in ("1 / a.slots >= 0", "a.height / a.slots > b.height", "!(1 / a.slots >= 0)"):
        with pytest.raises(Undecided):
            compile_expression(text, FORMS).holds(known)
    expression = compile_expression("a.slots == b.slots", FORMS)
    assert expression.holds(lambda name: known(name) if name.side == "a" else None) == (FactName("b", "slots"),)
    assert plain("AM2+") != plain("AM2")


def test_everything_that_is_wrong_is_named_with_its_key_path() -> None:
    text = MAP.replace('check = "a.bore <= b.shaft"', 'check = "a.bore <= b.voltage"')
    text = text.replace('check = "a.voltage == b.voltage"', 'check = "a.voltage / 0 > b.colour"')
    text = text.replace('fails = "{a} is for {a.voltage}, {b} for {b.voltage}."', 'fails = "{a.volts}"')
    text = text.replace('evidence = ["answers", "service"', 'evidence = ["answers", "servise"')
    text = text.replace('relation = "fits"', 'relation = "fitz"', 1)
    text = text.replace('y = "COMPATIBLE"', 'y = "YES"', 1)
    text = text.replace('object = { sku = "with" }', 'object = { sku = "with", name = "with" }')
    text = text.replace('category = "kind"', 'category = "kinds"')
    text += '[relations.screws-into]\ninverse = "takes-screw"\n[rules.Nothing]\na = { colour = "red" }\n'
    with pytest.raises(MapError) as refused:
        parse_map(text, {})
    found = {mistake.path: mistake.found for mistake in refused.value.mistakes}
    assert found == {
        "compatibility.category": '"kinds", which is no declared field',
        "compatibility.evidence[1]": '"servise", which is neither a declared source nor rules nor answers',
        "sources.fitment.statements[0].verdict.values.y": '"YES", which is none of the verdicts',
        "sources.fitment.statements[0].relation": '"fitz", which is none of the relations',
        "sources.service.statements.object": "2 ways to name it",
        "relations.screws-into.title": "nothing",
        "relations.screws-into.inverse_title": "nothing",
        "rules.bore.check": "an amount of length <= an amount of voltage",
        "rules.voltage.check": "a division by zero",
        "rules.voltage.fails": '"{a.volts}"',
        "rules.Nothing": "a name that no rule can have",
        "rules.Nothing.a.colour": "a field that is not declared",
        "rules.Nothing.b": "nothing",
        "rules.Nothing.check": "nothing",
        "rules.Nothing.holds": "nothing",
        "rules.Nothing.fails": "nothing",
    }


def test_a_statement_that_would_never_meet_a_product_is_refused() -> None:
    text = MAP.replace('year = "years"', 'year = ""').replace('from = "fw_from"', 'from = ""')
    text = text.replace('object = { sku = "pump" }', 'object = { record = "pump", source = "produkts" }')
    text = text.replace('family = "family"\nparent', "parent", 1)
    with pytest.raises(MapError) as refused:
        parse_map(text, {})
    assert {mistake.path for mistake in refused.value.mistakes} == {
        "sources.fitment.statements[0].qualifiers.year",
        "sources.fitment.statements[0].qualifiers.firmware.from",
        "sources.fitment.statements[0].object.source",
        "sources.fitment.statements[1].object.family",
    }


def test_a_built_in_relation_that_is_declared_keeps_what_is_not_said_of_it() -> None:
    declared = parse_map(MAP + '[relations.replaces]\ntitle = "takes the place of"\n', {}).compatibility
    found, own = declared.relations["replaces"], BUILT_IN["replaces"]
    assert found == dataclasses.replace(own, title="takes the place of")


def test_a_source_cannot_be_called_as_what_rules_and_stewards_say() -> None:
    for name in ("answers", "rules"):
        text = MAP.replace("[sources.fitment", f"[sources.{name}").replace("sources.fitment", f"sources.{name}")
        with pytest.raises(MapError) as refused:
            parse_map(text.replace('["fitment", "rules"]', '"rules"'), {})
        assert f"sources.{name}" in {mistake.path for mistake in refused.value.mistakes}
