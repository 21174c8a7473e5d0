"""The GraphQL that the commands ask with, made from the fields that an audience sees."""

from __future__ import annotations

from collections.abc import Sequence

from resolvers.ownership import FieldDefinition
from sources.values import FieldType

_PARTS = {
    FieldType.MONEY: " { amount currency }",
    FieldType.QUANTITY: " { amount unit }",
    FieldType.MEDIA: " { url alt mediaType }",
    FieldType.NOTE_LIST: " { text author createdAt kind }",
}


def value_of(definition: FieldDefinition) -> str:
    """The selection of a fact's value: ``value { amount unit }``."""
    return f"value{_PARTS.get(definition.type, '')}"


def product_document(fields: Sequence[FieldDefinition]) -> str:
    """``query Product($by, $locale)``: some facts of one product in full, and its crosswalk."""
    facts = "\n".join(f"    {one.name}(locale: $locale) {{ ...Provenance {value_of(one)} }}" for one in fields)
    return f"""\
query Product($by: ProductLookup!, $locale: String) {{
  product(by: $by) {{
    id
{facts}
    crosswalk {{ source recordId names linkedBy reason identifiers {{ scheme value }} }}
  }}
}}
{_PROVENANCE if fields else ""}"""


_PROVENANCE = """\
fragment Provenance on Fact {
  status freshness source sourceRecordId lastUpdated lastUpdatedBasis observedAt locale
  candidates { source sourceRecordId display lastUpdated isWinner reason }
  conflict { summary }
}
"""

COMPATIBILITY = """\
query Compatibility($product: ProductLookup!, $with: ProductLookup!, $context: [ContextInput!]) {
  compatibility(product: $product, with: $with, context: $context) {
    verdict summary conditions
    product { id }
    with { id }
    evidence { ...Piece }
    weakest { ...Piece }
    missing { sentence rule product { id } field { name label } steward { name contact } }
  }
}
fragment Piece on Evidence {
  kind verdict sentence decisive inherited rank relation schemaOrg source sourceRecordId rule author text conditions
  lastUpdated observedAt expiresAt freshness steward { name contact }
}
"""

NAMES = """\
query Names($lookups: [ProductLookup!]!) {
  productsBy(lookups: $lookups) { id crosswalk { source recordId names } }
}
"""

SEARCH = """\
query Search($text: String!, $first: Int) {
  search(text: $text, first: $first) {
    edges { node { alias source scheme product { id crosswalk { source recordId names } } } }
    pageInfo { hasNextPage }
  }
}
"""


def sources_document(*, rejected: bool, unreadable: bool, apart: bool) -> str:
    """``query Sources``: how every system does, and what of it was set aside."""
    parts = {
        "apartRecords { recordId names reason }": apart,
        "rejectedDocuments { place recordId reason sample observedAt }": rejected,
        "unreadableValues { recordId field reason }": unreadable,
    }
    more = " ".join(part for part, asked in parts.items() if asked)
    return f"""\
query Sources {{
  sources {{
    name title connector read every owns status records products apart rejected unreadable confirmedAt
    failure {{ kind message actor action since }}
    lastRun {{ startedAt finishedAt seen added changed gone rejected unreadable remapped }}
    {more}
  }}
}}
"""


OWNERSHIP = """\
query Ownership {
  ownershipMap {
    version
    fields {
      name label description type unit systemOfRecord fallback steward { name contact }
      maxAge tolerance readers writers audiences
    }
    risks { kind field source message severity }
    unmapped { source column filled }
  }
}
"""


def example_document(fields: Sequence[FieldDefinition]) -> str:
    """A query for the first listed product, for an audience that sees ``fields``."""
    facts = "\n".join(f"        {one.name} {{ {value_of(one)} status source lastUpdated }}" for one in fields[:4])
    return f"""\
{{
  products(first: 1) {{
    edges {{
      node {{
        id
{facts}
      }}
    }}
  }}
}}
"""


KETTLE = """\
# One kettle, asked for by a name that only the warehouse uses.
{
  product(by: { alias: "POT ELEC 17 STL BLK" }) {
    name { value source }
    weight {
      value { amount unit } status source lastUpdated
      candidates { source display lastUpdated isWinner }
      conflict { summary }
    }
    listPrice {
      value { amount currency } status source lastUpdated
      candidates { source display lastUpdated isWinner }
      conflict { summary }
    }
  }
}
"""
KETTLE_SKU = "BR-KET-1700-BK"
KETTLE_BY_SKU = f"""\
{{
  product(by: {{ sku: "{KETTLE_SKU}" }}) {{
    name {{ value source }}
    weight {{ value {{ amount unit }} status source lastUpdated }}
    listPrice {{ value {{ amount currency }} status source lastUpdated }}
  }}
}}
"""
"""For an audience that does not know the warehouse's names."""
