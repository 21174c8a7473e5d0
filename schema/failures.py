"""Errors that a client may read: each with a code, and the HTTP status it means where nothing else is answered."""

from __future__ import annotations

from graphql import GraphQLError


def bad_input(message: str, code: str = "BAD_INPUT", **details: object) -> GraphQLError:
    """The asker's mistake: what was found and what to write instead."""
    return GraphQLError(message, extensions={"code": code, "http": {"status": 400}, **details})


def bad_cursor() -> GraphQLError:
    """A cursor that this list has not given out."""
    return bad_input("This cursor does not belong to this list. Begin without one.", "BAD_CURSOR")
