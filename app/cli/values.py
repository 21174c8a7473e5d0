"""A fact's value in one line, as a person reads it."""

from __future__ import annotations

import json
from typing import Any

from app.cli.output import NOTHING
from resolvers.ownership import FieldDefinition
from sources.values import FieldType


def in_one_line(definition: FieldDefinition, value: Any) -> str:
    """``value`` as GraphQL answers it for a field: ``850 g``, ``49.90 EUR``, the texts of notes one after another."""
    if value is None:
        return NOTHING
    match definition.type:
        case FieldType.MONEY:
            return f"{value['amount']} {value['currency']}"
        case FieldType.QUANTITY:
            return f"{value['amount']} {value['unit']}"
        case FieldType.MEDIA:
            return str(value["url"])
        case FieldType.BOOLEAN:
            return "yes" if value else "no"
        case FieldType.TEXT_LIST:
            return ", ".join(value)
        case FieldType.NOTE_LIST:
            return " · ".join(note["text"] for note in value)
        case FieldType.JSON:
            return json.dumps(value, ensure_ascii=False)
        case _:
            return str(value)
