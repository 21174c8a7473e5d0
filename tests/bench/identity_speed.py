"""How fast new records are matched against a large catalogue, and in how much memory: ``ARGS=--speed``.

Both catalogues are made up: titles, model numbers, descriptions and prices as two shops write them, with families of
products that differ in a colour, a size or a digit. Three in four new records have a partner.
"""

from __future__ import annotations

import os
import pickle
import tempfile
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from itertools import repeat
from pathlib import Path
from random import Random
from time import perf_counter

from resolvers.matching.profile import Listing
from resolvers.matching.verdicts import Verdict
from resolvers.matching_whole.run import WholeRun
from tests.bench.goals import Goal, Report, Table
from tests.bench.processes import cpu_of_tree, memory_of_tree

PAGE = 1000
GOAL_RATE = 2000
GOAL_MB = 1024
ALONE = 0.25
"""Share of new records whose product the large catalogue does not have."""

_KIND_WORDS = (
    "cordless drill,angle grinder,circular saw,jigsaw,heat gun,rotary hammer,electric kettle,toaster,espresso machine,"
    "food processor,stand mixer,hand blender,rice cooker,air fryer,vacuum cleaner,steam iron,hair dryer,beard trimmer,"
    "office chair,standing desk,desk lamp,floor lamp,ceiling light,led panel,laser printer,label printer,document scanner,"
    "network switch,wireless router,access point,graphics card,power supply,memory module,solid state drive,hard drive,"
    "gaming keyboard,wireless mouse,webcam,headset,soundbar,bookshelf speaker,subwoofer,turntable,digital camera,zoom lens,"
    "camera bag,tripod,action camera,smart watch,fitness tracker,running shoe,hiking boot,rain jacket,sleeping bag,tent,"
    "camping stove,mountain bike,road bike,bike helmet,bike lock,child seat,stroller,car seat,garden hose,pressure washer,"
    "lawn mower,hedge trimmer,chain saw,leaf blower,paint sprayer,work bench,tool box,socket set,torque wrench,multimeter"
)
_COLOURS = ("black", "white", "silver", "red", "blue", "green", "grey")
_FILLERS = (
    "with and for the features includes compact powerful durable lightweight design adjustable speed control stainless "
    "steel motor battery charger warranty easy clean removable quiet operation energy efficient large capacity digital "
    "display automatic shut off non slip base ergonomic handle high performance professional home use indoor outdoor "
    "water resistant cable length integrated safety lock fast charging wireless connection usb port compatible replacement "
    "filter set accessories carrying case storage folding portable heavy duty premium series classic new improved original"
)
_PARTS = "ka ri mo ten lu sa vel dor ni bra zo fen tal mi gra ul esh wen por ix ar bel con dru"
_KINDS, _WORDS, _SYLLABLES = _KIND_WORDS.split(","), _FILLERS.split(), _PARTS.split()
_SCRAMBLE = 2_654_435_761


def _coined(random: Random) -> str:
    return "".join(random.choices(_SYLLABLES, k=random.randint(2, 3)))


_BRANDS = tuple(sorted({_coined(Random(at)) for at in range(1200)}))


class _Product:
    """A product by its number; eight in a row are a family."""

    def __init__(self, at: int) -> None:
        family = Random(at // 8)
        own = Random(-1 - at)
        self.brand = family.choice(_BRANDS)
        self.kind = family.choice(_KINDS)
        self.line = _coined(family) if family.random() < 0.5 else ""
        self.series = "".join(family.choices("ABCDEFGHKLMNPRSTVX", k=family.randint(1, 3)))
        self.figure = family.randint(10, 9999)
        self.colours = family.random() < 0.4
        self.size = family.choice((8, 12, 18, 24, 40, 64, 120, 250, 500))
        self.unit = family.choice(("V", "W", "GB", "cm", "inch", "l"))
        self.price = round(family.lognormvariate(4, 1), 2) + own.randint(0, 20)
        self.place = at % 8
        self.words = family.sample(_WORDS, 24)
        self.tale = [*self.words[:10], *own.sample(_WORDS, 6)]
        self.own = own

    @property
    def colour(self) -> str:
        """Its colour, where the family has one."""
        return _COLOURS[self.place % len(_COLOURS)] if self.colours else ""

    @property
    def number(self) -> str:
        """Its model number."""
        figure = self.figure if self.colours else self.figure + 10 * self.place
        return f"{self.series}{figure}{self.colour[:1].upper()}"


def known(at: int) -> Listing:
    """A record of the large catalogue."""
    one = _Product(at)
    title = [one.brand.title(), one.line.title(), one.number, one.kind.title(), f"{one.size}{one.unit}", one.colour]
    described = f"{one.brand.title()} {one.kind} {' '.join(one.tale)}." if one.place % 3 else ""
    return Listing(
        f"b{at:08}", " ".join(filter(None, title)), described, brand=one.brand.title(), price=round(one.price, 2)
    )


def new(at: int, total: int) -> Listing:
    """A new record, of one of the ``total`` products of the large catalogue, or of none of them."""
    random = Random(at + (1 << 40))
    product = at * _SCRAMBLE % total
    one = _Product(product if random.random() >= ALONE else product + 8 * total)
    number = one.number
    if random.random() < 0.3:
        number = f"{one.series}-{number[len(one.series) :]}"
    words = [
        one.brand,
        one.kind,
        one.line,
        f"{one.size} {one.unit}",
        one.colour[:3] if random.random() < 0.3 else one.colour,
    ]
    words = [word for word in words if word and random.random() > 0.1]
    if random.random() < 0.85:
        words.insert(random.randint(0, len(words)), number)
    words += random.sample(_WORDS, random.randint(0, 4))
    told = " ".join([*random.sample(one.words, 8), *random.sample(_WORDS, 10)]) if random.random() < 0.6 else ""
    return Listing(f"a{at:08}", " ".join(words), told, price=round(one.price * random.uniform(0.85, 1.1), 2))


def partner(at: int, total: int) -> str | None:
    """The key of the true partner of a new record."""
    return f"b{at * _SCRAMBLE % total:08}" if Random(at + (1 << 40)).random() >= ALONE else None


def _page(begin: int, end: int, of: int | None) -> bytes:
    return pickle.dumps([known(at) if of is None else new(at, of) for at in range(begin, end)])


def write(path: Path, records: int, of: int | None) -> None:
    """Write made-up records in pages, so that making them up is not measured."""
    begins = range(0, records, PAGE)
    with path.open("wb") as file, ProcessPoolExecutor() as pool:
        ends = [min(begin + PAGE, records) for begin in begins]
        for page in pool.map(_page, begins, ends, repeat(of), chunksize=8):
            file.write(len(page).to_bytes(4, "little") + page)


def pages(path: Path) -> Iterator[list[Listing]]:
    """The pages that :func:`write` wrote."""
    with path.open("rb") as file:
        while size := file.read(4):
            yield pickle.loads(file.read(int.from_bytes(size, "little")))


class Memory:
    """The most memory that this process and its children had at once, each shared page counted once (Linux)."""

    def __init__(self) -> None:
        self.peak = 0.0
        self._over = threading.Event()
        self._thread = threading.Thread(target=self._watch, daemon=True)

    def __enter__(self) -> Memory:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            self.peak = max(self.peak, memory_of_tree(os.getpid()) / 2**20)


@dataclass
class Speed:
    """What a run took: for each step its seconds by the clock and of CPU, and the most memory of all processes."""

    sizes: tuple[int, int]
    steps: dict[str, tuple[float, float]]
    peak: float
    compared: int
    links: int
    right: int
    pairs: int

    def row(self, title: str, steps: Sequence[str], records: int, cores: int) -> tuple[str | float, ...]:
        """A row of the table: what ``steps`` took for so many records, and the rate were all ``cores`` theirs alone."""
        clock = sum(self.steps[step][0] for step in steps)
        cpu = sum(self.steps[step][1] for step in steps)
        # Deciding is one process's; DuckDB and the comparing processes use every core.
        alone = sum(self.steps[step][1] / (1 if step in ALONE_STEPS else cores) for step in steps)
        return (title, f"{clock:.1f}", f"{cpu:.1f}", records / clock, records / alone)


ALONE_STEPS = ("learn", "decide")
"""Steps of one process."""
LEARNED = ("count", "learn")
"""What is learned of two catalogues, and stays."""
NEW = ("read new", "block", "score", "decide")
"""What new records take."""


def measure(new_records: int, known_records: int, directory: Path | None = None) -> Speed:
    """Match made-up new records against made-up known ones."""
    with tempfile.TemporaryDirectory(dir=directory) as scratch:
        place = Path(scratch)
        write(place / "new", new_records, known_records)
        write(place / "known", known_records, None)
        steps: dict[str, tuple[float, float]] = {}
        with Memory() as memory:
            run = WholeRun(place / "run", "speed")

            def timed(step: str, work: Callable[[], None]) -> None:
                clock, cpu = perf_counter(), cpu_of_tree(os.getpid())
                work()
                steps[step] = (perf_counter() - clock, cpu_of_tree(os.getpid()) - cpu)

            timed("read known", lambda: run.read(1, pages(place / "known")))
            timed("read new", lambda: run.read(0, pages(place / "new")))
            run.know([])
            for step, work in run.steps():
                timed(step, work)
            found = {(one.left, one.right) for one in run.decided() if one.verdict is Verdict.LINK}
            compared = run.state.tables.value("select count(*) from worth")
            run.close()
    truth = {(f"a{at:08}", mate) for at in range(new_records) if (mate := partner(at, known_records))}
    return Speed((new_records, known_records), steps, memory.peak, compared, len(found), len(found & truth), len(truth))


def told_of(report: Report, new_records: int, known_records: int) -> Report:
    """Measure, and tell it in ``report``."""
    speed = measure(new_records, known_records)
    cores = os.cpu_count() or 1
    rows = (
        speed.row(f"{new_records:,} new records matched", NEW, new_records, cores),
        speed.row("learned before, of both", LEARNED, new_records + known_records, cores),
        speed.row(f"{known_records:,} known records read before", ("read known",), known_records, cores),
        speed.row("everything", tuple(speed.steps), new_records + known_records, cores),
        *(speed.row(f"  {step}", (step,), new_records, cores) for step in speed.steps),
    )
    columns = ("what", "seconds", "CPU seconds", "records/s", f"records/s, {cores} cores alone")
    note = "the last column is reckoned from CPU: the rate where nothing else runs on the machine"
    report.tables.append(Table(f"{new_records:,} records against {known_records:,}", columns, rows, note))
    report.goals += [
        Goal("milliseconds a new record", 1000 / GOAL_RATE, "ms", 1000 / float(rows[0][3])),
        Goal("the same where nothing else runs", 1000 / GOAL_RATE, "ms", 1000 / float(rows[0][4])),
        Goal("most memory, of all processes", GOAL_MB, "MB", speed.peak),
    ]
    report.notes += [
        f"{speed.compared / max(1, new_records):.1f} pairs were compared a new record",
        f"of {speed.links:,} links {speed.right:,} are right; there are {speed.pairs:,} true pairs",
    ]
    return report
