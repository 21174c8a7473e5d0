"""The contract suite's own tests, its mutants, and the example of a plugin."""
