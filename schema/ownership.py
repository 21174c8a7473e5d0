"""Who owns what, where ownership is at risk, how the systems do, and which of them a question goes to."""

from __future__ import annotations

from datetime import datetime, timedelta

import strawberry

from resolvers import governance
from resolvers.governance import RiskKind, SourceStatus
from resolvers.ownership import OwnershipMap as DeclaredMap
from resolvers.planner import Step, Via, plan
from schema.context import RequestContext, WhenceInfo
from schema.definitions import FieldDefinition
from schema.failures import bad_input
from schema.product import ProductNode
from sources.failures import Actor, Failure, FailureKind
from sources.statements import STATEMENTS

strawberry.enum(RiskKind, description="What is wrong about an ownership.")
strawberry.enum(SourceStatus, description="How a source does.")
strawberry.enum(FailureKind, description="What went wrong, in terms of what to do about it.")
strawberry.enum(Actor, description="Who must act.")
strawberry.enum(Via, description="Whether a system is asked itself, or the ledger in its place.")


@strawberry.type(description="A risk to an ownership, from what the systems really contain.")
class OwnershipRisk:
    """See :class:`resolvers.governance.OwnershipRisk`."""

    kind: RiskKind
    field: str | None
    source: str | None
    message: str
    severity: float = strawberry.field(description="From 0 to 1.")


@strawberry.type(description="A column that a system fills and that whence.toml does not mention.")
class UnmappedColumn:
    """See :class:`resolvers.governance.UnmappedColumn`."""

    source: str
    column: str
    filled: int = strawberry.field(description="In how many of the records looked at.")


async def _risks(info: WhenceInfo) -> list[OwnershipRisk]:
    seen = {field.name for field in info.context.ownership.fields_for(info.context.audience)}
    risks = await info.context.governance.risks()
    return [risk for risk in risks if risk.field is None or risk.field in seen]  # type: ignore[misc]


async def _unmapped(info: WhenceInfo) -> list[UnmappedColumn]:
    return list(await info.context.governance.unmapped())  # type: ignore[arg-type]


@strawberry.type(description="The map of who owns what.")
class OwnershipMap:
    """One map, one version."""

    version: str
    fields: list[FieldDefinition]

    risks: list[OwnershipRisk] = strawberry.field(
        resolver=_risks, description="Worst first, from what the systems really contain and not only the file."
    )
    unmapped: list[UnmappedColumn] = strawberry.field(
        resolver=_unmapped, description="What the systems fill and nobody has claimed."
    )


@strawberry.type(description="A failure of a system, and what to do about it.")
class SourceFailure:
    """See :class:`sources.failures.Failure`."""

    kind: FailureKind
    message: str
    actor: Actor = strawberry.field(description="Who must act.")
    action: str = strawberry.field(description="What that one should do.")
    since: datetime | None


@strawberry.type(description="One sync of a source.")
class SourceRun:
    """See :class:`sources.ledger.runs.Run`."""

    started_at: datetime
    finished_at: datetime | None
    seen: int
    added: int
    changed: int
    gone: int
    rejected: int
    unreadable: int = strawberry.field(description="Values that were there and could not be read.")
    remapped: int = strawberry.field(
        description="Records that were mapped anew from the ledger, after a change of map."
    )


@strawberry.type(description="A record that stays apart, and why.")
class ApartRecord:
    """See :class:`sources.ledger.runs.ApartRecord`."""

    record_id: str
    names: list[str]
    reason: str


@strawberry.type(description="A document that is no record, and why.")
class RejectedDocument:
    """See :class:`sources.ledger.runs.Rejection`."""

    place: str
    record_id: str | None = strawberry.field(description="Its key, where that could be read.")
    reason: str
    sample: str | None = strawberry.field(
        description="The beginning of it, as JSON; null for who does not see every field of the map."
    )
    observed_at: datetime


@strawberry.type(description="A value that is there and could not be read, and why.")
class UnreadableValue:
    """See :class:`sources.ledger.set_aside.UnreadableValue`."""

    record_id: str
    field: str
    reason: str


async def _apart_records(root: strawberry.Parent[governance.SourceReport], info: WhenceInfo) -> list[ApartRecord]:
    return list(await info.context.governance.apart(root.name))  # type: ignore[arg-type]


async def _rejected_documents(
    root: strawberry.Parent[governance.SourceReport], info: WhenceInfo
) -> list[RejectedDocument]:
    ownership, audience = info.context.ownership, info.context.audience
    # Whatever was not read stands in the sample: it is for those from whom nothing is kept.
    whole = len(ownership.fields_for(audience)) == len(ownership.fields) and root.name in info.context.visible
    return [
        RejectedDocument(
            place=one.place,
            record_id=one.record_id,
            reason=one.reason,
            sample=one.sample if whole else None,
            observed_at=one.observed_at,
        )
        for one in await info.context.governance.rejected(root.name)
    ]


async def _unreadable_values(
    root: strawberry.Parent[governance.SourceReport], info: WhenceInfo
) -> list[UnreadableValue]:
    fields = [field.name for field in info.context.ownership.fields_for(info.context.audience)]
    if root.name in info.context.visible:
        fields.append(STATEMENTS)
    return list(await info.context.governance.unreadable(root.name, fields))  # type: ignore[arg-type]


@strawberry.type(description="A system that Whence reads.")
class Source:
    """A source as declared, and how it does."""

    name: str
    title: str
    connector: str
    read: str = strawberry.field(description="stored: answered from the ledger; live: asked at query time.")
    per_product: str = strawberry.field(description="one: a catalogue; many: notes about products.")
    every: timedelta = strawberry.field(description="How long between two syncs.")
    deadline: timedelta = strawberry.field(description="How long a live read may take.")
    owns: list[str] = strawberry.field(description="The fields whose system of record it is.")
    feeds: list[str] = strawberry.field(description="The fields it says something about.")
    audiences: list[str] = strawberry.field(description="Who sees its names and records.")
    status: SourceStatus
    failure: SourceFailure | None
    records: int
    products: int
    apart: int = strawberry.field(description="How many of its records stay apart.")
    rejected: int = strawberry.field(description="How many of its documents are no records.")
    unreadable: int = strawberry.field(description="How many values in its records could not be read.")
    confirmed_at: datetime | None = strawberry.field(description="The ledger holds what it said then.")
    last_run: SourceRun | None

    apart_records: list[ApartRecord] = strawberry.field(
        resolver=_apart_records, description="Records that stay apart, at most 500, each with its reason."
    )
    rejected_documents: list[RejectedDocument] = strawberry.field(
        resolver=_rejected_documents, description="Documents set aside, at most 500, each with its reason."
    )
    unreadable_values: list[UnreadableValue] = strawberry.field(
        resolver=_unreadable_values, description="Values that could not be read, at most 500, each with its reason."
    )


@strawberry.type(description="One question to one system.")
class ReadStep:
    """See :class:`resolvers.planner.Step`."""

    source: str
    via: Via
    fields: list[str]
    record_ids: list[str]
    deadline: timedelta | None = strawberry.field(description="Of a live read.")
    reason: str


@strawberry.type(description="Which system is asked for what, and why.")
class ReadPlan:
    """See :mod:`resolvers.planner`."""

    product_id: strawberry.ID
    steps: list[ReadStep]


def source_type(report: governance.SourceReport, ownership: DeclaredMap, audience: str) -> Source:
    """A source as GraphQL shows it to an audience."""
    seen = {field.name: field for field in ownership.fields_for(audience)}
    declaration = ownership.declaration(report.name)
    audiences = [name for name in ownership.audiences if report.name in ownership.sources_for(name)]
    state = report.state
    return Source(
        name=report.name,
        title=declaration.title,
        connector=declaration.connector,
        read=declaration.read,
        per_product=declaration.per_product,
        every=declaration.sync.every,
        deadline=declaration.deadline,
        owns=[name for name, field in seen.items() if field.system_of_record == report.name],
        feeds=[name for name in seen if report.name in ownership.mapped[name]],
        audiences=audiences,
        status=report.status,
        failure=_failure(report.failure, report.since) if report.failure else None,
        records=state.records if state else 0,
        products=state.products if state else 0,
        apart=state.apart if state else 0,
        rejected=state.rejected if state else 0,
        unreadable=sum(count for field, count in report.unreadable.items() if field in seen or field == STATEMENTS),
        confirmed_at=state.confirmed_at if state else None,
        last_run=state.last_run if state else None,  # type: ignore[arg-type]
    )


def _failure(failure: Failure, since: datetime | None) -> SourceFailure:
    return SourceFailure(
        kind=failure.kind,
        message=failure.message,
        actor=failure.kind.actor,
        action=failure.kind.action,
        since=since,
    )


async def read_plan(context: RequestContext, node: ProductNode, fields: list[str]) -> ReadPlan:
    """The plan for ``fields`` of one product. Raises GraphQLError for a field that the asker does not see."""
    known = [one.name for one in context.ownership.fields_for(context.audience)]
    for name in fields:
        if name not in known:
            raise bad_input(f"Product has no field {name[:80]!r}.")
    rows = await context.crosswalks.load(node.product)
    keys = [row.key for row in rows if row.key.source in context.ownership.sources]
    steps = plan(context.ownership, keys, fields, past=node.as_of is not None)
    return ReadPlan(
        product_id=strawberry.ID(str(node.product)), steps=[_step(step, context.ownership) for step in steps]
    )


def _step(step: Step, ownership: DeclaredMap) -> ReadStep:
    live = step.via is Via.LIVE
    return ReadStep(
        source=step.source,
        via=step.via,
        fields=list(step.fields),
        record_ids=[key.id for key in step.keys],
        deadline=ownership.declaration(step.source).deadline if live else None,
        reason=step.reason,
    )
