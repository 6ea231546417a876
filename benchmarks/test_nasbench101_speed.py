"""How fast NAS-Bench-101 is imported, and how fast a table of its size answers.

Files and tables are made up, in the true format and of the true size; real values compress better
than these random ones. Times are of the processor, as in test_table_speed.

OMP_NUM_THREADS=1 pytest benchmarks/test_nasbench101_speed.py -s
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

from nasbench.core import Architecture, Candidate
from nasbench.spaces import modules101
from nasbench.spaces.cell101 import NAME, Cell101
from tabular import schema
from tabular.hdf5 import open_table, write_table
from tabular.importers import nasbench101

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/tabular/importers"))

import tfrecords

pytestmark = pytest.mark.benchmark(timer=time.process_time)
SPACE = Cell101()
CELLS = 10_000


@pytest.fixture(scope="module")
def source(tmp_path_factory):
    """A file of 120,000 records: a random part of the cells, so that their matrices recur."""
    rng = np.random.default_rng(0)
    genes = modules101.genes_of(rng.permutation(modules101.classes())[:CELLS]).tolist()
    archs = [Architecture(NAME, tuple(row)) for row in genes]
    path = tmp_path_factory.mktemp("nb101") / "part.tfrecord"
    path.write_bytes(b"".join(tfrecords.file(SPACE, archs, tfrecords.numbers(rng, CELLS, 3, 4))[0]))
    return path


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A table of all 423,624 cells."""
    rng = np.random.default_rng(0)
    genes = SPACE.class_genes()
    shape = (len(genes), nasbench101.REPEATS, len(nasbench101.BUDGETS))
    columns = [schema.Column(schema.METRICS["params"], rng.integers(1000, 5e7, len(genes)))]
    for metric in nasbench101.METRICS:
        images = nasbench101.EXAMPLES
        if metric.unit == "%":
            columns.append(
                schema.Column(metric, 100 * rng.integers(0, images, shape) / images, images)
            )
        else:
            seconds = rng.uniform(1, 2000, shape).astype(np.float32).astype(np.float64)
            columns.append(schema.Column(metric, seconds))
    path = tmp_path_factory.mktemp("nb101") / "made-up.h5"
    write_table(
        path,
        schema.Content(
            name="nb101",
            space=NAME,
            arity=SPACE.arity,
            per="class",
            genes=genes,
            row=None,
            seeds=range(nasbench101.REPEATS),
            epochs=nasbench101.BUDGETS,
            columns=columns,
            status=np.ones(shape[:2], np.uint8),
            train_s=rng.uniform(1, 2000, shape[:2]).astype(np.float32),
            cost_s=rng.uniform(1, 2000, len(genes)).astype(np.float32),
            measured="given",
        ),
    )
    return path


def test_import(benchmark, source):
    """More than 20,000 records a second, every checksum and hash checked."""
    benchmark.pedantic(lambda: nasbench101.read(source), rounds=3, iterations=1, warmup_rounds=1)
    per_s = 12 * CELLS / benchmark.stats.stats.median
    benchmark.extra_info["records per second"] = per_s
    print(f"\n{per_s:,.0f} records a second")
    assert per_s > 20_000


def test_open_and_first_query(benchmark, path):
    """Below 100 ms, the hashes of what is read checked."""
    (arch,) = SPACE.sample(1, np.random.default_rng(0))

    def first():
        return open_table(path).query([Candidate(arch)], noise_seed=1)

    benchmark.pedantic(first, rounds=20, iterations=1, warmup_rounds=1)
    assert benchmark.stats.stats.median < 0.100


def test_rows_in_batch(benchmark, path):
    """More than 200,000 a second, canonical forms made."""
    table = open_table(path)
    genes = np.array([arch.genes for arch in SPACE.sample(50_000, np.random.default_rng(0))])
    benchmark.pedantic(lambda: table.rows_of(genes), rounds=5, iterations=1, warmup_rounds=1)
    per_s = len(genes) / benchmark.stats.stats.median
    benchmark.extra_info["rows per second"] = per_s
    assert per_s > 200_000
