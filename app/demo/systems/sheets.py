"""Writing spreadsheets as people leave them: with a date of their own at which they were last saved."""

from __future__ import annotations

import os
import re
import zipfile
from datetime import datetime
from io import BytesIO
from pathlib import Path

from openpyxl import Workbook

_MODIFIED = re.compile(rb"(<dcterms:(created|modified)[^>]*>)[^<]*(</dcterms:)")


def save(workbook: Workbook, path: Path, modified: datetime, author: str) -> None:
    """Write ``workbook`` to ``path`` as ``author`` saved it at ``modified``: in its own properties and on the file."""
    workbook.properties.creator = workbook.properties.lastModifiedBy = author
    written = BytesIO()
    workbook.save(written)
    # The library stamps the moment of writing, whatever the properties say.
    stamp = f"{modified:%Y-%m-%dT%H:%M:%SZ}".encode()
    with zipfile.ZipFile(written) as old, zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as new:
        for entry in old.infolist():
            content = old.read(entry)
            if entry.filename == "docProps/core.xml":
                content = _MODIFIED.sub(rb"\g<1>" + stamp + rb"\g<3>", content)
            new.writestr(entry.filename, content)
    date_file(path, modified)


def date_file(path: Path, modified: datetime) -> None:
    """Let the file look as if it had been written at ``modified``."""
    os.utime(path, (modified.timestamp(), modified.timestamp()))
