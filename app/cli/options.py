"""Options that several commands take, as Typer reads them, and what they say together."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, TypeAlias

import typer

Config: TypeAlias = Annotated[
    Path | None,
    typer.Option(
        "--config",
        metavar="PATH",
        help="The ownership map; without it WHENCE_CONFIG, or whence.toml here, or the demo's while it runs.",
    ),
]
Directory: TypeAlias = Annotated[
    Path | None,
    typer.Option("--directory", metavar="DIR", help="State of this installation (WHENCE_DIRECTORY; default .whence)."),
]
AsJson: TypeAlias = Annotated[bool, typer.Option("--json", help="JSON on standard output, and nothing else there.")]
Audience: TypeAlias = Annotated[
    str | None, typer.Option("--audience", metavar="NAME", help="Ask as this audience (WHENCE_AUDIENCE).")
]
Demo: TypeAlias = Annotated[bool, typer.Option("--demo", help="Use the demo company that `whence serve --demo` runs.")]
Verbose: TypeAlias = Annotated[bool, typer.Option("--verbose", "-v", help="Write the log to standard error.")]


@dataclass(frozen=True, slots=True)
class Options:
    """The common options of one call; None stands for what was not given."""

    config: Path | None = None
    directory: Path | None = None
    json: bool = False
    audience: str | None = None
    demo: bool = False
    verbose: bool = False
