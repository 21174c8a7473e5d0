"""The winning claims of each product, chosen ahead.

Revision: 0003, 2026-11-22
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.create_table(
        "winners",
        sa.Column("product_id", sa.UUID(), nullable=False),
        sa.Column("rules", sa.Text(), nullable=False),
        sa.Column("plain", sa.LargeBinary(), nullable=False),
        sa.Column("origins", sa.LargeBinary(), nullable=False),
        sa.Column("scoped", sa.LargeBinary(), nullable=True),
        sa.Column("undecided", postgresql.ARRAY(sa.SmallInteger()), nullable=True),
        sa.PrimaryKeyConstraint("product_id"),
        comment=(
            "The winning claims of a product, chosen ahead by the rules of one map: JSON as it is answered with, by the "
            "field's place in that map. A product whose records move loses its row in the same transaction, and is read from "
            "its records until it is made again. undecided: the fields that are always read from the records."
        ),
    )
