"""``whence explain``: what an operation asks for, measured against the limits, and the code that it is compiled to."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from graphql import GraphQLError

from app.cli.configuration import Configuration, audience_of
from app.cli.ending import Ended, ExitCode
from app.cli.output import say, table, write_json
from app.execution import NotCompiled, compile_operation
from app.limits import Size, sizes
from app.parsing import Operation, Parser, Prepared
from resolvers.request_limits import RequestLimits
from schema.build import build_schema

STANDARD_INPUT = "-"


def explain(configuration: Configuration, document: str, name: str | None, *, code: bool, in_json: bool) -> int:
    """Explain one operation of the document in the file ``document``, or the code that it is compiled to."""
    ownership = configuration.load()
    audience = audience_of(ownership, configuration.settings)
    limits = ownership.audiences[audience].limits
    schema = build_schema(ownership, audience)._schema
    prepared = _prepared(Parser(schema, limits), _read(document))
    operation = _chosen(prepared, name)
    compiled = compile_operation(schema, prepared.document, operation.name)
    why_not = compiled.reason if isinstance(compiled, NotCompiled) else None
    source = None if isinstance(compiled, NotCompiled) else compiled.source
    measured = _measured(sizes(prepared.document)[operation.node], limits)
    if in_json:
        told: dict[str, Any] = {
            "operation": operation.name,
            "kind": operation.kind.value,
            "audience": audience,
            "measures": {limit: {"found": found, "most": most} for limit, (found, most) in measured.items()},
            "compiled": why_not is None,
            "reason": why_not,
        }
        write_json(told | ({"code": source} if code else {}))
    elif code:
        if source is None:
            raise Ended(ExitCode.FAILED, f"It is not compiled: {why_not}. graphql-core runs it.")
        sys.stdout.write(source.rstrip() + "\n")
    else:
        rows = [[limit, f"{found:,}", f"{most:,}"] for limit, (found, most) in measured.items()]
        table(None, ["limit", "found", "at most"], rows)
        how = "It is compiled; --code shows to what." if why_not is None else f"graphql-core runs it: {why_not}."
        say(f"{operation.kind.value.capitalize()} {operation.name or '(without a name)'} as {audience}. {how}")
    return ExitCode.FINE


def _read(document: str) -> str:
    try:
        return sys.stdin.read() if document == STANDARD_INPUT else Path(document).read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise Ended(ExitCode.CONFIGURATION, f"{document} cannot be read: {why}. Name a file, or - for input.") from None


def _prepared(parser: Parser, text: str) -> Prepared:
    try:
        prepared = parser.prepare(text)
    except GraphQLError as error:
        raise Ended(ExitCode.CONFIGURATION, _told(error)) from None
    if prepared.errors:
        raise Ended(ExitCode.CONFIGURATION, "\n".join(map(_told, prepared.errors)))
    return prepared


def _told(error: GraphQLError) -> str:
    at = f"line {error.locations[0].line}, column {error.locations[0].column}: " if error.locations else ""
    return f"{at}{error.message}"


def _chosen(prepared: Prepared, name: str | None) -> Operation:
    operation = prepared.named(name)
    if operation is None:
        names = ", ".join(one.name or "one without a name" for one in prepared.operations) or "none"
        said = "several operations" if name is None else f"no operation {name!r}"
        raise Ended(ExitCode.CONFIGURATION, f"The document holds {said}; it has {names}. Say --operation NAME.")
    return operation


def _measured(size: Size, limits: RequestLimits) -> Mapping[str, tuple[int, int]]:
    return {
        "depth": (size.depth, limits.depth),
        "root fields": (size.fields, limits.root_fields),
        "aliases": (size.aliases, limits.aliases),
        "directives on an element": (size.directives, limits.directives),
        "cost": (size.cost, limits.cost),
    }
