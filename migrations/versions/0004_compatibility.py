"""What goes with what: statements, and questions with their answers.

Revision: 0004, 2026-11-22
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    op.create_table(
        "statements",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("subject", sa.Text(), nullable=False),
        sa.Column("object", sa.Text(), nullable=False),
        sa.Column("relation", sa.Text(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("qualifiers", postgresql.JSONB(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=True),
        sa.Column("last_updated", sa.DateTime(timezone=True), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mapping", sa.SmallInteger(), nullable=False),
        sa.PrimaryKeyConstraint("source", "record_id", "number"),
        comment=(
            "What goes with what, as present records say it, and as stewards answered (source answers, record_id the "
            "question). Subject and object are keys that products have (sku=..., record=..., category=...), so that a "
            "statement about a product that nobody knows yet waits for it here."
        ),
    )
    op.create_index("statements_by_subject", "statements", ["subject", "object"], unique=False)
    op.create_index("statements_by_object", "statements", ["object", "subject"], unique=False)
    op.create_table(
        "questions",
        sa.Column("question_id", sa.UUID(), nullable=False),
        sa.Column("product_id", sa.UUID(), nullable=False),
        sa.Column("with_id", sa.UUID(), nullable=False),
        sa.Column("about_id", sa.UUID(), nullable=True),
        sa.Column("field", sa.Text(), nullable=True),
        sa.Column("steward", sa.Text(), nullable=True),
        sa.Column("contact", sa.Text(), nullable=True),
        sa.Column("wording", sa.Text(), nullable=False),
        sa.Column("asked", sa.BigInteger(), nullable=False),
        sa.Column("first_asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("last_asked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("question_id"),
        comment=(
            "What nobody could say about two products, once however often it was asked: which fact of which product is "
            "missing (or, without one, any word about the two), and who answers for that."
        ),
    )
    op.create_index("questions_by_asked", "questions", [sa.text("asked DESC"), "question_id"], unique=False)
    op.create_index("questions_by_pair", "questions", ["product_id", "with_id"], unique=False)
    op.create_table(
        "answers",
        sa.Column("question_id", sa.UUID(), nullable=False),
        sa.Column("number", sa.Integer(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("qualifiers", postgresql.JSONB(), nullable=False),
        sa.Column("condition", sa.Text(), nullable=True),
        sa.Column("text", sa.Text(), nullable=True),
        sa.Column("author", sa.Text(), nullable=False),
        sa.Column("answered_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("question_id", "number"),
        comment="Every answer ever given to a question; the newest is a statement too, until it expires.",
    )
    op.create_index(
        "aliases_by_trait",
        "aliases",
        [sa.text("((scheme || '='::text) || folded)"), "product_id"],
        unique=False,
        postgresql_where=sa.text("scheme like 'field.%'"),
    )
    op.create_table_comment(
        "aliases",
        "What each department calls a product: names, identifiers (gtin, sku, mpn, brand+mpn), and those of its own record "
        "ids that the crosswalk does not find in the spelling of a lookup. Beside them, under field.NAME, texts by which "
        "whole kinds of products are told apart.",
    )
    op.create_table(
        "verdict_counts",
        sa.Column("day", sa.Date(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("count", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("day", "verdict"),
        comment="How often which verdict was given, by day (UTC).",
    )
