"""Deciding: which system owns a fact, who is asked, which claim wins, and what else is said about it."""
