"""The connector ``graphql``: GraphQL over HTTP, by Relay or offset pages."""

from sources.graphql.connector import KIND

__all__ = ["KIND"]
