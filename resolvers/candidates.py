"""Candidates: what a person is to look at, and can decide about, by ids that stay the same.

Two kinds: pairs of records that matching found, and identifiers that stand on several products, which a company hears of
as *one GTIN on three products*. Such identifiers come first, then the pairs that matching leaves to a person, the surest
first.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import TypeAlias
from uuid import UUID

import orjson

from resolvers.deciding import Decided, Deciding
from resolvers.ownership import OwnershipMap
from resolvers.refusals import Refused
from sources.contract import RecordKey
from sources.ledger import candidates as ledger
from sources.ledger.candidates import MOST_CARRIERS, FoundPair, SharedIdentifier
from sources.ledger.database import Pool
from sources.ledger.pairs import Pair
from sources.storable import is_storable
from sources.values import JSON

OPEN = "OPEN"
PAIR, SHARED = "PAIR", "SHARED_IDENTIFIER"
STATES = (OPEN, "CONFIRMED", "REJECTED", "LINKED")
LONGEST_ID = 3000
Candidate: TypeAlias = FoundPair | SharedIdentifier


@dataclass(frozen=True, slots=True)
class Chosen:
    """Which candidates: all of these must hold. ``product`` is one that is there."""

    states: tuple[str, ...] = (OPEN,)
    kinds: tuple[str, ...] = (SHARED, PAIR)
    source: str | None = None
    product: UUID | None = None
    least: float | None = None
    """Only pairs, of this probability or more."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """The candidates among records of the ``visible`` sources, by one ownership map."""

    pool: Pool
    ownership: OwnershipMap
    visible: Collection[str]

    async def list(self, chosen: Chosen, after: Sequence[JSON] | None, limit: int) -> Sequence[Candidate]:
        """Candidates in their order, behind the :func:`position` of one, at most ``limit``."""
        found: list[Candidate] = []
        if SHARED in chosen.kinds and chosen.least is None and (after is None or after[0] == SHARED):
            found += await self._shared(chosen, after[1:] if after is not None else None, limit)
        if PAIR in chosen.kinds and len(found) < limit:
            found += await ledger.found_pairs(
                self.pool,
                states=chosen.states,
                visible=sorted(self.visible),
                source=chosen.source,
                product=chosen.product,
                least=chosen.least or 0.0,
                after=after[1:] if after is not None and after[0] == PAIR else None,
                limit=limit - len(found),
            )
        return found

    async def find(self, candidate: str) -> Candidate:
        """The candidate of an id. Raises Refused where there is none any more."""
        meant = read_id(candidate)
        if isinstance(meant, Pair):
            pair = await ledger.found_pair(self.pool, meant, sorted(self.visible))
            if pair is not None:
                return pair
        elif shared := await self._shared(Chosen(states=STATES), None, 1, meant):
            return shared[0]
        raise _no_candidate()

    async def confirm(self, candidate: str, by: str, why: str | None) -> Decided:
        """What it names is one product. Raises Refused."""
        found, deciding = await self.find(candidate), self._deciding()
        if isinstance(found, FoundPair):
            return await deciding.confirm(found.pair, by, why)
        _wholly_named(found)
        return await deciding.merge({product for _, product in found.carriers}, by, why)

    async def reject(self, candidate: str, by: str, why: str | None) -> Decided:
        """What it names are different products. Raises Refused."""
        found, deciding = await self.find(candidate), self._deciding()
        if isinstance(found, FoundPair):
            return await deciding.reject(found.pair, by, why)
        _wholly_named(found)
        pairs = {
            Pair.of(one, other)
            for one, product in found.carriers
            for other, its_product in found.carriers
            if product != its_product
        }
        return await deciding.keep_apart(pairs, by, why)

    def _deciding(self) -> Deciding:
        return Deciding(self.pool, self.ownership, self.visible)

    async def _shared(
        self, chosen: Chosen, after: Sequence[JSON] | None, limit: int, one: tuple[str, str] | None = None
    ) -> Sequence[SharedIdentifier]:
        return await ledger.shared_identifiers(
            self.pool,
            schemes=self.ownership.identity_keys,
            catalogues=sorted(self.ownership.catalogues.intersection(self.visible)),
            states=chosen.states,
            source=chosen.source,
            product=chosen.product,
            one=one,
            after=after,
            limit=limit,
        )


def position(candidate: Candidate) -> list[JSON]:
    """Where it stands in the list."""
    if isinstance(candidate, SharedIdentifier):
        return [SHARED, candidate.products, candidate.scheme, candidate.value]
    return [PAIR, candidate.verdict, candidate.probability, *candidate.pair.left, *candidate.pair.right]


def write_id(candidate: Candidate) -> str:
    """Its id, which stays the same for as long as its records keep theirs."""
    if isinstance(candidate, SharedIdentifier):
        parts: list[str] = [candidate.scheme, candidate.value]
    else:
        parts = [*candidate.pair.left, *candidate.pair.right]
    return base64.urlsafe_b64encode(orjson.dumps(parts)).decode().rstrip("=")


def read_id(text: str) -> Pair | tuple[str, str]:
    """The pair, or the scheme and value, that an id stands for. Raises Refused for one that stands for nothing."""
    try:
        if len(text) > LONGEST_ID:
            raise _no_candidate()
        parts = orjson.loads(base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True))
        if not isinstance(parts, list) or not all(isinstance(part, str) and is_storable(part) for part in parts):
            raise _no_candidate()
        if len(parts) == 2:
            return parts[0], parts[1]
        source, record, other_source, other = parts
        return Pair.of(RecordKey(source, record), RecordKey(other_source, other))
    except (binascii.Error, ValueError):
        raise _no_candidate() from None


def _wholly_named(found: SharedIdentifier) -> None:
    if len(found.carriers) >= MOST_CARRIERS:
        raise Refused(
            "TOO_MANY",
            f"{found.value!r} stands on {found.products} products: too many to decide about at once. Correct it in the "
            "systems that have it.",
        )


def _no_candidate() -> Refused:
    return Refused("NOT_FOUND", "There is no such candidate any more. Ask for matchCandidates again.")
