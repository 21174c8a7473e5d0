"""Saying it in GraphQL: one schema for each audience, built from the ownership map, holding only what it may see."""
