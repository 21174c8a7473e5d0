"""Matching as part of the change flow: behind what syncs write, never inside a query.

In reading order:

- :mod:`declared`, :mod:`build`: ``[identity.matching]`` in whence.toml;
- :mod:`listing` says what of a record is compared, :mod:`storing` keeps that, and the keys by which others find it;
- :mod:`blocking` finds the few records worth comparing with a record, among those that carry its keys;
- :mod:`bound` says who is joined by keys or by people already;
- :mod:`judging` compares, has records compete for partners, and decides *link*, *review* or *none*;
- :mod:`learning` learns from a sample of two catalogues what agreement is worth, :mod:`models` keeps that;
- :mod:`reading` and :mod:`lots` meet the ledger; :mod:`matcher` does one after the other until nothing waits.
"""
