"""Matching as part of the change flow: records as they are compared, the keys by which they are found, what was learned.

Revision: 0006, 2026-11-22
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    op.create_table(
        "match_records",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), sa.Identity(), nullable=False),
        sa.Column("profile", sa.LargeBinary(), nullable=False),
        sa.Column("keys", postgresql.ARRAY(sa.BigInteger()), nullable=False),
        sa.PrimaryKeyConstraint("source", "record_id"),
        comment=(
            "Present records of catalogues as matching reads them: what is compared of each, and the hashes of the keys by "
            "which others find it. number stands for it in match_keys."
        ),
    )
    op.create_index("match_records_by_number", "match_records", ["number"], unique=False)
    op.create_table(
        "match_keys",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("key", sa.BigInteger(), nullable=False),
        sa.Column("carriers", sa.Integer(), nullable=False),
        sa.Column("records", postgresql.ARRAY(sa.Integer()), nullable=False),
        sa.PrimaryKeyConstraint("source", "key"),
        postgresql_with={"fillfactor": "80"},
        comment=(
            "For each key the records of a source that carry it, by number. A key that too many carry leads nowhere: then "
            "they are counted, and records is empty."
        ),
    )
    op.create_table(
        "match_progress",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("reading", sa.Text(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("after", sa.Text(), nullable=True),
        sa.Column("records", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source"),
        comment=(
            "How far each catalogue has been read for matching, and in which way: up to which of its batches and, while all "
            "of it is read anew, after which record. records: how many of it are in match_records."
        ),
    )
    op.create_table(
        "match_due",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("again", sa.SmallInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("stale", sa.Boolean(), server_default=sa.text("false"), nullable=False),
        sa.PrimaryKeyConstraint("source", "record_id"),
        comment=(
            "Records that are to be compared with those of other catalogues. stale: they are to be read anew before. again: "
            "how many others before them lost a partner in turn; such a chain ends soon."
        ),
    )
    op.create_index(
        "match_due_stale", "match_due", ["source", "record_id"], unique=False, postgresql_where=sa.text("stale")
    )
    op.create_table(
        "match_models",
        sa.Column("left_source", sa.Text(), nullable=False),
        sa.Column("right_source", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("version", sa.Text(), nullable=False),
        sa.Column("reading", sa.Text(), nullable=False),
        sa.Column("provisional", sa.Boolean(), nullable=False),
        sa.Column("left_records", sa.BigInteger(), nullable=False),
        sa.Column("right_records", sa.BigInteger(), nullable=False),
        sa.Column("certain", sa.BigInteger(), nullable=False),
        sa.Column("decisions", sa.BigInteger(), nullable=False),
        sa.Column("trained_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("content", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("left_source", "right_source", "number"),
        comment=(
            "What was learned about the records of two catalogues, the last one in use. provisional: there were too few to "
            "learn from, so it proposes and never links. certain: pairs that keys or people had joined; decisions: how many "
            "people had taken then."
        ),
    )
    op.create_table(
        "match_turn",
        sa.Column("only", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("worker", sa.Text(), nullable=False),
        sa.Column("held_until", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("only"),
        comment="One row: which process is matching, until when, unless it says more.",
    )
