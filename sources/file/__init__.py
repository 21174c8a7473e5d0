"""The ``file`` connector: CSV and the like, XLSX and ODS."""

from sources.file.connector import KIND, FileConnector
from sources.file.options import FileOptions

__all__ = ["KIND", "FileConnector", "FileOptions"]
