"""The first ledger: records, claims, changes, crosswalk, cursors and runs.

Revision: 0001, 2026-11-22
"""

import secrets

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None


def upgrade() -> None:
    op.execute("create extension if not exists pg_trgm")
    op.create_table(
        "aliases",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("scheme", sa.Text(), nullable=False),
        sa.Column("folded", sa.Text(), nullable=False),
        sa.Column("alias", sa.Text(), nullable=False),
        sa.Column("product_id", sa.UUID(), nullable=False),
        sa.PrimaryKeyConstraint("source", "record_id", "scheme", "folded"),
        comment=(
            "What each department calls a product: names, identifiers (gtin, sku, mpn, brand+mpn) and its own "
            "record ids."
        ),
    )
    op.create_index("aliases_by_product", "aliases", ["product_id"], unique=False)
    op.create_index(
        "aliases_by_trigram",
        "aliases",
        ["folded"],
        unique=False,
        postgresql_using="gin",
        postgresql_ops={"folded": "gin_trgm_ops"},
        postgresql_where=sa.text("scheme = 'name'"),
    )
    op.create_index("aliases_by_value", "aliases", ["folded", "scheme"], unique=False)
    op.create_table(
        "changes",
        sa.Column("product_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("claims", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("product_id", "source", "batch", "record_id"),
        comment=(
            "Append-only: what moved in a record, a row a record and batch. kind is ADDED, CHANGED or GONE; "
            "claims holds, for each field that moved, all its scopes as they are since then (an empty list: "
            "nothing any more)."
        ),
    )
    op.create_index("changes_by_batch", "changes", ["source", "batch"], unique=False)
    op.create_index("changes_by_record", "changes", ["source", "record_id"], unique=False)
    op.create_table(
        "crosswalk",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("product_id", sa.UUID(), nullable=False),
        sa.Column("linked_by", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=True),
        sa.Column("confidence", sa.Float(), nullable=False),
        sa.Column("linked_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("source", "record_id"),
        comment="The link from each record to its product: by which key, and for one that stays apart, why.",
    )
    op.create_index("crosswalk_by_product", "crosswalk", ["product_id"], unique=False)
    op.create_table(
        "cursors",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("cursor", postgresql.JSONB(), nullable=True),
        sa.Column("batch", sa.BigInteger(), nullable=False),
        sa.Column("walk", sa.BigInteger(), nullable=False),
        sa.Column("walk_began_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("walked_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("confirmed_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("mapping", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("source"),
        comment=(
            "How far each source has been read; its row is locked while a batch of it is written. walk_began_at "
            "is set while a walk over everything is under way; what is in the ledger was still so in the system "
            "at confirmed_at."
        ),
    )
    op.create_table(
        "former_ids",
        sa.Column("former_id", sa.UUID(), nullable=False),
        sa.Column("product_id", sa.UUID(), nullable=False),
        sa.Column("since", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("former_id"),
        comment="Ids that were merged into another product; they still resolve.",
    )
    op.create_index("former_ids_by_product", "former_ids", ["product_id"], unique=False)
    op.create_table(
        "installation",
        sa.Column("only", sa.Boolean(), server_default=sa.text("true"), nullable=False),
        sa.Column("cursor_key", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("only"),
        comment="One row: what this installation is known by. The key signs the cursors of pages.",
    )
    op.create_table(
        "products",
        sa.Column("product_id", sa.UUID(), nullable=False),
        sa.Column("listed", sa.Boolean(), nullable=False),
        sa.Column("founded_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("product_id"),
        comment="Every product id ever given. Listed: at least one record of a catalogue stands behind it.",
    )
    op.create_table(
        "records",
        sa.Column("product_id", sa.UUID(), nullable=False),
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        sa.Column("document", postgresql.JSONB(), nullable=False),
        sa.Column("claims", postgresql.JSONB(), nullable=False),
        sa.Column("names", postgresql.JSONB(), nullable=False),
        sa.Column("identifiers", postgresql.JSONB(), nullable=False),
        sa.Column("digest", sa.LargeBinary(), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("gone_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("product_id", "source", "record_id"),
        comment=(
            "Every record as last seen, its claims with both clocks. observed_at is when it was last written "
            "here; the cursor's confirmed_at may be later."
        ),
    )
    op.create_table(
        "rejections",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("place", sa.Text(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("sample", sa.Text(), nullable=False),
        sa.Column("observed_at", sa.DateTime(timezone=True), nullable=False),
        sa.PrimaryKeyConstraint("source", "place"),
        comment="Documents that are no records, as the last walk met them.",
    )
    op.create_table(
        "runs",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("number", sa.BigInteger(), sa.Identity(), nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("finished_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("outcome", sa.Text(), nullable=True),
        sa.Column("seen", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("added", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("changed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("gone", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("rejected", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("failure_kind", sa.Text(), nullable=True),
        sa.Column("failure_message", sa.Text(), nullable=True),
        sa.PrimaryKeyConstraint("source", "number"),
        comment="Every sync of every source: outcome is DONE, FAILED, YIELDED to another or, where it was cut off, null.",
    )
    op.create_table(
        "sightings",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("walk", sa.BigInteger(), nullable=False),
        sa.Column("record_id", sa.Text(), nullable=False),
        comment="The records met so far on a walk that is under way: what is not here at its end is gone.",
    )
    op.create_index("sightings_by_walk", "sightings", ["source", "walk"], unique=False)
    op.create_table(
        "sources",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("rank", sa.Integer(), nullable=False),
        sa.Column("settled_at", sa.DateTime(timezone=True), nullable=True),
        sa.PrimaryKeyConstraint("name"),
        comment=(
            "Every source ever declared. Rank is its place when first seen; it is settled after its first "
            "complete walk."
        ),
    )
    op.execute(sa.text("insert into installation (cursor_key) values (:key)").bindparams(key=secrets.token_bytes(32)))
