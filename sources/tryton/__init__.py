"""The ``tryton`` connector: products of a Tryton ERP, their prices and stock, over its JSON-RPC."""

from sources.tryton.connector import KIND, TrytonConnector
from sources.tryton.options import TrytonOptions

__all__ = ["KIND", "TrytonConnector", "TrytonOptions"]
