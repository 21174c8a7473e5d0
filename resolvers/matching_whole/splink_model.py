"""Splink trains on what our comparisons found: Fellegi and Sunter's model with two kinds of pairs, by EM, on DuckDB or Spark.

Splink compares columns of two tables in SQL. Here a pair was compared already, so either table has a row a pair: the pair's
number is what they are joined by, and each comparison is a column that holds its outcome. What Splink then does (the EM over
all outcomes, the weights, the probabilities) is its own, on whichever of its back ends.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from resolvers.matching.comparisons import Comparison
from resolvers.matching.weights import STRENGTH, Evidence, Frequencies, Levels, Weights

PAIR = "pair"
ROUNDS = 25
CONVERGENCE = 1e-4
START = 0.05
"""Share of matches among the pairs, before anything is learned."""
LEAST = 1e-5
"""No frequency that was learned is believed to be less."""
_NO_SISTERS = 1e-9


@dataclass(frozen=True, slots=True)
class Trained:
    """What Splink learned: for each comparison the frequencies of its levels among matches and among other pairs, and the
    share of matches among the pairs."""

    m: Frequencies
    u: Frequencies
    matches: float

    def weights(self, comparisons: tuple[Comparison, ...]) -> Weights:
        """The same as weights of ours: without sisters, which Splink's model does not know."""
        return Weights(comparisons, self.m, self.u, self.u, _NO_SISTERS, self.matches / (1 - self.matches))


def column(place: int) -> str:
    """The column of a comparison's outcome."""
    return f"c{place}"


def chance_agreement(comparisons: Sequence[Comparison], counts: Sequence[Mapping[int, int]]) -> Frequencies:
    """How often each level comes out among candidates, few of which are matches; ``counts``: for each comparison how many
    pairs came out at each level. Splink, too, has this estimated before its EM, which would else drive some frequency to 0,
    and end there."""
    told = []
    for one, seen in zip(comparisons, counts, strict=True):
        found = [STRENGTH * level.u + seen.get(at, 0) for at, level in enumerate(one.levels)]
        told.append(tuple(count / sum(found) for count in found))
    return tuple(told)


def settings(comparisons: Sequence[Comparison], chance: Frequencies) -> dict[str, Any]:
    """Splink's settings: each comparison with its levels, matches as ours begin with them, others as ``chance`` says."""
    return {
        "link_type": "link_only",
        "unique_id_column_name": PAIR,
        "probability_two_random_records_match": START,
        "em_convergence": CONVERGENCE,
        "max_iterations": ROUNDS,
        "retain_matching_columns": False,
        "retain_intermediate_calculation_columns": False,
        "blocking_rules_to_generate_predictions": [{"blocking_rule": f"l.{PAIR} = r.{PAIR}"}],
        "comparisons": [_comparison(place, one, chance[place]) for place, one in enumerate(comparisons)],
    }


def _comparison(place: int, one: Comparison, chance: Sequence[float]) -> dict[str, Any]:
    name = column(place)
    levels: list[dict[str, Any]] = [
        {"sql_condition": f"{name}_l IS NULL", "label_for_charts": "does not tell", "is_null_level": True}
    ]
    last = len(one.levels) - 1
    for at, level in enumerate(one.levels):
        condition = "ELSE" if at == last else f"{name}_l = {at}"
        levels.append(
            {
                "sql_condition": condition,
                "label_for_charts": level.name,
                "m_probability": level.m,
                "u_probability": chance[at],
            }
        )
    return {"output_column_name": name, "comparison_description": one.name, "comparison_levels": levels}


def trained_linker(api: Any, pairs: Any, comparisons: Sequence[Comparison], chance: Frequencies) -> Any:
    """Splink's linker over a table of pairs (see :func:`outcome_columns`) as ``api`` takes it, trained on all of them."""
    from splink import Linker

    logging.getLogger("splink").setLevel(logging.ERROR)
    # Splink writes these names into its SQL as they are.
    sides = [api.register(pairs, dataset_display_name=name) for name in ("one", "other")]
    linker = Linker(sides, settings(comparisons, chance), log_level=logging.ERROR)
    linker.training.estimate_parameters_using_expectation_maximisation(
        f"l.{PAIR} = r.{PAIR}",
        estimate_without_term_frequencies=True,  # there are none, and so it works on counted outcomes
        populate_probability_two_random_records_match_from_trained_values=True,
    )
    return linker


def read_trained(linker: Any, comparisons: Sequence[Comparison]) -> Trained:
    """What a linker has learned."""
    model = linker.misc.save_model_to_json()
    by_name = {one["output_column_name"]: one["comparison_levels"] for one in model["comparisons"]}
    m, u = [], []
    for place, _ in enumerate(comparisons):
        levels = [one for one in by_name[column(place)] if not one.get("is_null_level")]
        m.append(_frequencies([one.get("m_probability") for one in levels]))
        u.append(_frequencies([one.get("u_probability") for one in levels]))
    return Trained(tuple(m), tuple(u), model["probability_two_random_records_match"])


def _frequencies(told: Sequence[float | None]) -> tuple[float, ...]:
    # A level that no pair has is told as None or as a text.
    found = [max(LEAST, one) if isinstance(one, int | float) else LEAST for one in told]
    return tuple(one / sum(found) for one in found)


def example_pairs(comparisons: Sequence[Comparison]) -> list[Levels]:
    """A pair for each level of each comparison, which tells nothing else, to be trained on beside the others: a level that
    no match has would else come to 0, which Splink's EM refuses. Their numbers are below 0."""
    return [
        tuple(level if at == place else None for at, _ in enumerate(comparisons))
        for place, one in enumerate(comparisons)
        for level, _ in enumerate(one.levels)
    ]


def outcome_columns(levels: Sequence[Levels], comparisons: Sequence[Comparison]) -> Mapping[str, Sequence[object]]:
    """The columns of a table of pairs: their numbers, and the outcome of each comparison; example pairs are among them."""
    examples = example_pairs(comparisons)
    columns: dict[str, Sequence[object]] = {PAIR: [*range(len(levels)), *range(-len(examples), 0)]}
    for place, _ in enumerate(comparisons):
        columns[column(place)] = [one[place] for one in (*levels, *examples)]
    return columns


def duckdb_linker(evidence: Evidence, *, memory_mb: int = 512, threads: int = 2) -> Any:
    """A linker on DuckDB in memory, trained on the pairs of ``evidence``."""
    import duckdb
    import pyarrow as pa
    from splink import DuckDBAPI

    connection = duckdb.connect(config={"memory_limit": f"{memory_mb}MB", "threads": threads})
    columns = outcome_columns(evidence.levels, evidence.comparisons)
    table = pa.table({name: pa.array(values, pa.int64()) for name, values in columns.items()})
    api = DuckDBAPI(connection=connection)
    counts: list[Counter[int]] = [Counter() for _ in evidence.comparisons]
    for levels in evidence.levels:
        for seen, level in zip(counts, levels, strict=True):
            if level is not None:
                seen[level] += 1
    return trained_linker(api, table, evidence.comparisons, chance_agreement(evidence.comparisons, counts))


def predicted(linker: Any) -> dict[int, float]:
    """Pair number to the probability that Splink gives it, on DuckDB."""
    found = linker.inference.predict().as_duckdbpyrelation()
    return {pair: chance for pair, chance in found.select(f"{PAIR}_l, match_probability").fetchall() if pair >= 0}
