"""A file's faults as the contract suite's switches."""

from __future__ import annotations

import os
import shutil
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path

from sources.contract import Connector
from sources.contract_suite import Fault, Switch


@dataclass(frozen=True, slots=True)
class FileSwitches:
    """The switches of a file that ``restore`` writes anew; ``mistype`` writes A-02 with values of other types."""

    path: Path
    restore: Callable[[], None]
    mistype: Callable[[], None]
    impatient: Callable[[], Connector]

    @property
    def switches(self) -> Mapping[Fault, Sequence[Switch]]:
        """What can happen to a file. That a CSV was cut off nobody can see: its end is any line's end."""
        archive = self.path.suffix != ".csv"
        large = _bomb(self.path.read_bytes()) if archive else b"article_no,label\n" + b"x" * 1_000_000
        cut = {Fault.CUT: [_on(self._cut, 2), _on(self._cut, 20)]} if archive else {}
        garbage = [b"PK\x03\x04" + b"\xff\xfe\xfd" * 100, b"%PDF-1.7 \x00\x01\x02" * 50]
        if archive:
            garbage += [b"<html>please sign in</html>", b"\x00" * 500]
        return cut | {
            Fault.FAIL: [_on(self._remove), _on(self._pipe), _on(self._directory)],
            Fault.GARBLE: [_on(self._write, content) for content in garbage],
            Fault.MISSHAPE: [
                _on(self._write, content) for content in (b"", b"\n\n\n", b"nothing of this kind\n1\n2\n")
            ],
            Fault.OVERSIZE: [_on(self._write, large)],
            Fault.MISTYPE: [_on(self.mistype)],
        }

    async def clear(self) -> None:
        """The file is as it was."""
        self._remove()
        self.restore()

    def connector(self) -> Connector:
        """A narrow one."""
        return self.impatient()

    def _write(self, content: bytes) -> None:
        self._remove()
        self.path.write_bytes(content)

    def _cut(self, part: int) -> None:
        whole = self.path.read_bytes()
        self.path.write_bytes(whole[: len(whole) - len(whole) // part])

    def _remove(self) -> None:
        if self.path.is_dir():
            shutil.rmtree(self.path)
        else:
            self.path.unlink(missing_ok=True)

    def _pipe(self) -> None:
        self._remove()
        os.mkfifo(self.path)

    def _directory(self) -> None:
        self._remove()
        self.path.mkdir()


def _bomb(whole: bytes) -> bytes:
    """The archive with its largest part swollen, which packs to very little."""
    packed = BytesIO()
    with zipfile.ZipFile(BytesIO(whole)) as archive, zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as swollen:
        for name in archive.namelist():
            content = archive.read(name)
            if name.endswith(("sheet1.xml", "content.xml")):
                content = content.replace(b"Kettle", b"Kettle" + b" " * 1_000_000, 1) + b" " * 1_000_000
            swollen.writestr(name, content)
    return packed.getvalue()


def _on(act: Callable[..., None], *arguments: object) -> Switch:
    async def throw() -> None:
        act(*arguments)

    return throw
