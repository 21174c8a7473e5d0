"""The machine that figures were measured on."""

from __future__ import annotations

import os
import platform
import re
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Machine:
    """What decides figures besides the code. ``load`` is the mean number of running processes in the minute before."""

    cores: int
    cpu: str
    memory_gb: float
    system: str
    python: str
    postgresql: str
    load: float

    @classmethod
    def this_one(cls, postgresql: str) -> Machine:
        """The machine we are on; ``postgresql`` is its server's version."""
        return cls(
            cores=len(os.sched_getaffinity(0)),
            cpu=_first(Path("/proc/cpuinfo"), r"^model name\s*:\s*(.+)$") or platform.machine(),
            memory_gb=round(int(_first(Path("/proc/meminfo"), r"^MemTotal:\s*(\d+)") or 0) / 2**20, 1),
            system=f"{platform.system()} {platform.release().partition('-')[0]}",
            python=platform.python_version(),
            postgresql=postgresql,
            load=round(os.getloadavg()[0], 2),
        )

    def __str__(self) -> str:
        return (
            f"measured on {self.cores} cores of {self.cpu}, {self.memory_gb:.0f} GB, {self.system}, Python {self.python}, "
            f"PostgreSQL {self.postgresql}; load before: {self.load}"
        )


def _first(path: Path, pattern: str) -> str | None:
    found = re.search(pattern, path.read_text(errors="replace"), re.MULTILINE)
    return found[1].strip() if found else None
