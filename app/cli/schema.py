"""``whence schema``: the SDL of one audience, from the map alone."""

from __future__ import annotations

import sys

from app.cli.configuration import Configuration, audience_of
from app.cli.ending import ExitCode
from schema.build import build_schema


def schema(configuration: Configuration) -> int:
    """Print the SDL."""
    ownership = configuration.load()
    sys.stdout.write(build_schema(ownership, audience_of(ownership, configuration.settings)).as_str().rstrip() + "\n")
    return ExitCode.FINE
