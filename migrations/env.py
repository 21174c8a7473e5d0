"""Alembic's environment: runs on the connection that :func:`sources.ledger.database.migrate` hands over."""

from alembic import context

from sources.ledger.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
