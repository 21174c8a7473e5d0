"""The server audits of npm's ``graphql-http``, against any address."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import TypedDict

AUDITS = Path(__file__).parent / "audits"
COUNT = 61
"""How many audits the locked version has."""


class Audit(TypedDict):
    """One audit's outcome: ``status`` is ok, notice (a MAY), warn (a SHOULD) or error (a MUST)."""

    id: str
    name: str
    status: str
    reason: str | None


async def install(directory: Path) -> None:
    """Install what the audits need into ``directory``, as the lock file says."""
    for name in ("package.json", "package-lock.json", "audit.mjs"):
        shutil.copy(AUDITS / name, directory / name)
    await _run(directory, "npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts")


async def audit(directory: Path, url: str) -> list[Audit]:
    """Run every audit against the GraphQL endpoint at ``url``; ``directory`` was prepared by :func:`install`."""
    found: list[Audit] = json.loads(await _run(directory, "node", "audit.mjs", url))
    return found


def complaints(found: list[Audit]) -> list[str]:
    """The audits that are not ok, a line each."""
    return [f"{one['id']} {one['status']}: {one['name']}: {one['reason']}" for one in found if one["status"] != "ok"]


async def _run(directory: Path, *command: str) -> str:
    process = await asyncio.create_subprocess_exec(
        *command, cwd=directory, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE
    )
    try:
        async with asyncio.timeout(120):
            out, err = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    assert process.returncode == 0, f"{' '.join(command)} failed: {err.decode()[-2000:]}"
    return out.decode()
