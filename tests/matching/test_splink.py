"""Splink trains on the outcomes of our comparisons, on DuckDB and on Spark."""

from __future__ import annotations

from pathlib import Path

import pytest

from resolvers.matching.run import Matching, match
from resolvers.matching.weights import Evidence, Levels


@pytest.fixture(scope="module")
def found() -> Matching:
    from tests.matching.whole import sides

    return match(*sides())


def evidence(found: Matching) -> Evidence:
    levels: list[Levels] = [one.levels for one in found.pairs]
    return Evidence(found.model.comparisons, (0, 0), [(at, at) for at, _ in enumerate(levels)], levels, ((), ()))


@pytest.mark.needs("match")
def test_splink_learns_what_speaks_for_a_match(found: Matching) -> None:
    from resolvers.matching_whole.splink_model import duckdb_linker, predicted, read_trained

    linker = duckdb_linker(evidence(found))
    trained = read_trained(linker, found.model.comparisons)
    assert 0 < trained.matches < 0.5
    for m, u, comparison in zip(trained.m, trained.u, found.model.comparisons, strict=True):
        assert len(m) == len(u) == len(comparison.levels)
        assert sum(m) == pytest.approx(1)
        assert sum(u) == pytest.approx(1)
    names = [one.name for one in found.model.comparisons]
    colour = names.index("colour")
    assert trained.m[colour][0] > 1.5 * trained.u[colour][0]
    assert trained.m[colour][-1] < 0.5 * trained.u[colour][-1]
    chances = predicted(linker)
    assert chances.keys() == set(range(len(found.pairs)))
    # Its order of the pairs is near to ours, though it knows no sisters.
    surest = sorted(chances, key=lambda at: -chances[at])[:100]
    ours = sorted(range(len(found.pairs)), key=lambda at: -found.pairs[at].probability)[:100]
    assert len(set(surest) & set(ours)) > 50
    weights = trained.weights(found.model.comparisons)
    scorer = weights.scorer()
    assert max(chances, key=lambda at: scorer.log_odds(found.pairs[at].levels)) in surest


@pytest.mark.needs("spark")
def test_spark_finds_what_one_machine_finds(found: Matching, tmp_path: Path) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq
    from pyspark.sql import SparkSession

    from resolvers.matching_whole.spark_job import run
    from resolvers.matching_whole.splink_model import column, duckdb_linker, predicted
    from tests.matching.whole import sides

    for name, records in zip(("left", "right"), sides(), strict=True):
        rows = [
            {"key": r.key, "name": r.name, "description": r.description, "brand": r.brand, "category": r.category,
             "price": r.price, "identifiers": list(r.identifiers.items()), "attributes": list(r.attributes.items())}
            for r in records
        ]  # fmt: skip
        texts = pa.map_(pa.string(), pa.string())
        kinds = [(at, pa.string()) for at in ("key", "name", "description", "brand", "category")]
        schema = pa.schema([*kinds, ("price", pa.float64()), ("identifiers", texts), ("attributes", texts)])
        pq.write_table(pa.Table.from_pylist(rows, schema), tmp_path / f"{name}.parquet")
    spark = (
        SparkSession.builder.master("local[2]")
        .config("spark.sql.shuffle.partitions", 2)
        .config("spark.default.parallelism", 2)
        .config("spark.ui.enabled", "false")
        .config("spark.driver.host", "127.0.0.1")
        .getOrCreate()
    )
    try:
        run(spark, str(tmp_path / "left.parquet"), str(tmp_path / "right.parquet"), str(tmp_path / "out"))
    finally:
        spark.stop()
    known = {(one.left, one.right): one.levels for one in found.pairs}
    outcomes = pq.read_table(tmp_path / "out" / "outcomes").to_pylist()
    width = len(found.model.comparisons)
    assert {
        (row["left_key"], row["right_key"]): tuple(row[column(place)] for place in range(width)) for row in outcomes
    } == known
    one_machine = predicted(duckdb_linker(evidence(found)))
    pairs = pq.read_table(tmp_path / "out" / "pairs").to_pylist()
    assert {(row["left_key"], row["right_key"]): row["match_probability"] for row in pairs} == pytest.approx(
        {(one.left, one.right): one_machine[at] for at, one in enumerate(found.pairs)}, abs=1e-6
    )
