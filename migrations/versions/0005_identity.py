"""Identity: what matching finds out about pairs of records, what people decide about them, and what a link rests on.

Revision: 0005, 2026-11-22
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0005"
down_revision = "0004"

PAIR = ("left_source", "left_record", "right_source", "right_record")
IN_ORDER = '(left_source collate "C", left_record collate "C") < (right_source collate "C", right_record collate "C")'


def upgrade() -> None:
    _crosswalk()
    _pairs()
    _decisions()


def _crosswalk() -> None:
    op.add_column("crosswalk", sa.Column("evidence", postgresql.JSONB(), nullable=True))
    op.add_column("crosswalk", sa.Column("rule_version", sa.Text(), nullable=True))
    op.create_table_comment(
        "crosswalk",
        "The link from each record to its product: by which key, and for one that stays apart, why. digest is of what "
        "was last written of the record: one that comes again and has the same has not changed. evidence is what a link "
        "rests on that no key made: what matching found, by rule_version, or who decided it; confidence is then its "
        "probability.",
    )
    op.create_index(
        "products_entangled", "products", ["product_id"], unique=False, postgresql_where=sa.text("entangled")
    )


def _pairs() -> None:
    op.create_table(
        "match_pairs",
        *(sa.Column(name, sa.Text(), nullable=False) for name in PAIR),
        sa.Column("probability", sa.Float(), nullable=False),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("findings", postgresql.JSONB(), nullable=False),
        sa.Column("rule_version", sa.Text(), nullable=False),
        sa.Column("found_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("linked", sa.Boolean(), nullable=False, server_default=sa.text("false")),
        sa.PrimaryKeyConstraint(*PAIR),
        sa.CheckConstraint(IN_ORDER, name="match_pairs_in_order"),
        sa.CheckConstraint("probability between 0 and 1", name="match_pairs_probability"),
        comment=(
            "What matching found out about two records, the lesser one left: verdict is LINK, or REVIEW where a person "
            "should say. findings: how each comparison came out, its weight in bits and how often that is an accident. "
            "linked: of one to LINK, whether its records are on one product; whoever links notes it."
        ),
    )
    op.create_index("match_pairs_by_right", "match_pairs", ["right_source", "right_record"], unique=False)
    op.create_index(
        "match_pairs_by_probability",
        "match_pairs",
        [sa.text("verdict DESC"), sa.text("probability DESC"), *PAIR],
        unique=False,
    )
    op.create_index(
        "match_pairs_unlinked",
        "match_pairs",
        [sa.text("probability DESC"), *PAIR],
        unique=False,
        postgresql_where=sa.text("verdict = 'LINK' and not linked"),
    )


def _decisions() -> None:
    op.create_table(
        "match_decisions",
        sa.Column("id", sa.UUID(), nullable=False),
        sa.Column("action", sa.UUID(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        *(sa.Column(name, sa.Text(), nullable=False) for name in PAIR),
        sa.Column("verdict", sa.Text(), nullable=False),
        sa.Column("by", sa.Text(), nullable=False),
        sa.Column("why", sa.Text(), nullable=True),
        sa.Column("decided_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("undone_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("undone_by", sa.Text(), nullable=True),
        sa.Column("undone_why", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("id"),
        sa.CheckConstraint(IN_ORDER, name="match_decisions_in_order"),
        comment=(
            "What people decided about two records, the lesser one left: that they are the SAME product, or stay APART. "
            "Nothing is ever deleted here; of those about a pair that are not undone, the latest is in effect, whether the "
            "two records are there or not. action: what one person did at once."
        ),
    )
    op.create_index("match_decisions_by_pair", "match_decisions", list(PAIR), unique=False)
    op.create_index("match_decisions_by_right", "match_decisions", ["right_source", "right_record"], unique=False)
    op.create_index("match_decisions_by_action", "match_decisions", ["action"], unique=False)
    op.create_index("match_decisions_by_time", "match_decisions", [sa.text("decided_at DESC"), "id"], unique=False)
