"""``python -m sources.contract_suite``: the rules, what each is for and what to do where it is broken."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from itertools import groupby
from operator import attrgetter
from typing import Any

from sources.contract_suite import CONNECTOR_RULES, SOURCE_RULES, Rules


def told(title: str, rules: Rules[Any]) -> Iterator[str]:
    """The lines that tell ``rules``."""
    yield f"{title}: {len(rules)} rules"
    for about, group in groupby(rules, key=attrgetter("about")):
        yield f"\n  {about}"
        for rule in group:
            yield f"\n    {rule.name}."
            yield f"      why: {rule.because}"
            yield f"      do:  {rule.do}"
    yield ""


def main() -> None:
    """Print them."""
    lines = [*told("What a connector keeps", CONNECTOR_RULES), *told("What a source keeps", SOURCE_RULES)]
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main()
