"""``CompatibilityVerdict`` and what it holds: evidence, and what is missing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import strawberry

from resolvers.compatibility import evidence
from resolvers.compatibility.evidence import EvidenceKind, Nearness, Verdict
from resolvers.facts import Freshness
from schema.context import WhenceInfo
from schema.definitions import FieldDefinition, Steward
from schema.facts import Fact
from schema.making import made_type, plain_field, product_field, resolved_field
from schema.product import ProductNode, read_fact


@dataclass(frozen=True, slots=True)
class MissingNode:
    """What is missing, for which verdict."""

    judgement: evidence.Judgement
    missing: evidence.Missing


def steward_type(steward: Any, info: WhenceInfo) -> Steward | None:
    """A steward; their contact only for those who see the ownership map."""
    if steward is None:
        return None
    return Steward(name=steward.name, contact=steward.contact if info.context.governs else None)


def _fact() -> Any:
    async def resolver(root: strawberry.Parent[evidence.UsedFact], info: WhenceInfo) -> Any:
        # as this asker may see it: the rule saw what every system says
        return await read_fact(info.context, ProductNode(root.product), root.fact.definition.name)

    return resolved_field("fact", Fact, resolver, "The fact.")


def _evidence_type(used: type[Any] | None) -> type[Any]:
    def steward(root: strawberry.Parent[evidence.Evidence], info: WhenceInfo) -> Steward | None:
        return steward_type(root.steward, info)

    fields: dict[str, Any] = {
        "kind": plain_field("kind", EvidenceKind, "What it is."),
        "verdict": plain_field(
            "verdict", Verdict, "What it says in this context; UNKNOWN for a rule that lacks a fact."
        ),
        "sentence": plain_field("sentence", str, "What it says, to be read out."),
        "decisive": plain_field("decisive", bool, "Whether the verdict rests on it."),
        "inherited": _inherited(),
        "rank": plain_field("rank", int, "The place of its kind or system in the declared order; 0 decides first."),
        "relation": plain_field("relation", str | None, "How the product asked about stands to the other."),
        "schemaOrg": plain_field("schemaOrg", str | None, "schema.org's term for that.", "schema_org"),
        "source": plain_field("source", str | None, "The system that says it; null for a rule."),
        "sourceRecordId": plain_field("sourceRecordId", str | None, "Its own id for the record.", "record_id"),
        "rule": plain_field("rule", str | None, "The rule's name."),
        "author": plain_field("author", str | None, "Who said it there."),
        "text": plain_field("text", str | None, "What else was said, in the system's own words."),
        "conditions": _conditions(),
        "lastUpdated": plain_field(
            "lastUpdated", datetime | None, "By its system's clock; of a rule, its oldest fact's.", "last_updated"
        ),
        "observedAt": plain_field("observedAt", datetime | None, "When Whence last saw it.", "observed_at"),
        "expiresAt": plain_field("expiresAt", datetime | None, "Until when an answer counts.", "expires_at"),
        "freshness": plain_field("freshness", Freshness, "Its age against what is declared for it."),
        "maxAge": plain_field("maxAge", timedelta | None, "How old it may be to count as fresh.", "max_age"),
        "steward": resolved_field("steward", Steward | None, steward, "Who answers for it."),
    }
    if used is not None:
        fields["facts"] = resolved_field("facts", list[used], _facts, "The facts that a rule used.")  # type: ignore[valid-type]
    return made_type("Evidence", "One thing that speaks for or against it.", **fields)


def _inherited() -> Any:
    def inherited(root: strawberry.Parent[evidence.Evidence]) -> str | None:
        return None if root.nearness is Nearness.PRODUCT else root.nearness.name

    described = "VARIANT_PARENT, FAMILY or CATEGORY, where it is not said of the product itself."
    return resolved_field("inherited", str | None, inherited, described)


def _conditions() -> Any:
    def conditions(root: strawberry.Parent[Any]) -> list[str]:
        return list(root.conditions)

    return resolved_field("conditions", list[str], conditions, "What must be so.")


def _facts(root: strawberry.Parent[evidence.Evidence]) -> list[Any]:
    return list(root.facts)


def _missing_type(product: type[Any], question: type[Any] | None) -> type[Any]:
    def about(root: strawberry.Parent[MissingNode]) -> Any:
        return ProductNode(root.missing.product) if root.missing.product is not None else None

    def definition(root: strawberry.Parent[MissingNode]) -> Any:
        return root.missing.definition

    def steward(root: strawberry.Parent[MissingNode], info: WhenceInfo) -> Steward | None:
        return steward_type(root.missing.steward, info)

    def sentence(root: strawberry.Parent[MissingNode]) -> str:
        return root.missing.sentence

    def rule(root: strawberry.Parent[MissingNode]) -> str | None:
        return root.missing.rule

    async def asked(root: strawberry.Parent[MissingNode], info: WhenceInfo) -> Any:
        return await info.context.questions.about(root.judgement, root.missing)

    fields = {
        "sentence": resolved_field("sentence", str, sentence, "What is missing, in words."),
        "product": resolved_field(
            "product", product | None, about, "Whose fact is missing; null where it is a word about the two."
        ),
        "field": resolved_field("field", FieldDefinition | None, definition, "Which fact is missing."),
        "rule": resolved_field("rule", str | None, rule, "The rule that needs it."),
        "steward": resolved_field("steward", Steward | None, steward, "Whose question it is."),
    }
    if question is not None:
        fields["question"] = resolved_field(
            "question", question | None, asked, "The question about it, where somebody asked."
        )
    return made_type("MissingKnowledge", "Something that nobody has said yet.", **fields)


def verdict_type(product: type[Any], question: type[Any] | None, shows_fields: bool) -> type[Any]:
    """``CompatibilityVerdict`` around ``product``; without a ``question`` type it tells of no questions."""
    whose = product_field(product, "product", "Whose it is.")
    used = made_type("UsedFact", "A fact that a rule used.", product=whose, fact=_fact()) if shows_fields else None
    piece, missing = _evidence_type(used), _missing_type(product, question)

    def pieces(root: strawberry.Parent[evidence.Judgement]) -> list[Any]:
        return list(root.evidence)

    def lacks(root: strawberry.Parent[evidence.Judgement]) -> list[Any]:
        return [MissingNode(root, one) for one in root.missing]

    fields = {
        "verdict": plain_field("verdict", Verdict, "Whether they go together."),
        "summary": plain_field("summary", str, "A sentence that an agent can read out."),
        "product": product_field(product, "product", "The product asked about."),
        "with": product_field(product, "other", "The other.", "with"),
        "conditions": _conditions(),
        "evidence": resolved_field("evidence", list[piece], pieces, "What speaks for and against it, strongest first."),  # type: ignore[valid-type]
        "weakest": plain_field("weakest", piece | None, "The oldest piece that the verdict rests on."),
        "missing": resolved_field("missing", list[missing], lacks, "Which facts rules lack, and whose they are."),  # type: ignore[valid-type]
    }
    return made_type("CompatibilityVerdict", "Whether one product goes with another, and why.", **fields)
