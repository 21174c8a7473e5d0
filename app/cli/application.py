"""The commands as Typer reads them: names, arguments and help. What a command does is imported when it is called."""

from __future__ import annotations

import sys
from enum import StrEnum
from importlib.metadata import version
from pathlib import Path
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from app.cli.ending import EXIT_CODES, Ended, ExitCode, explain
from app.cli.lifetime import SYNC_END_SECONDS, run
from app.cli.options import AsJson, Audience, Config, Demo, Directory, Options, Verbose

BESIDE = (
    "It works beside a running `whence serve` of the same directory, on that one's ledger; alone it starts PostgreSQL "
    "for as long as it takes. Where there is no whence.toml here and the demo runs, it asks the demo."
)


class Whence(TyperGroup):
    """The group of all commands, where an error becomes a sentence and an exit code."""

    def invoke(self, ctx: Any) -> Any:
        """Run a command; whatever it raises ends here."""
        try:
            return super().invoke(ctx)
        except (typer.Exit, typer.Abort, typer.TyperException, BrokenPipeError):
            raise
        except Exception as error:
            ended = explain(error)
            sys.stdout.flush()
            typer.echo(ended.message, err=True)
            raise typer.Exit(ended.code) from None


application = typer.Typer(
    cls=Whence,
    help="Every product fact, and where it came from: one GraphQL API over a company's systems. " + EXIT_CODES,
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="markdown",
    context_settings={"help_option_names": ["-h", "--help"]},
)
demo_commands = typer.Typer(
    help="Do something to a system of the running demo company, and see what the API then answers.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)
application.add_typer(demo_commands, name="demo")


class By(StrEnum):
    """What a lookup is."""

    ALIAS = "alias"
    SKU = "sku"
    GTIN = "gtin"
    ID = "id"
    RECORD = "record"


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"whence {version('whence')}")
        raise typer.Exit


def _end(code: int) -> None:
    if code != ExitCode.FINE:
        raise typer.Exit(code)


@application.callback()
def whence(
    _: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version and end.")
    ] = False,
) -> None:
    """Options that stand before a command."""


@application.command()
def check(
    offline: Annotated[bool, typer.Option("--offline", help="Ask no system, look at the file only.")] = False,
    strict: Annotated[bool, typer.Option("--strict", help="End with 1 where a system cannot be asked.")] = False,
    config: Config = None,
    directory: Directory = None,
    as_json: AsJson = False,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Report every mistake in the ownership map at once, and ask each system whether it has what the map says.

    Mistakes end it with 2. Gaps (nobody responsible, no age limit) are told and end with 0. It needs no database.
    """
    from app.cli.check import check as work
    from app.cli.configuration import configure

    chosen = configure(Options(config, directory, as_json, None, demo, verbose), asking=not offline)
    _end(run(lambda: work(chosen, offline, strict, as_json)))


@application.command(epilog=BESIDE)
def sync(
    sources: Annotated[list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Only these.")] = None,
    full: Annotated[bool, typer.Option("--full", help="Read everything anew, not only what changed.")] = False,
    accept: Annotated[bool, typer.Option("--accept", help="Accept that many records are gone.")] = False,
    watch: Annotated[bool, typer.Option("--watch", help="Go on: each at its own interval, until a signal.")] = False,
    config: Config = None,
    directory: Directory = None,
    as_json: AsJson = False,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Read what changed in the systems into the ledger, now. With --json one line for each source.

    A source that another worker is syncing is waited for a little, and then left to that one, which ends this with 1.

    With --watch it keeps each source in sync at its own interval and tells of the runs that did something (with --json of
    all). Any number of such workers, on one or many machines, and of serving processes share the sources of one ledger.
    SIGINT and SIGTERM end it within 15 s, after the batches under way, with 0; a second signal ends it at once.
    """
    from app.cli.configuration import configure

    if watch and (full or accept):
        raise Ended(
            ExitCode.CONFIGURATION, "--watch goes on by itself: leave out --full and --accept, or leave out --watch."
        )
    chosen = configure(Options(config, directory, as_json, None, demo, verbose))
    if watch:
        from app.cli.watch import watch as keep

        _end(run(lambda: keep(chosen, sources or [], as_json), quietly=True, fast=True, within=SYNC_END_SECONDS))
        return
    from app.cli.sync import sync as work

    _end(run(lambda: work(chosen, sources or [], full, accept, as_json), within=SYNC_END_SECONDS))


@application.command(epilog=BESIDE)
def match(
    sources: Annotated[
        list[str] | None, typer.Argument(metavar="[SOURCE]...", help="Only these catalogues, each with each.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Write nothing but the report.")] = False,
    report: Annotated[
        Path | None,
        typer.Option("--report", metavar="FILE", help="Where the report goes: JSON Lines, or CSV if it ends in .csv."),
    ] = None,
    again: Annotated[
        bool, typer.Option("--again", help="Begin anew: do not go on with a run that was cut off.")
    ] = False,
    processes: Annotated[
        int | None, typer.Option(min=1, max=64, help="Processes that compare; as many as there are cores, up to 4.")
    ] = None,
    config: Config = None,
    directory: Directory = None,
    as_json: AsJson = False,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Match whole catalogues: find the records without a shared key that are one product.

    What is sure is linked, what is likely is proposed for review. A run that is cut off, by whatever, is gone on with by
    the next call. It needs the extra: pip install 'whence[match]'. With --json one line for each two catalogues.
    """
    from app.cli.configuration import configure
    from app.cli.match import Asked
    from app.cli.match import match as work

    chosen = configure(Options(config, directory, as_json, None, demo, verbose))
    asked = Asked(sources or [], dry_run, report, again, processes)
    _end(run(lambda: work(chosen, asked, as_json), within=SYNC_END_SECONDS))


@application.command()
def serve(
    host: Annotated[str, typer.Option(help="An address of this machine; any other is refused.")] = "127.0.0.1",
    port: Annotated[int, typer.Option(min=0, max=65535, help="0 takes a free one.")] = 8000,
    demo: Annotated[bool, typer.Option("--demo", help="Start the demo company's systems and serve those.")] = False,
    no_sync: Annotated[bool, typer.Option("--no-sync", help="Sync nothing, neither first nor at intervals.")] = False,
    json_logs: Annotated[bool, typer.Option("--json-logs", help="The log in JSON on a terminal too.")] = False,
    config: Config = None,
    directory: Directory = None,
    audience: Annotated[
        str | None,
        typer.Option("--audience", metavar="NAME", help="The audience of requests that name none (WHENCE_AUDIENCE)."),
    ] = None,
) -> None:
    """Serve the API: start the ledger, read the systems, answer on http://127.0.0.1:8000/graphql.

    SIGINT and SIGTERM stop everything within 5 s, with exit code 0. Other commands work beside it.
    """
    from app.cli.configuration import serving_configuration
    from app.cli.serve import Serving, loopback
    from app.cli.serve import serve as work

    asked = Serving(loopback(host), port, demo, syncing=not no_sync)
    chosen = serving_configuration(Options(config, directory, False, audience, demo), json_logs=json_logs)
    _end(run(lambda: work(chosen, asked), quietly=True, fast=True))


@application.command(epilog=BESIDE)
def product(
    lookup: Annotated[str, typer.Argument(help="A name or identifier that any department has for it, or its id.")],
    by: Annotated[
        By | None, typer.Option(help="What LOOKUP is, where it must be one thing. A record: SYSTEM:ID.")
    ] = None,
    locale: Annotated[str | None, typer.Option(help="The language of texts, such as fr.")] = None,
    field: Annotated[list[str] | None, typer.Option("--field", help="Only this field; may be repeated.")] = None,
    config: Config = None,
    directory: Directory = None,
    as_json: AsJson = False,
    audience: Audience = None,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Print one product: each field with its source, and its records in every system.

    Where several products are meant it lists them and ends with 1.
    """
    from app.cli.configuration import configure
    from app.cli.product import product as work

    chosen = configure(Options(config, directory, as_json, audience, demo, verbose))
    _end(run(lambda: work(chosen, lookup, by.value if by else None, locale, field or [], as_json)))


@application.command(epilog=BESIDE)
def compat(
    one: Annotated[str, typer.Argument(metavar="A", help="A name or identifier that any department has for it.")],
    other: Annotated[str, typer.Argument(metavar="B", help="Likewise, the other product.")],
    context: Annotated[
        list[str] | None,
        typer.Option(
            "--context", metavar="NAME=VALUE", help="What is known of the case: serial=H1-250000. May be repeated."
        ),
    ] = None,
    config: Config = None,
    directory: Directory = None,
    as_json: AsJson = False,
    audience: Audience = None,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Does A go with B? Print the verdict, what it rests on and, where nobody knows, whose question it is."""
    from app.cli.compat import compat as work
    from app.cli.configuration import configure

    chosen = configure(Options(config, directory, as_json, audience, demo, verbose))
    _end(run(lambda: work(chosen, one, other, context or [], as_json)))


@application.command(epilog=BESIDE)
def search(
    text: Annotated[str, typer.Argument(help="What any department calls it: name, SKU, GTIN or local id.")],
    first: Annotated[int, typer.Option(min=1, max=100, help="At most so many.")] = 20,
    config: Config = None,
    directory: Directory = None,
    as_json: AsJson = False,
    audience: Audience = None,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Find products by what any department calls them."""
    from app.cli.configuration import configure
    from app.cli.search import search as work

    chosen = configure(Options(config, directory, as_json, audience, demo, verbose))
    _end(run(lambda: work(chosen, text, first, as_json)))


@application.command(epilog=BESIDE)
def sources(
    name: Annotated[str | None, typer.Argument(help="Only this one.")] = None,
    rejected: Annotated[bool, typer.Option("--rejected", help="List what was no record, and why.")] = False,
    unreadable: Annotated[
        bool, typer.Option("--unreadable", help="List the values that could not be read, and why.")
    ] = False,
    apart: Annotated[bool, typer.Option("--apart", help="List the records that stay apart, and why.")] = False,
    config: Config = None,
    directory: Directory = None,
    as_json: AsJson = False,
    audience: Audience = None,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Show how every system does: its records, its last run, what fails and what to do about it."""
    from app.cli.configuration import configure
    from app.cli.sources import SetAside
    from app.cli.sources import sources as work

    chosen = configure(Options(config, directory, as_json, audience, demo, verbose))
    _end(run(lambda: work(chosen, name, SetAside(rejected, unreadable, apart), as_json)))


@application.command(epilog=BESIDE)
def ownership(
    config: Config = None,
    directory: Directory = None,
    as_json: AsJson = False,
    audience: Audience = None,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Show who owns each field, where that is at risk, and which columns nobody claims."""
    from app.cli.configuration import configure
    from app.cli.ownership import ownership as work

    chosen = configure(Options(config, directory, as_json, audience, demo, verbose))
    _end(run(lambda: work(chosen, as_json)))


@application.command()
def schema(config: Config = None, audience: Audience = None, demo: Demo = False, verbose: Verbose = False) -> None:
    """Print the GraphQL schema of one audience. It needs neither a database nor any system."""
    from app.cli.configuration import configure
    from app.cli.schema import schema as work

    _end(work(configure(Options(config, None, False, audience, demo, verbose), asking=False)))


@application.command("explain")
def explain_operation(
    document: Annotated[str, typer.Argument(metavar="FILE", help="A GraphQL document; - reads standard input.")],
    operation: Annotated[str | None, typer.Option("--operation", metavar="NAME", help="Which, of several.")] = None,
    code: Annotated[bool, typer.Option("--code", help="Print the Python code that it is compiled to.")] = False,
    config: Config = None,
    audience: Audience = None,
    as_json: AsJson = False,
    demo: Demo = False,
    verbose: Verbose = False,
) -> None:
    """Measure a GraphQL operation against the limits, and show the code that it is compiled to. It needs no database."""
    from app.cli.configuration import configure
    from app.cli.explain import explain as work

    chosen = configure(Options(config, None, as_json, audience, demo, verbose), asking=False)
    _end(work(chosen, document, operation, code=code, in_json=as_json))


# ── The demo ───────────────────────────────────────────────────────────────────────────────────────────────────────

System = Annotated[str, typer.Argument(help="erp, wms, pim, shop, crm, support, marketing or sales.")]


@demo_commands.command("status")
def demo_status(directory: Directory = None, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Show how every system of the demo is."""
    from app.cli.configuration import configure
    from app.cli.demo import status

    chosen = configure(Options(None, directory, as_json, None, True, verbose))
    _end(run(lambda: status(chosen, as_json)))


def _act(name: str, system: str, delay: str | None, options: Options) -> None:
    from app.cli import demo
    from app.cli.configuration import configure

    action = demo.slow(system, delay) if delay is not None else demo.Action(name, system)
    chosen = configure(options)
    _end(run(lambda: demo.act(chosen, action, options.json)))


@demo_commands.command("stop")
def demo_stop(system: System, directory: Directory = None, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Make a system unreachable: connections are refused, files are gone."""
    _act("stop", system, None, Options(None, directory, as_json, None, True, verbose))


@demo_commands.command("start")
def demo_start(system: System, directory: Directory = None, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Make a system well again, whatever was done to it."""
    _act("start", system, None, Options(None, directory, as_json, None, True, verbose))


@demo_commands.command("slow")
def demo_slow(
    system: System,
    delay: Annotated[str, typer.Argument(help="How late its answers come, such as 3s or 800ms.")] = "3s",
    directory: Directory = None,
    as_json: AsJson = False,
    verbose: Verbose = False,
) -> None:
    """Let every answer of a system come late."""
    _act("slow", system, delay, Options(None, directory, as_json, None, True, verbose))


@demo_commands.command("garble")
def demo_garble(system: System, directory: Directory = None, as_json: AsJson = False, verbose: Verbose = False) -> None:
    """Let a system answer a web page, whatever was asked."""
    _act("garble", system, None, Options(None, directory, as_json, None, True, verbose))
