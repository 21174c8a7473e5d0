"""Zip archives of XML, such as spreadsheets are, read within bounds: nothing is unpacked that was not promised, and no
document type is read, so that no entity can grow."""

from __future__ import annotations

import io
import zipfile
import zlib
from collections.abc import Callable, Iterator
from xml.parsers import expat

from sources.failures import FailureKind, SourceFailure

MAX_PARTS = 10_000
MAX_NAMES = 10_000
_CHUNK = 1 << 18


class Archive:
    """A zip archive in memory. Every failure is a SourceFailure that calls it ``name``."""

    def __init__(self, data: bytes, name: str, max_bytes: int) -> None:
        """Looks at the directory only; at most ``max_bytes`` may come out of the whole."""
        self._name = name
        try:
            self._zip = zipfile.ZipFile(io.BytesIO(data))
        except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
            raise self._garbled(f"no spreadsheet of its kind: {error}") from error
        parts = self._zip.infolist()
        names = {part.filename.casefold() for part in parts}
        if len(parts) > MAX_PARTS:
            raise SourceFailure(FailureKind.TOO_LARGE, f"{name} has {len(parts)} parts; {MAX_PARTS} are read at most")
        if len(names) != len(parts):
            raise self._garbled("two parts have one name")
        if any(part.flag_bits & 1 for part in parts):
            raise SourceFailure(FailureKind.REFUSED, f"{name} is protected by a password; save it without one")
        size = sum(part.file_size for part in parts)
        if size > max_bytes:
            raise SourceFailure(
                FailureKind.TOO_LARGE, f"{name} unpacks to {size} bytes; {max_bytes} are read at most (max_bytes)"
            )
        self.parts: tuple[str, ...] = tuple(part.filename for part in parts)

    def verify(self) -> None:
        """Unpacks everything once. A part that is not what the directory promises, in size or sum, is a failure."""
        for part in self.parts:
            for _ in self.chunks(part):
                pass

    def parse(
        self,
        part: str,
        start: Callable[[str, dict[str, str]], None],
        end: Callable[[str], None] | None = None,
        text: Callable[[str], None] | None = None,
    ) -> None:
        """Reads the XML of ``part``: elements' names come without their prefixes, attributes' as written."""
        parser = expat.ParserCreate()
        parser.buffer_text = True
        local = _LocalNames()

        def opened(tag: str, attributes: dict[str, str]) -> None:
            start(local[tag], attributes)

        def closed(tag: str) -> None:
            if end is not None:
                end(local[tag])

        def refuse(*_: object) -> None:
            raise self._garbled(f"its part {part} declares a document type")

        parser.StartElementHandler = opened
        if end is not None:
            parser.EndElementHandler = closed
        if text is not None:
            parser.CharacterDataHandler = text
        parser.StartDoctypeDeclHandler = refuse
        try:
            for chunk in self.chunks(part):
                parser.Parse(chunk, False)
            parser.Parse(b"", True)
        except expat.ExpatError as error:
            raise self._garbled(f"its part {part} is no XML: {error}") from error

    def chunks(self, part: str) -> Iterator[bytes]:
        """The content of ``part``."""
        try:
            with self._zip.open(part) as stream:
                while chunk := stream.read(_CHUNK):
                    yield chunk
        except KeyError as error:
            raise self._garbled(f"it has no part {part}") from error
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError, RuntimeError) as error:
            raise self._garbled(f"its part {part} is damaged: {error}") from error

    def _garbled(self, reason: str) -> SourceFailure:
        return SourceFailure(FailureKind.GARBLED, f"{self._name} cannot be read: {reason}")


class _LocalNames(dict[str, str]):
    """Names of elements without their prefixes, each worked out once."""

    def __missing__(self, tag: str) -> str:
        if len(self) > MAX_NAMES:
            self.clear()
        return self.setdefault(tag, tag.rpartition(":")[2])
