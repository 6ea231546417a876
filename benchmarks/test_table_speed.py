"""How fast a table of the embedded size answers.

Measured on a made-up table of all 5,260 classes of cell201, of the sizes and epochs of
digits-on-photos, whose values are random and so compress worse than real ones; look-ups with one
repeat, as the embedded table has, and with three. Times are of the processor: those of one
core, whatever else the machine is doing.

OMP_NUM_THREADS=1 pytest benchmarks/test_table_speed.py -s
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from nasbench.core import Candidate
from nasbench.spaces.cell201 import Cell201
from nasbench.tasks.digits_on_photos import DigitsOnPhotos
from tabular import classes, schema
from tabular.hdf5 import open_table, write_table
from tabular.pack import rows_of_codes
from tabular.records import CURVES

pytestmark = pytest.mark.benchmark(timer=time.process_time)
TASK = DigitsOnPhotos()
EPOCHS = TASK.recipe.epochs


@pytest.fixture(scope="module", params=[1, 3], ids="{} repeats".format)
def repeats(request):
    return request.param


@pytest.fixture(scope="module")
def path(tmp_path_factory, repeats):
    path = tmp_path_factory.mktemp("table") / "made-up.h5"
    write_table(path, made_up(repeats))
    return path


@pytest.fixture(scope="module")
def table(path):
    return open_table(path)


def made_up(repeats):
    rng = np.random.default_rng(0)
    data = TASK.load()
    sizes = {"train": len(data.train), "valid": len(data.valid), "test": len(data.test)}
    space = Cell201()
    genes = classes.canonical_genes(space)
    shape = (len(genes), repeats, EPOCHS)
    columns = []
    for name in CURVES:
        metric = schema.METRICS[name]
        size = sizes[metric.split]
        if metric.unit == "%":
            values = 100 * rng.integers(0, size + 1, shape) / size
            columns.append(schema.Column(metric, values.astype(np.float32), size))
        else:
            values = rng.uniform(0.2, 2.5, shape).astype(np.float32)
            columns.append(schema.Column(metric, values, rounded=True))
    for name in ("params", "macs"):
        columns.append(schema.Column(schema.METRICS[name], rng.integers(1000, 900_000, len(genes))))
    return schema.Content(
        name="cell201/made-up",
        space=space.name,
        arity=tuple(space.arity),
        per="class",
        genes=genes,
        row=rows_of_codes(space),
        seeds=range(repeats),
        epochs=range(1, EPOCHS + 1),
        columns=columns,
        status=np.ones(shape[:2], np.uint8),
        train_s=rng.uniform(1, 5, shape[:2]).astype(np.float32),
        cost_s=rng.uniform(1, 5, len(genes)).astype(np.float32),
        measured="quiet",
    )


def test_a_table_takes_at_most_3_mb(path, repeats):
    size_mb = path.stat().st_size / 1e6
    print(f"\n{repeats} repeats, {EPOCHS} epochs: {size_mb:.2f} MB")
    assert size_mb <= 3


def test_open_and_first_query(benchmark, path):
    """Below 30 ms, hashes checked."""
    arch = Cell201().arch(9930)

    def first():
        return open_table(path).query([Candidate(arch)], noise_seed=1)

    benchmark.pedantic(first, rounds=20, iterations=1, warmup_rounds=1)
    assert benchmark.stats.stats.median < 0.030


@pytest.mark.parametrize("noise_seed", [None, 7])
def test_single_look_ups(benchmark, table, noise_seed):
    """More than 100,000 a second."""
    candidates = [
        [Candidate(arch)] for arch in table.space.sample(10_000, np.random.default_rng(0))
    ]

    def look_up():
        for each in candidates:
            table.query(each, noise_seed=noise_seed)

    benchmark.pedantic(look_up, rounds=10, iterations=1, warmup_rounds=1)
    per_s = len(candidates) / benchmark.stats.stats.median
    benchmark.extra_info["look-ups per second"] = per_s
    assert per_s > 100_000


@pytest.mark.parametrize("noise_seed", [None, 7])
def test_rows_in_batch(benchmark, table, noise_seed):
    """More than 5 million a second."""
    space = table.space
    genes = space.all_genes()[np.random.default_rng(0).integers(len(space), size=1_000_000)]

    def look_up():
        return table.lookup("valid_accuracy", genes, noise_seed=noise_seed)

    benchmark.pedantic(look_up, rounds=10, iterations=1, warmup_rounds=1)
    per_s = len(genes) / benchmark.stats.stats.median
    benchmark.extra_info["rows per second"] = per_s
    assert per_s > 5_000_000
