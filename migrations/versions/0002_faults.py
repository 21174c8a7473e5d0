"""What a ledger needs among systems that fail: a schedule, what is unreadable, what was missed, maps and live failures.

Revision: 0002, 2026-11-22
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    op.create_check_constraint("crosswalk_confidence", "crosswalk", "confidence between 0 and 1")
    op.add_column("runs", sa.Column("unreadable", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("runs", sa.Column("remapped", sa.BigInteger(), server_default=sa.text("0"), nullable=False))
    op.add_column("runs", sa.Column("worker", sa.Text(), nullable=True))
    op.create_table_comment(
        "runs",
        "Every sync of every source: outcome is DONE, FAILED, YIELDED to another, STOPPED or, where it was cut off, null.",
    )
    op.add_column("cursors", sa.Column("origin", sa.Text(), nullable=True))
    op.add_column("cursors", sa.Column("remapping", postgresql.JSONB(), nullable=True))
    op.add_column("cursors", sa.Column("retired_at", sa.DateTime(timezone=True), nullable=True))
    op.create_table_comment(
        "cursors",
        "How far each source has been read; its row is locked while a batch of it is written. walk_began_at is set while "
        "a walk over everything is under way; what is in the ledger was still so in the system at confirmed_at. origin is "
        "what all its documents here were read with; remapping is set while they are mapped anew, and retired_at since no "
        "map in force declares the source.",
    )
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
        sa.Column("declared", postgresql.JSONB(), nullable=False),
        sa.Column("effects", postgresql.JSONB(), nullable=False),
        sa.PrimaryKeyConstraint("number"),
        comment="Every ownership map that took effect, in order, and what each changed; the last one is in force.",
    )
    _lay_out_for_writing()


def _lay_out_for_writing() -> None:
    """What a batch reads and writes is laid out anew, a statement a table, with nothing lost."""
    # The digest stands where a record is looked up by its id: what has not changed costs no look at the record.
    op.add_column("crosswalk", sa.Column("digest", sa.LargeBinary(), server_default=sa.text("''"), nullable=False))
    op.drop_index("crosswalk_by_product", "crosswalk")
    op.execute(
        "update crosswalk x set digest = r.digest from records r "
        "where (r.product_id, r.source, r.record_id) = (x.product_id, x.source, x.record_id)"
    )
    op.create_table_comment(
        "crosswalk",
        "The link from each record to its product: by which key, and for one that stays apart, why. digest is of what was "
        "last written of the record: one that comes again and has the same has not changed.",
    )
    op.drop_column("records", "digest")
    # The ids that the crosswalk finds as they are, or in capitals, need no alias.
    op.drop_index("aliases_by_product", "aliases")
    op.execute(
        "delete from aliases where scheme = 'record' and alias = record_id and (folded = record_id or "
        "(record_id ~ '^[ -~]*$' and upper(folded collate \"C\") = record_id))"
    )
    op.create_table_comment(
        "aliases",
        "What each department calls a product: names, identifiers (gtin, sku, mpn, brand+mpn), and those of its own record "
        "ids that the crosswalk does not find in the spelling of a lookup.",
    )
    op.drop_index("changes_by_record", "changes")
    op.add_column("products", sa.Column("entangled", sa.Boolean(), server_default=sa.text("false"), nullable=False))
    # Which schemes are keys, the map says: one more entangled than need be is only linked with more care.
    op.execute(
        "update products set entangled = true where product_id in (select a.product_id from aliases a join ("
        "select folded, scheme from aliases where scheme not in ('name', 'record') group by folded, scheme "
        "having count(distinct product_id) > 1) as shared using (folded, scheme))"
    )
    op.create_table_comment(
        "products",
        "Every product id ever given. Listed: at least one record of a catalogue stands behind it. Entangled: another "
        "product's records have keys of its records, so that who joins it may concern them too.",
    )
    op.execute(
        "insert into unreadable_values (source, record_id, field, reason) "
        "select distinct on (r.source, r.record_id, field.key) r.source, r.record_id, field.key, entry ->> 'unreadable' "
        "from records r, jsonb_each(r.claims) as field, jsonb_array_elements(field.value) as entry "
        "where r.gone_at is null and r.claims @? '$.*[*].unreadable' and entry ? 'unreadable'"
    )
    # A row a page, and of a walk that is under way all that it has met.
    op.rename_table("sightings", "sightings_before")
    op.drop_index("sightings_by_walk", "sightings_before")
    op.create_table(
        "sightings",
        sa.Column("source", sa.Text(), nullable=False),
        sa.Column("walk", sa.BigInteger(), nullable=False),
        sa.Column("record_ids", postgresql.ARRAY(sa.Text()), nullable=False),
        comment=(
            "The records met so far on a walk that is under way, a row a page: what is not here at its end is gone."
        ),
    )
    op.create_index("sightings_by_walk", "sightings", ["source", "walk"], unique=False)
    # Compressing what is read once costs more than it saves.
    op.execute("alter table sightings alter column record_ids set storage external")
    op.execute(
        "insert into sightings (source, walk, record_ids) "
        "select source, walk, array_agg(record_id) from sightings_before group by source, walk"
    )
    op.drop_table("sightings_before")
