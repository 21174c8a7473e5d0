"""Reading the world: each system for what it owns, and the ledger that remembers what they said."""
