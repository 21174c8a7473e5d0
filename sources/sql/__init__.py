"""The ``sql`` connector: a table, a view or a query of SQLite, PostgreSQL, MariaDB or MySQL."""

from sources.sql.connector import KIND, SqlConnector
from sources.sql.options import SqlOptions

__all__ = ["KIND", "SqlConnector", "SqlOptions"]
