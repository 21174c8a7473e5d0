"""Brewster's systems, one a file: what each holds about the products, in its own words, and how it is reached."""
