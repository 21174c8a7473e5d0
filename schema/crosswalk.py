"""Every record of a product in every system that the asker may see."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

import strawberry

from schema.context import RequestContext, WhenceInfo


@strawberry.type(description="An identifier as Whence compares it.")
class Identifier:
    """A scheme (gtin, sku, mpn) and a value."""

    scheme: str
    value: str


@strawberry.type(description="How one comparison of two records came out.")
class MatchFinding:
    """See :class:`resolvers.matching.evidence.Finding`."""

    comparison: str = strawberry.field(description="What was compared: names, model numbers, quantities.")
    outcome: str
    weight: float = strawberry.field(
        description="What it is worth, in bits: one more halves the chance of an accident; below 0 it speaks against them."
    )
    accident: float = strawberry.field(description="How rare that is: the share of other candidates that come out so.")


@strawberry.type(description="What a link rests on that no key made: what matching found, or who decided it.")
class LinkEvidence:
    """The other record, and either findings or a decision."""

    source: str = strawberry.field(description="The system of the record that it is linked with.")
    record_id: str
    findings: list[MatchFinding] = strawberry.field(description="What matching found, the weightiest first.")
    decision: strawberry.ID | None = strawberry.field(description="The decision of a person.")
    by: str | None
    why: str | None
    at: datetime = strawberry.field(description="When it was found, or decided.")


def match_findings(findings: Iterable[Mapping[str, Any]]) -> list[MatchFinding]:
    """Findings as they are kept."""
    return [
        MatchFinding(
            comparison=one["comparison"], outcome=one["outcome"], weight=one["weight"], accident=one["accident"]
        )
        for one in findings
    ]


@strawberry.type(description="The link from a record to its product.")
class Crosswalk:
    """See :class:`sources.ledger.lookups.CrosswalkRow`."""

    source: str
    record_id: str
    names: list[str]
    identifiers: list[Identifier]
    linked_by: str = strawberry.field(
        description="The key that links it: gtin, brand+mpn or sku; person where a person said so; matching where it was "
        "found to be alike; alone where no other record has its keys; apart where it cannot be linked, for the reason given."
    )
    reason: str | None = strawberry.field(description="What is to be said about the link: why it stays apart.")
    confidence: float = strawberry.field(description="From 0 to 1: the probability of a match; 1 for keys and people.")
    linked_at: datetime
    updated_at: datetime | None = strawberry.field(description="When the record last changed, by its system's clock.")
    observed_at: datetime = strawberry.field(description="When Whence last saw it there.")
    kept_evidence: strawberry.Private[Mapping[str, Any] | None]
    kept_rule_version: strawberry.Private[str | None]


def _rested_on(root: strawberry.Parent[Crosswalk], info: WhenceInfo) -> LinkEvidence | None:
    return _evidence(info.context, root.kept_evidence)


def _by_version(root: strawberry.Parent[Crosswalk]) -> str | None:
    return root.kept_rule_version


@strawberry.type(name="Crosswalk", description="The link from a record to its product.")
class ExplainedCrosswalk(Crosswalk):
    """The same for those who see the ownership map or decide: with what links rest on."""

    evidence: LinkEvidence | None = strawberry.field(
        resolver=_rested_on, description="What the link rests on, where no key made it."
    )
    rule_version: str | None = strawberry.field(
        resolver=_by_version, description="The version of matching that found it."
    )


async def crosswalk(context: RequestContext, product: UUID) -> list[Crosswalk]:
    """The records of ``product`` that the asker may see, in the order of whence.toml."""
    rows = await asyncio.shield(context.crosswalks.load(product))
    made = ExplainedCrosswalk if context.explained else Crosswalk
    return [
        made(
            source=row.key.source,
            record_id=row.key.id,
            names=list(row.names),
            identifiers=[
                Identifier(scheme=one["scheme"], value=one["value"])
                for one in row.identifiers
                if "value" in one and "+" not in one["scheme"]
            ],
            linked_by=row.linked_by,
            reason=row.reason if context.governs else None,
            confidence=row.confidence,
            linked_at=row.linked_at,
            updated_at=row.updated_at,
            observed_at=row.observed_at,
            kept_evidence=row.evidence,
            kept_rule_version=row.rule_version,
        )
        for row in rows
        if row.key.source in context.visible
    ]


def _evidence(context: RequestContext, kept: Mapping[str, Any] | None) -> LinkEvidence | None:
    if kept is None:
        return None
    source, record_id = kept["with"]
    if source not in context.visible:
        return None
    return LinkEvidence(
        source=source,
        record_id=record_id,
        findings=match_findings(kept.get("findings", ())),
        decision=strawberry.ID(kept["decision"]) if "decision" in kept and context.decides else None,
        by=kept.get("by") if context.decides else None,
        why=kept.get("why") if context.decides else None,
        at=datetime.fromisoformat(kept["at"]),
    )
