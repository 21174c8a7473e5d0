"""The same job on Spark, for catalogues that one machine does not hold: ``spark-submit`` this file.

Records come as Parquet (key, name, description, brand, category: texts; price: double; identifiers, attributes: maps of
texts) and are read, blocked and compared by the rules of :mod:`resolvers.matching`; Splink, on its Spark back end, learns the
weights and scores. What comes out is Parquet as well: ``outcomes`` (a row for each pair that was compared, with the outcome
of each comparison) and ``pairs`` (both keys, the match weight in bits, the probability, and whether either record has no
better partner).
"""

from __future__ import annotations

import argparse
import os
import sys
import tempfile
from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

from pyspark import SparkFiles
from pyspark.sql import DataFrame, SparkSession
from pyspark.sql import functions as f
from pyspark.sql import types as t

from resolvers.matching import variants
from resolvers.matching.candidates import (
    MAX_CANDIDATES,
    MAX_CARRIERS,
    MAX_LOOKED_AT,
    WEIGHT_UNIT,
    key_numbers,
    number,
)
from resolvers.matching.comparing import weighed
from resolvers.matching.profile import Listing, Profile, profile
from resolvers.matching_whole.counts import CountFile, Kind, StoredCounts, path_of, write_counts
from resolvers.matching_whole.learning import learned_brands
from resolvers.matching_whole.reading import to_be_counted
from resolvers.matching_whole.scoring import Learned
from resolvers.matching_whole.shelf import packed, unpacked
from resolvers.matching_whole.splink_model import PAIR, chance_agreement, column, example_pairs, trained_linker

_PROFILES = t.StructType(
    [
        t.StructField("place", t.LongType(), False),
        t.StructField("key", t.StringType(), False),
        t.StructField("profile", t.BinaryType(), False),
        t.StructField("keys", t.ArrayType(t.LongType(), False), False),
    ]
)


def listing(row: Any) -> Listing:
    """A row of a catalogue's Parquet as a record; columns that it lacks say nothing."""
    said = row.asDict()
    return Listing(
        key=said["key"],
        name=said.get("name") or "",
        description=said.get("description") or "",
        brand=said.get("brand") or "",
        category=said.get("category") or "",
        price=said.get("price"),
        identifiers=said.get("identifiers") or {},
        attributes=said.get("attributes") or {},
    )


def profiles(spark: SparkSession, catalogue: DataFrame) -> DataFrame:
    """The profiles of a catalogue, numbered in the order of their keys."""

    def read(rows: Iterable[tuple[Any, int]]) -> Iterator[tuple[int, str, bytearray, list[int]]]:
        for row, place in rows:
            one = profile(listing(row))
            yield place, one.key, bytearray(packed(one)), sorted(map(_signed, key_numbers(one)))

    numbered = catalogue.orderBy("key").rdd.zipWithIndex()
    return spark.createDataFrame(numbered.mapPartitions(read), _PROFILES).persist()


def _signed(unsigned: int) -> int:
    return unsigned - (1 << 64) if unsigned >> 63 else unsigned


def candidates(spark: SparkSession, ones: DataFrame, others: DataFrame, most: int) -> DataFrame:
    """For each of ``ones`` the best of ``others`` (one, other, rank): the rules of
    :class:`resolvers.matching.candidates.Index`."""
    ones.select("place", f.explode("keys").alias("key")).createOrReplaceTempView("from_keys")
    others.select("place", f.explode("keys").alias("key")).createOrReplaceTempView("to_keys")
    records = max(2, others.count())
    return spark.sql(
        f"""
        with ways as (
            select key, count(*) as carriers from to_keys left semi join from_keys using (key)
            group by key having count(*) <= {MAX_CARRIERS}
        ), followed as (
            select place, key, carriers,
                   sum(carriers) over (partition by place order by carriers, key < 0, key
                                       rows between unbounded preceding and current row) as looked,
                   row_number() over (partition by place order by carriers, key < 0, key) as nth
            from from_keys join ways using (key)
        ), scored as (
            select one.place as one, two.place as other, sum(one.weight) as score
            from (
                select place, key,
                       cast(round({WEIGHT_UNIT} * ln(1 + {records} / cast(carriers as double))) as bigint) as weight
                from followed where looked <= {MAX_LOOKED_AT} or nth = 1
            ) one join to_keys two on one.key = two.key
            group by one.place, two.place
        ), ranked as (
            select one, other, row_number() over (partition by one order by score desc, other) as rank from scored
        )
        select one, other, rank from ranked where rank <= {most}
        """
    )


def learn_words(spark: SparkSession, sides: tuple[DataFrame, DataFrame], directory: Path) -> Learned:
    """What is learned before pairs are compared, its counts written to ``directory``."""
    counted = None
    for side, frame in enumerate(sides):
        told = frame.select("profile").rdd.mapPartitions(_counted(side))
        counted = told if counted is None else counted.union(told)
    assert counted is not None
    sums = counted.reduceByKey(lambda one, other: (one[0] + other[0], one[1] + other[1])).filter(
        lambda entry: sum(entry[1]) > 1
    )
    rows = sorted((kind, text, here, there) for (kind, text), (here, there) in sums.toLocalIterator())
    for kind in Kind:
        mine = [row for row in rows if row[0] == kind]
        columns = [(array(code, (row[at] for row in mine))) for code, at in (("Q", 1), ("I", 2), ("I", 3))]
        write_counts(path_of(directory, kind), [(columns[0].tobytes(), columns[1].tobytes(), columns[2].tobytes())])
    told = sides[0].union(sides[1]).select("profile").rdd.mapPartitions(_names_and_fields).reduceByKey(int.__add__)
    names = told.collectAsMap()
    words = StoredCounts(CountFile(path_of(directory, Kind.WORD)))
    here, there = (
        set(frame.select("profile").rdd.flatMap(lambda row: unpacked(bytes(row[0])).values).distinct().collect())
        for frame in sides
    )
    return Learned(
        records=sum(frame.count() for frame in sides),
        brands=learned_brands(
            [name for kind, name in names if kind == "brand"],
            [(name, times) for (kind, name), times in names.items() if kind == "head"],
            words,
        ),
        variants=variants.words_apart(one for frame in sides for one in _samples(spark, frame)),
        fields=tuple(sorted(here & there)),
        without=frozenset(),
    )


def _counted(side: int) -> Any:
    def count(rows: Iterable[Any]) -> Iterator[tuple[tuple[int, int], tuple[int, int]]]:
        for row in rows:
            for kind, texts in to_be_counted(unpacked(bytes(row[0]))).items():
                for text in texts:
                    yield (int(kind), number(text)), ((0, 1) if side else (1, 0))

    return count


def _names_and_fields(rows: Iterable[Any]) -> Iterator[tuple[tuple[str, str], int]]:
    for row in rows:
        one = unpacked(bytes(row[0]))
        yield ("head", one.head), 1
        if one.brand:
            yield ("brand", one.brand), 1


def _samples(spark: SparkSession, side: DataFrame) -> list[tuple[Profile, list[Profile]]]:
    step = max(1, side.count() // variants.SAMPLE)
    chosen = side.where(f.col("place") % step == 0)
    like: dict[int, list[int]] = {}
    near = candidates(spark, chosen, side, variants.SISTERS + 1)
    for row in near.where("one <> other").orderBy("one", "rank").collect():
        like.setdefault(row.one, []).append(row.other)
    wanted = {place for one, others in like.items() for place in (one, *others[: variants.SISTERS])}
    wanted.update(row.place for row in chosen.select("place").collect())
    places = spark.createDataFrame([(place,) for place in sorted(wanted)], "place long")
    known = {row.place: unpacked(bytes(row.profile)) for row in side.join(places, "place", "left_semi").collect()}
    return [
        (known[row.place], [known[other] for other in like.get(row.place, ())[: variants.SISTERS]])
        for row in chosen.select("place").orderBy("place").collect()
    ]


def outcomes(spark: SparkSession, sides: tuple[DataFrame, DataFrame], learned: Learned, directory: Path) -> DataFrame:
    """A row for each pair worth comparing: its number, both keys, and the outcome of each comparison."""
    for path in (*(path_of(directory, kind) for kind in Kind), directory / "learned"):
        spark.sparkContext.addFile(str(path))
    right = candidates(spark, sides[0], sides[1], MAX_CANDIDATES).select("one", "other")
    left = candidates(spark, sides[1], sides[0], MAX_CANDIDATES).select(
        f.col("other").alias("one"), f.col("one").alias("other")
    )
    names = [f"{name}_{side}" for side in ("left", "right") for name in ("place", "key", "profile")]
    ends = [
        frame.select("place", "key", "profile").toDF(*names[at : at + 3])
        for frame, at in zip(sides, (0, 3), strict=True)
    ]
    pairs = (
        right.union(left)
        .distinct()
        .join(ends[0], f.col("one") == f.col("place_left"))
        .join(ends[1], f.col("other") == f.col("place_right"))
    )
    fields = [t.StructField(name, t.StringType(), False) for name in ("left_key", "right_key")]
    fields += [t.StructField(column(place), t.IntegerType()) for place, _ in enumerate(learned.comparisons)]
    compared = pairs.select(*names).rdd.mapPartitions(_compare)
    found = spark.createDataFrame(compared, t.StructType(fields))
    return found.withColumn(PAIR, f.monotonically_increasing_id())


def _compare(rows: Iterable[Any]) -> Iterator[tuple[object, ...]]:
    # SparkFiles holds what the driver added, on whichever machine this runs.
    directory = Path(SparkFiles.getRootDirectory())
    learned = Learned.read(directory / "learned")
    vocabulary = learned.vocabulary(directory)
    compared = learned.comparisons
    last: tuple[int, Any] = (-1, None)
    for row in rows:
        if row.place_left != last[0]:
            last = (row.place_left, weighed(unpacked(bytes(row.profile_left)), vocabulary))
        other = weighed(unpacked(bytes(row.profile_right)), vocabulary)
        levels = [one.compare(last[1], other, vocabulary) for one in compared]
        yield row.key_left, row.key_right, *(None if level is None else int(level) for level in levels)


def scored(spark: SparkSession, found: DataFrame, learned: Learned) -> DataFrame:
    """The pairs of ``found`` as Splink scores them, having learned from them."""
    from splink import SparkAPI

    counts = [
        {row[0]: row[1] for row in found.groupBy(column(place)).count().collect() if row[0] is not None}
        for place, _ in enumerate(learned.comparisons)
    ]
    # Of Splink's functions for Spark none is needed: its levels here are equalities.
    back_end: Any = SparkAPI
    api = back_end(spark_session=spark, register_udfs_automatically=False, break_lineage_method="persist")
    asked = found.drop("left_key", "right_key")
    examples = example_pairs(learned.comparisons)
    rows = [(*one, at - len(examples)) for at, one in enumerate(examples)]
    asked = asked.union(spark.createDataFrame(rows, asked.schema))
    linker = trained_linker(api, asked, learned.comparisons, chance_agreement(learned.comparisons, counts))
    told = linker.inference.predict().as_spark_dataframe()
    told = told.select(f.col(f"{PAIR}_l").alias(PAIR), "match_weight", "match_probability")
    pairs = found.select(PAIR, "left_key", "right_key").join(told, PAIR).drop(PAIR)
    best = (
        pairs.groupBy("left_key").agg(f.max("match_weight").alias("best_left")),
        pairs.groupBy("right_key").agg(f.max("match_weight").alias("best_right")),
    )
    return (
        pairs.join(best[0], "left_key")
        .join(best[1], "right_key")
        .withColumn("best", f.col("match_weight") >= f.greatest("best_left", "best_right"))
        .select("left_key", "right_key", "match_weight", "match_probability", "best")
    )


def run(spark: SparkSession, left: str, right: str, out: str) -> None:
    """Match two catalogues, given and told as Parquet at paths that Spark reads and writes."""
    sides = (profiles(spark, spark.read.parquet(left)), profiles(spark, spark.read.parquet(right)))
    with tempfile.TemporaryDirectory() as scratch:
        directory = Path(scratch)
        learned = learn_words(spark, sides, directory)
        learned.write(directory / "learned")
        # Written once: what numbers the pairs would number them otherwise if a part were computed again.
        outcomes(spark, sides, learned, directory).write.mode("overwrite").parquet(f"{out}/outcomes")
        found = spark.read.parquet(f"{out}/outcomes")
        scored(spark, found, learned).write.mode("overwrite").parquet(f"{out}/pairs")


def main(words: Sequence[str]) -> int:
    """Run the job; its exit code."""
    parser = argparse.ArgumentParser(prog="spark_job", description=__doc__)
    parser.add_argument("--left", required=True, help="the left catalogue, as Parquet")
    parser.add_argument("--right", required=True, help="the right catalogue, as Parquet")
    parser.add_argument("--out", required=True, help="the directory of what comes out")
    given = parser.parse_args(words)
    os.environ.setdefault("PYSPARK_PYTHON", sys.executable)
    spark = SparkSession.builder.appName("whence match").getOrCreate()
    try:
        run(spark, given.left, given.right, given.out)
    finally:
        spark.stop()
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
