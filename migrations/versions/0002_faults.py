"""What a ledger needs among systems that fail: a schedule, what is unreadable, what was missed, maps and live failures.

Revision: 0002, 2026-11-22
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.add_column("runs", sa.Column("unreadable", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("runs", sa.Column("remapped", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("rejections", sa.Column("record_id", sa.Text(), nullable=True))
    op.create_table(
        "unreadable_values",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("field", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source", "record_id", "field"),
        comment=(
            "Values that are there and could not be read, in present records; the claims say so too, this is to be counted."
        ),
    )
    op.create_table(
        "absences",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "record_id"),
        comment=(
            "Records that the last walk missed though it may have stepped over them; missed by the next one too, they "
            "are gone."
        ),
    )
    op.create_table(
        "schedule",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("due_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failures", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("worker", sa.Text(), nullable=True),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("source"),
        comment="When each source is due to be synced, and which worker is at it until when, unless it says more.",
    )
    op.create_table(
        "live_failures",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("failure_kind", sa.Text(), nullable=False),
        sa.Column("failure_message", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
        comment="The systems that fail when they are asked live, as the processes that ask them last saw.",
    )
    op.create_table(
        "map_versions",
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("digest", sa.Text(), nullable=False),
        sa.Column("taken_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("effects", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        comment="Every ownership map that took effect, in order, and what each changed; the last one is in force.",
    )
