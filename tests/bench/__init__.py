"""Measurements that ``make bench NAME=...`` runs, each a module; :mod:`tests.bench.goals` says how they report."""
