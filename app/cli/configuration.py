"""Which configuration a call means: the settings, the ownership map's file, and the environment that fills it in."""

from __future__ import annotations

import io
import json
import logging
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, cast

from pydantic import ValidationError
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from app.cli.ending import Ended, ExitCode
from app.cli.options import Options
from app.demo.company import COMPANY_FILE
from app.demo.launch import WHENCE_TOML
from app.redaction import Redactor
from app.settings import Settings
from app.telemetry import configure_logging
from resolvers.map_file import load_map
from resolvers.ownership import OwnershipMap

DEMO_EXAMPLES: Mapping[str, str] = {
    "ERP_URL": "postgresql://erp.example/erp",
    "WMS_URL": "sqlite:///wms.sqlite",
    "PIM_URL": "http://pim.example",
    "PIM_TOKEN": "example",
    "SHOP_URL": "http://shop.example",
    "SHOP_KEY": "example",
    "CRM_URL": "http://crm.example",
    "CRM_USER": "example",
    "CRM_PASSWORD": "example",
    "SUPPORT_FILE": "support.xlsx",
    "MARKETING_FILE": "marketing.csv",
    "SALES_FILE": "sales.xlsx",
}
"""An environment for the demo's map where no system is going to be asked."""


@dataclass(frozen=True, slots=True)
class Configuration:
    """What a call is about. ``environment`` holds secrets."""

    settings: Settings
    config: Path
    environment: Mapping[str, str]
    demo: bool
    redactor: Redactor

    @property
    def demo_directory(self) -> Path:
        """Where the demo company keeps its files."""
        return demo_directory(self.settings)

    def load(self) -> OwnershipMap:
        """The ownership map; from here on its secrets stay out of the log. Raises MapError."""
        ownership = load_map(self.config, self.environment)
        self.redactor.learn(ownership.secrets)
        return ownership

    def with_company(self, environment: Mapping[str, str]) -> Configuration:
        """The demo's configuration, its company's addresses in the environment."""
        return Configuration(self.settings, WHENCE_TOML, {**os.environ, **environment}, True, self.redactor)


def read_settings(options: Options) -> Settings:
    """The settings of the environment, and over them what the call says. Raises Ended."""
    given: dict[str, Any] = {"config": options.config, "directory": options.directory, "audience": options.audience}
    try:
        return Settings(**{name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        wrong = (
            f"  {'_'.join(('WHENCE', *map(str, one['loc']))).upper()}: {one['msg'][:1].lower()}{one['msg'][1:]}"
            for one in error.errors(include_input=False, include_url=False)
        )
        raise Ended(
            ExitCode.CONFIGURATION, "\n".join(("The environment holds what Whence cannot take.", *wrong))
        ) from None


def configure(options: Options, *, asking: bool = True) -> Configuration:
    """The configuration of a call that serves nothing: its map's file is the one named, else whence.toml here, else the
    running demo's. ``asking`` False: no system is going to be asked, so that the demo need not run. Raises Ended."""
    settings = read_settings(options)
    redactor = quiet(options, settings)
    named = "config" in settings.model_fields_set
    company = None if named and not options.demo else running_company(demo_directory(settings))
    if options.demo:
        if company is None and asking:
            raise Ended(
                ExitCode.PREREQUISITE,
                f"The demo company does not run from {demo_directory(settings)}. Start it in another terminal with "
                "`make run`, and try again.",
            )
        company = company or DEMO_EXAMPLES
    elif company is not None and (named or settings.config.exists()):
        company = None
    plain = Configuration(settings, settings.config, os.environ, False, redactor)
    if company is None:
        return plain
    if not options.demo:
        sys.stderr.write(
            f"No {settings.config} here: using the demo company that runs. (--demo says so, --config not.)\n"
        )
    return plain.with_company(company)


def serving_configuration(options: Options, *, json_logs: bool) -> Configuration:
    """The configuration of a call that serves, whose log goes to standard error. Raises Ended."""
    settings = read_settings(options)
    if options.demo and options.config is not None:
        raise Ended(ExitCode.CONFIGURATION, "--demo brings an ownership map of its own: leave out --config.")
    logging.disable(logging.NOTSET)
    redactor = configure_logging(
        json_lines=json_logs or None, level=settings.log_level, stream=cast(IO[str], CurrentStderr())
    )
    if settings.database_url is not None:
        redactor.learn(secrets_in(settings.database_url))
    return Configuration(settings, settings.config, os.environ, False, redactor)


def secrets_in(url: str) -> list[str]:
    """The password in a database's address, which must not reach the log."""
    try:
        password = make_url(url).password
    except (ArgumentError, ValueError):
        return []
    return [str(password)] if password else []


class CurrentStderr(io.TextIOBase):
    """Whatever standard error is at the moment of writing: while bars are shown, lines go above them."""

    def write(self, text: str) -> int:
        """Pass it on."""
        return sys.stderr.write(text)

    def flush(self) -> None:
        """Pass it on."""
        sys.stderr.flush()

    def isatty(self) -> bool:
        """Whether a person looks."""
        return sys.stderr.isatty()


def quiet(options: Options, settings: Settings) -> Redactor:
    """Logging for a command that a person waits for: none, unless ``--verbose`` asks for it."""
    redactor = configure_logging(level=settings.log_level if options.verbose else logging.CRITICAL)
    logging.disable(logging.NOTSET if options.verbose else logging.CRITICAL)
    return redactor


def demo_directory(settings: Settings) -> Path:
    """Where the demo company of this installation keeps its files."""
    return settings.directory.absolute() / "demo"


def running_company(directory: Path) -> Mapping[str, str] | None:
    """The environment of the company that runs from ``directory``, or None. Raises Ended where it is another user's."""
    path = directory / COMPANY_FILE
    try:
        announced = json.loads(path.read_text())
        os.kill(int(announced["pid"]), 0)
        return {str(name): str(value) for name, value in announced["environment"].items()}
    except PermissionError:
        raise Ended(
            ExitCode.PREREQUISITE, f"{path} belongs to another user, who runs the demo. Run this command as that user."
        ) from None
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return None


def audience_of(ownership: OwnershipMap, settings: Settings) -> str:
    """The audience that a call asks as: the one named, else ``internal``, else the first that governs. Raises Ended."""
    name = settings.audience
    if name in ownership.audiences:
        return name
    known = ", ".join(ownership.audiences) or "none"
    if "audience" in settings.model_fields_set or not ownership.audiences:
        raise Ended(
            ExitCode.CONFIGURATION, f"There is no audience {name!r} in the ownership map; it declares: {known}."
        )
    governing = (one.name for one in ownership.audiences.values() if one.governance)
    return next(governing, next(iter(ownership.audiences)))


def governing(ownership: OwnershipMap, audience: str) -> None:
    """Raises Ended where ``audience`` may not see sources and the map."""
    if ownership.audiences[audience].governance:
        return
    others = ", ".join(one.name for one in ownership.audiences.values() if one.governance)
    instead = (
        f"Ask as one that does: --audience with {others}." if others else "Write governance = true for one that may."
    )
    raise Ended(ExitCode.CONFIGURATION, f"The audience {audience!r} does not see sources and ownership. {instead}")
