"""The ledger's history of schemas, forwards only. ``migrations.run`` is in :mod:`sources.ledger.database`."""
