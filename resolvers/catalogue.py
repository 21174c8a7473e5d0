"""Finding and listing products, for an audience: by lookup, by text, by what their facts are."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from uuid import UUID

from resolvers.history import Change, changes
from resolvers.lookup import (
    Ambiguous,
    Found,
    FoundWithWinners,
    Lookup,
    exact_forms,
    look_up,
    look_up_with_winners,
)
from resolvers.normalise import fold_name
from resolvers.ownership import OwnershipMap
from sources.ledger.catalogue import count_products, list_products
from sources.ledger.conditions import Condition, Listed, ListedField, Order
from sources.ledger.database import Pool
from sources.ledger.lookups import CrosswalkRow, crosswalk_of
from sources.ledger.search import Hit, search_aliases
from sources.units import UNITS, convert, same_dimension
from sources.values import Quantity


@dataclass(frozen=True, slots=True)
class Catalogue:
    """The ledger's products, by one ownership map."""

    pool: Pool
    ownership: OwnershipMap

    async def find(self, lookups: Sequence[Lookup], visible: Collection[str], *, past: bool = False) -> list[Found]:
        """The product behind each lookup, in their order; see :func:`resolvers.lookup.look_up`."""
        return await look_up(self.pool, lookups, visible, past=past)

    async def find_with_winners(
        self, lookups: Sequence[Lookup], visible: Collection[str], rules: str, *, origins: bool
    ) -> list[FoundWithWinners | Ambiguous | None]:
        """The same, together with the product's row of winners, where one was made by ``rules``."""
        return await look_up_with_winners(self.pool, lookups, visible, rules, origins=origins)

    async def search(
        self, text: str, visible: Collection[str], after: tuple[int, UUID] | None, limit: int
    ) -> list[Hit]:
        """Products by what any of the ``visible`` sources calls them, best first."""
        folded = fold_name(text)
        exact = [one for one in exact_forms(text) if one.scheme != "name"]
        return await search_aliases(self.pool, folded, exact, visible, after, limit) if folded else []

    async def list(self, condition: Condition, order: Order | None, after: Listed | None, limit: int) -> list[Listed]:
        """Listed products that meet a condition."""
        return await list_products(self.pool, condition, order, after, limit)

    async def count(self, condition: Condition) -> int:
        """How many listed products meet a condition."""
        return await count_products(self.pool, condition)

    async def crosswalks(self, products: Sequence[UUID]) -> dict[UUID, tuple[CrosswalkRow, ...]]:
        """Every present record of each of ``products``."""
        return await crosswalk_of(self.pool, products)

    async def history(
        self, product: UUID, fields: Sequence[str], visible: Collection[str], as_of: datetime | None
    ) -> Sequence[Change]:
        """What changed about ``fields`` of a product, newest first."""
        return await changes(self.pool, self.ownership, product, fields, visible, as_of)

    def listed_field(self, name: str) -> ListedField:
        """A field as lists filter and order by it; quantities are compared in the field's unit."""
        definition = self.ownership.fields[name]
        return ListedField(name, definition.type, definition.chain, _units(definition.unit), self.ownership.locales)


def _units(unit: str | None) -> dict[str, tuple[Decimal, Decimal]]:
    """For each unit of the same dimension, how an amount of it is written in ``unit``: factor and offset."""
    if unit is None:
        return {}
    found = {}
    for other in UNITS:
        if same_dimension(other, unit):
            zero = convert(Quantity(Decimal(0), other), unit).amount
            found[other] = (convert(Quantity(Decimal(1), other), unit).amount - zero, zero)
    return found
