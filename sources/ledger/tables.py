"""The ledger's tables: PostgreSQL's memory of every record, claim and change ever observed.

Laid out so that a sharded PostgreSQL carries them unchanged: what belongs to a product is keyed by product first, what
belongs to a record by its source and id, and every unique key holds the column its table would be distributed by. There is
no global counter: a source's batches are numbered under the lock of its cursor row, so within a source ``batch`` is
without gaps and in the order of commits, and a reader of the change log keeps one number a source.

Claims are kept a document a record, keyed by field and, within it, by scope::

    {"weight": [{"value": {"amount": "0.85", "unit": "kg"}, "lastUpdated": "2026-05-02T09:00:00Z", "basis": "SOURCE_RECORD"}],
     "description": [{"locale": "en", "value": "...", ...}, {"locale": "fr", "value": "...", ...}]}
"""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Date,
    DateTime,
    Float,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    SmallInteger,
    Table,
    Text,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB, UUID

metadata = MetaData()


def _moment(name: str, *, optional: bool = False) -> Column[object]:
    return Column(name, DateTime(timezone=True), nullable=optional)


installation = Table(
    "installation",
    metadata,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("cursor_key", LargeBinary, nullable=False),
    comment="One row: what this installation is known by. The key signs the cursors of pages.",
)

sources = Table(
    "sources",
    metadata,
    Column("name", Text, primary_key=True),
    Column("rank", Integer, nullable=False),
    _moment("settled_at", optional=True),
    comment="Every source ever declared. Rank is its place when first seen; it is settled after its first complete walk.",
)

cursors = Table(
    "cursors",
    metadata,
    Column("source", Text, primary_key=True),
    Column("cursor", JSONB, nullable=True),
    Column("batch", BigInteger, nullable=False),
    Column("walk", BigInteger, nullable=False),
    _moment("walk_began_at", optional=True),
    _moment("walked_at", optional=True),
    _moment("confirmed_at", optional=True),
    Column("mapping", Text, nullable=True),
    Column("origin", Text, nullable=True),
    Column("remapping", JSONB, nullable=True),
    _moment("retired_at", optional=True),
    comment="How far each source has been read; its row is locked while a batch of it is written. walk_began_at is set while "
    "a walk over everything is under way; what is in the ledger was still so in the system at confirmed_at. origin is what "
    "all its documents here were read with; remapping is set while they are mapped anew, and retired_at since no map in "
    "force declares the source.",
)

runs = Table(
    "runs",
    metadata,
    Column("source", Text, primary_key=True),
    Column("number", BigInteger, Identity(), primary_key=True),
    _moment("started_at"),
    _moment("finished_at", optional=True),
    Column("outcome", Text, nullable=True),
    Column("seen", BigInteger, nullable=False, server_default=text("0")),
    Column("added", BigInteger, nullable=False, server_default=text("0")),
    Column("changed", BigInteger, nullable=False, server_default=text("0")),
    Column("gone", BigInteger, nullable=False, server_default=text("0")),
    Column("rejected", BigInteger, nullable=False, server_default=text("0")),
    Column("unreadable", BigInteger, nullable=False, server_default=text("0")),
    Column("remapped", BigInteger, nullable=False, server_default=text("0")),
    Column("worker", Text, nullable=True),
    Column("failure_kind", Text, nullable=True),
    Column("failure_message", Text, nullable=True),
    comment="Every sync of every source: outcome is DONE, FAILED, YIELDED to another, STOPPED or, where it was "
    "cut off, null.",
)

rejections = Table(
    "rejections",
    metadata,
    Column("source", Text, primary_key=True),
    Column("place", Text, primary_key=True),
    Column("record_id", Text, nullable=True),
    Column("reason", Text, nullable=False),
    Column("sample", Text, nullable=False),
    _moment("observed_at"),
    comment="Documents that are no records, as the last walk met them.",
)

unreadable_values = Table(
    "unreadable_values",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("field", Text, primary_key=True),
    Column("reason", Text, nullable=False),
    comment="Values that are there and could not be read, in present records; the claims say so too, this is to be counted.",
)

absences = Table(
    "absences",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    _moment("since"),
    comment="Records that the last walk missed though it may have stepped over them; missed by the next one too, they "
    "are gone.",
)

schedule = Table(
    "schedule",
    metadata,
    Column("source", Text, primary_key=True),
    _moment("due_at"),
    Column("failures", Integer, nullable=False, server_default=text("0")),
    Column("worker", Text, nullable=True),
    _moment("held_until", optional=True),
    comment="When each source is due to be synced, and which worker is at it until when, unless it says more.",
)

live_failures = Table(
    "live_failures",
    metadata,
    Column("source", Text, primary_key=True),
    _moment("since"),
    _moment("seen_at"),
    Column("failure_kind", Text, nullable=False),
    Column("failure_message", Text, nullable=False),
    comment="The systems that fail when they are asked live, as the processes that ask them last saw.",
)

map_versions = Table(
    "map_versions",
    metadata,
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("digest", Text, nullable=False),
    _moment("taken_at"),
    Column("declared", JSONB, nullable=False),
    Column("effects", JSONB, nullable=False),
    comment="Every ownership map that took effect, in order, and what each changed; the last one is in force.",
)

products = Table(
    "products",
    metadata,
    Column("product_id", UUID, primary_key=True),
    Column("listed", Boolean, nullable=False),
    Column("entangled", Boolean, nullable=False, server_default=text("false")),
    _moment("founded_at"),
    comment="Every product id ever given. Listed: at least one record of a catalogue stands behind it. Entangled: another "
    "product's records have keys of its records, so that who joins it may concern them too.",
)
Index("products_entangled", products.c.product_id, postgresql_where=products.c.entangled)

former_ids = Table(
    "former_ids",
    metadata,
    Column("former_id", UUID, primary_key=True),
    Column("product_id", UUID, nullable=False),
    _moment("since"),
    comment="Ids that were merged into another product; they still resolve.",
)
Index("former_ids_by_product", former_ids.c.product_id)

crosswalk = Table(
    "crosswalk",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("product_id", UUID, nullable=False),
    Column("linked_by", Text, nullable=False),
    Column("reason", Text, nullable=True),
    Column("confidence", Float, nullable=False),
    _moment("linked_at"),
    _moment("gone_at", optional=True),
    Column("digest", LargeBinary, nullable=False, server_default=text("''")),
    Column("evidence", JSONB, nullable=True),
    Column("rule_version", Text, nullable=True),
    CheckConstraint("confidence between 0 and 1", name="crosswalk_confidence"),  # NaN is beyond it
    comment="The link from each record to its product: by which key, and for one that stays apart, why. digest is of what "
    "was last written of the record: one that comes again and has the same has not changed. evidence is what a link rests "
    "on that no key made: what matching found, by rule_version, or who decided it; confidence is then its probability.",
)

records = Table(
    "records",
    metadata,
    Column("product_id", UUID, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("document", JSONB, nullable=False),
    Column("claims", JSONB, nullable=False),
    Column("names", JSONB, nullable=False),
    Column("identifiers", JSONB, nullable=False),
    _moment("updated_at", optional=True),
    _moment("observed_at"),
    _moment("gone_at", optional=True),
    comment="Every record as last seen, its claims with both clocks. observed_at is when it was last written here; the "
    "cursor's confirmed_at may be later.",
)

winners = Table(
    "winners",
    metadata,
    Column("product_id", UUID, primary_key=True),
    Column("rules", Text, nullable=False),
    Column("plain", LargeBinary, nullable=False),
    Column("origins", LargeBinary, nullable=False),
    Column("scoped", LargeBinary, nullable=True),
    Column("undecided", ARRAY(SmallInteger), nullable=True),
    comment="The winning claims of a product, chosen ahead by the rules of one map: JSON as it is answered with, by the "
    "field's place in that map. A product whose records move loses its row in the same transaction, and is read from "
    "its records until it is made again. undecided: the fields that are always read from the records.",
)

aliases = Table(
    "aliases",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("scheme", Text, primary_key=True),
    Column("folded", Text, primary_key=True),
    Column("alias", Text, nullable=False),
    Column("product_id", UUID, nullable=False),
    comment="What each department calls a product: names, identifiers (gtin, sku, mpn, brand+mpn), and those of its own "
    "record ids that the crosswalk does not find in the spelling of a lookup. Beside them, under field.NAME, texts by which "
    "whole kinds of products are told apart.",
)
Index("aliases_by_value", aliases.c.folded, aliases.c.scheme)
Index(
    "aliases_by_trigram",
    aliases.c.folded,
    postgresql_using="gin",
    postgresql_ops={"folded": "gin_trgm_ops"},
    postgresql_where=text("scheme = 'name'"),
)
Index(
    "aliases_by_trait",
    text("((scheme || '='::text) || folded)"),  # as one, so that no other index is taken for it
    aliases.c.product_id,
    postgresql_where=text("scheme like 'field.%'"),
)

changes = Table(
    "changes",
    metadata,
    Column("product_id", UUID, primary_key=True),
    Column("source", Text, primary_key=True),
    Column("batch", BigInteger, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("kind", Text, nullable=False),
    _moment("observed_at"),
    Column("claims", JSONB, nullable=False),
    comment="Append-only: what moved in a record, a row a record and batch. kind is ADDED, CHANGED or GONE; claims holds, "
    "for each field that moved, all its scopes as they are since then (an empty list: nothing any more).",
)
Index("changes_by_batch", changes.c.source, changes.c.batch)

sightings = Table(
    "sightings",
    metadata,
    Column("source", Text, nullable=False),
    Column("walk", BigInteger, nullable=False),
    Column("record_ids", ARRAY(Text), nullable=False),
    comment="The records met so far on a walk that is under way, a row a page: what is not here at its end is gone.",
)
Index("sightings_by_walk", sightings.c.source, sightings.c.walk)

statements = Table(
    "statements",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("subject", Text, nullable=False),
    Column("object", Text, nullable=False),
    Column("relation", Text, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("qualifiers", JSONB, nullable=False),
    Column("condition", Text, nullable=True),
    Column("text", Text, nullable=True),
    Column("author", Text, nullable=True),
    _moment("last_updated", optional=True),
    _moment("observed_at"),
    _moment("expires_at", optional=True),
    Column("mapping", SmallInteger, nullable=False),
    comment="What goes with what, as present records say it, and as stewards answered (source answers, record_id the "
    "question). Subject and object are keys that products have (sku=..., record=..., category=...), so that a statement "
    "about a product that nobody knows yet waits for it here.",
)
Index("statements_by_subject", statements.c.subject, statements.c.object)
Index("statements_by_object", statements.c.object, statements.c.subject)

questions = Table(
    "questions",
    metadata,
    Column("question_id", UUID, primary_key=True),
    Column("product_id", UUID, nullable=False),
    Column("with_id", UUID, nullable=False),
    Column("about_id", UUID, nullable=True),
    Column("field", Text, nullable=True),
    Column("steward", Text, nullable=True),
    Column("contact", Text, nullable=True),
    Column("wording", Text, nullable=False),
    Column("asked", BigInteger, nullable=False),
    _moment("first_asked_at"),
    _moment("last_asked_at"),
    _moment("answered_at", optional=True),
    comment="What nobody could say about two products, once however often it was asked: which fact of which product is "
    "missing (or, without one, any word about the two), and who answers for that.",
)
Index("questions_by_asked", questions.c.asked.desc(), questions.c.question_id)
Index("questions_by_pair", questions.c.product_id, questions.c.with_id)

answers = Table(
    "answers",
    metadata,
    Column("question_id", UUID, primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("verdict", Text, nullable=False),
    Column("qualifiers", JSONB, nullable=False),
    Column("condition", Text, nullable=True),
    Column("text", Text, nullable=True),
    Column("author", Text, nullable=False),
    _moment("answered_at"),
    _moment("expires_at"),
    comment="Every answer ever given to a question; the newest is a statement too, until it expires.",
)

verdict_counts = Table(
    "verdict_counts",
    metadata,
    Column("day", Date, primary_key=True),
    Column("verdict", Text, primary_key=True),
    Column("count", BigInteger, nullable=False),
    comment="How often which verdict was given, by day (UTC).",
)


def _pair(*, primary_key: bool = False) -> tuple[Column[object], ...]:
    names = ("left_source", "left_record", "right_source", "right_record")
    return tuple(Column(name, Text, nullable=False, primary_key=primary_key) for name in names)


def _in_order(table: str) -> CheckConstraint:
    left, right = (f'({one}_source collate "C", {one}_record collate "C")' for one in ("left", "right"))
    return CheckConstraint(f"{left} < {right}", name=f"{table}_in_order")


match_pairs = Table(
    "match_pairs",
    metadata,
    *_pair(primary_key=True),
    Column("probability", Float, nullable=False),
    Column("verdict", Text, nullable=False),
    Column("findings", JSONB, nullable=False),
    Column("rule_version", Text, nullable=False),
    _moment("found_at"),
    Column("linked", Boolean, nullable=False, server_default=text("false")),
    _in_order("match_pairs"),
    CheckConstraint("probability between 0 and 1", name="match_pairs_probability"),
    comment="What matching found out about two records, the lesser one left: verdict is LINK, or REVIEW where a person "
    "should say. findings: how each comparison came out, its weight in bits and how often that is an accident. "
    "linked: of one to LINK, whether its records are on one product; whoever links notes it.",
)
Index("match_pairs_by_right", match_pairs.c.right_source, match_pairs.c.right_record)
Index(
    "match_pairs_by_probability",
    match_pairs.c.verdict.desc(),
    match_pairs.c.probability.desc(),
    match_pairs.c.left_source,
    match_pairs.c.left_record,
    match_pairs.c.right_source,
    match_pairs.c.right_record,
)
Index(
    "match_pairs_unlinked",
    match_pairs.c.probability.desc(),
    match_pairs.c.left_source,
    match_pairs.c.left_record,
    match_pairs.c.right_source,
    match_pairs.c.right_record,
    postgresql_where=text("verdict = 'LINK' and not linked"),
)

match_decisions = Table(
    "match_decisions",
    metadata,
    Column("id", UUID, primary_key=True),
    Column("action", UUID, nullable=False),
    Column("kind", Text, nullable=False),
    *_pair(),
    Column("verdict", Text, nullable=False),
    Column("by", Text, nullable=False),
    Column("why", Text, nullable=True),
    _moment("decided_at"),
    _moment("undone_at", optional=True),
    Column("undone_by", Text, nullable=True),
    Column("undone_why", Text, nullable=True),
    _in_order("match_decisions"),
    comment="What people decided about two records, the lesser one left: that they are the SAME product, or stay APART. "
    "Nothing is ever deleted here; of those about a pair that are not undone, the latest is in effect, whether the two "
    "records are there or not. action: what one person did at once.",
)
Index(
    "match_decisions_by_pair",
    match_decisions.c.left_source,
    match_decisions.c.left_record,
    match_decisions.c.right_source,
    match_decisions.c.right_record,
)
Index("match_decisions_by_right", match_decisions.c.right_source, match_decisions.c.right_record)
Index("match_decisions_by_action", match_decisions.c.action)
Index("match_decisions_by_time", match_decisions.c.decided_at.desc(), match_decisions.c.id)

match_records = Table(
    "match_records",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("number", Integer, Identity(), nullable=False),
    Column("profile", LargeBinary, nullable=False),
    Column("keys", ARRAY(BigInteger), nullable=False),
    comment="Present records of catalogues as matching reads them: what is compared of each, and the hashes of the keys by "
    "which others find it. number stands for it in match_keys.",
)
Index("match_records_by_number", match_records.c.number)

match_keys = Table(
    "match_keys",
    metadata,
    Column("source", Text, primary_key=True),
    Column("key", BigInteger, primary_key=True),
    Column("carriers", Integer, nullable=False),
    Column("records", ARRAY(Integer), nullable=False),
    postgresql_with={"fillfactor": "80"},
    comment="For each key the records of a source that carry it, by number. A key that too many carry leads nowhere: then "
    "they are counted, and records is empty.",
)

match_progress = Table(
    "match_progress",
    metadata,
    Column("source", Text, primary_key=True),
    Column("reading", Text, nullable=False),
    Column("batch", BigInteger, nullable=False),
    Column("after", Text, nullable=True),
    Column("records", BigInteger, nullable=False),
    comment="How far each catalogue has been read for matching, and in which way: up to which of its batches and, while all "
    "of it is read anew, after which record. records: how many of it are in match_records.",
)

match_due = Table(
    "match_due",
    metadata,
    Column("source", Text, primary_key=True),
    Column("record_id", Text, primary_key=True),
    Column("again", SmallInteger, nullable=False, server_default=text("0")),
    Column("stale", Boolean, nullable=False, server_default=text("false")),
    comment="Records that are to be compared with those of other catalogues. stale: they are to be read anew before. again: "
    "how many others before them lost a partner in turn; such a chain ends soon.",
)
Index("match_due_stale", match_due.c.source, match_due.c.record_id, postgresql_where=match_due.c.stale)

match_models = Table(
    "match_models",
    metadata,
    Column("left_source", Text, primary_key=True),
    Column("right_source", Text, primary_key=True),
    Column("number", BigInteger, Identity(), primary_key=True),
    Column("version", Text, nullable=False),
    Column("reading", Text, nullable=False),
    Column("provisional", Boolean, nullable=False),
    Column("left_records", BigInteger, nullable=False),
    Column("right_records", BigInteger, nullable=False),
    Column("certain", BigInteger, nullable=False),
    Column("decisions", BigInteger, nullable=False),
    _moment("trained_at"),
    Column("content", LargeBinary, nullable=False),
    comment="What was learned about the records of two catalogues, the last one in use. provisional: there were too few to "
    "learn from, so it proposes and never links. certain: pairs that keys or people had joined; decisions: how many people "
    "had taken then.",
)

match_turn = Table(
    "match_turn",
    metadata,
    Column("only", Boolean, primary_key=True, server_default=text("true")),
    Column("worker", Text, nullable=False),
    _moment("held_until"),
    comment="One row: which process is matching, until when, unless it says more.",
)
