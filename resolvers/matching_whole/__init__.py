"""Whole catalogues matched on one machine, in bounded memory: the rules of :mod:`resolvers.matching`, the weight on disk.

Needs the extra ``match`` (DuckDB, Arrow, Splink). In reading order:

- :mod:`state` is the directory of a run, and what of it is done, so that one that was killed goes on where it stood;
  :mod:`tables` is its DuckDB file;
- :mod:`shelf` keeps profiles in a file, :mod:`counts` keeps how common each word and model number is;
- :mod:`reading` is what a process does with a page of records, :mod:`scoring` what one does with a lot of pairs, and
  :mod:`watching` has it end with its parent;
- :mod:`blocking` finds the pairs worth comparing, as joins in DuckDB;
- :mod:`learning` gathers a sample's evidence and learns the model from it;
- :mod:`run` does it all, step by step, and tells verdicts and evidence;
- :mod:`catalogues` does it with two catalogues of the ledger, :mod:`applying` writes what came out;
- :mod:`splink_model` has Splink train on the same comparisons, on DuckDB or on Spark; :mod:`spark_job` is the whole as a job
  for a cluster, and needs pyspark.
"""
