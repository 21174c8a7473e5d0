"""Where a benchmark plays: its options, a place for its data that is gone afterwards, progress, and the report at the end."""

from __future__ import annotations

import argparse
import asyncio
import shlex
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from time import monotonic

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from sources.ledger.binaries import find_binaries
from tests.bench.goals import Report
from tests.bench.machine import Machine
from tests.bench.processes import ProcessFailed

Advance = Callable[[int], None]
_GROUP = "\0"


@dataclass
class Stage:
    """What a benchmark works with: its options, a directory of its own, and the report it fills."""

    options: argparse.Namespace
    directory: Path
    report: Report
    bars: Progress

    @contextmanager
    def step(self, title: str, total: int | None = None) -> Iterator[Advance]:
        """Show that something is being done; the context's value takes how much more of ``total`` is done."""
        task = self.bars.add_task(title, total=total)
        began = monotonic()
        try:
            yield lambda count: self.bars.advance(task, count)
        finally:
            self.bars.update(task, total=total or 1, completed=total or 1)
            if not self.bars.console.is_terminal:
                self.bars.console.print(f"{title}: {monotonic() - began:.1f} s", highlight=False, markup=False)


def play(
    bench: str,
    description: str,
    arguments: Callable[[argparse.ArgumentParser], None],
    work: Callable[[Stage], Awaitable[None]],
    words: Sequence[str] | None = None,
) -> int:
    """Run a benchmark's ``work`` and print its report, as far as it came; the exit code: 0 whatever the goals, 130 after
    Ctrl-C, 1 where it broke. ``words`` are the command line's, by default this process's."""
    parser = argparse.ArgumentParser(prog=f"make bench NAME={bench}", description=description)
    parser.add_argument("--json", action="store_true", help="the report as one JSON object")
    parser.add_argument(
        "--directory", type=Path, help="where the data goes while it runs (default: the temporary directory)"
    )
    arguments(parser)
    given = list(sys.argv[1:] if words is None else words)
    options = parser.parse_args(given)
    if sys.platform != "linux":
        parser.error("the benchmarks count CPU and memory by /proc, so they run on Linux only")
    command = f"make bench NAME={bench}" + (f' ARGS="{shlex.join(given)}"' if given else "")
    place = Path(tempfile.mkdtemp(prefix="whence-bench-", dir=options.directory))
    place.chmod(0o755)  # so that the account that the servers run under reaches it when root measures
    out = Console(stderr=True)
    bars = Progress(
        SpinnerColumn(finished_text="•"),
        TextColumn("{task.description}"),
        BarColumn(bar_width=30),
        TimeElapsedColumn(),
        console=out,
        disable=not out.is_terminal,
    )
    code = 0
    stage = Stage(options, place, Report(bench, command, Machine.this_one(find_binaries(None).version)), bars)
    try:
        with bars:
            asyncio.run(_until_told(work(stage)))
    except (KeyboardInterrupt, asyncio.CancelledError):
        out.print("ended before its end; nothing is left behind")
        code = 130
    except ProcessFailed as error:
        out.print(str(error), markup=False, highlight=False, style="red")
        code = 1
    except Exception:
        out.print_exception()
        code = 1
    finally:
        shutil.rmtree(place, ignore_errors=True)
    if options.json:
        print(stage.report.as_json())
    else:
        stage.report.show(Console(width=None if sys.stdout.isatty() else 120))
    return code


async def _until_told(work: Awaitable[None]) -> None:
    """``work``, cancelled by SIGTERM as by Ctrl-C, so that everything it has open is closed."""
    task = asyncio.ensure_future(work)
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    await task
