"""How fast surrogates are fitted and answer, measured on the embedded table of digits-on-photos.

Times are of the processor, those of one core, whatever else the machine is doing.

OMP_NUM_THREADS=1 pytest benchmarks/test_surrogate_speed.py -s
"""

import time

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Architecture, Candidate
from surrogates import fit as fitting
from surrogates.benchmark import surrogate
from surrogates.xgb import Xgb

pytestmark = pytest.mark.benchmark(timer=time.process_time)


@pytest.fixture(scope="module")
def table():
    return registry.benchmark("cell201/digits-on-photos")


@pytest.fixture(scope="module")
def archs(table):
    genes, _ = table.rows()
    return [Architecture(table.space.name, tuple(row)) for row in genes.tolist()]


@pytest.fixture(scope="module")
def xgb(table, archs):
    rows = np.random.default_rng(0).permutation(len(archs))[:1000]
    values = table.rows()[1]["valid_accuracy"][rows]
    return Xgb(table.space).fit([archs[row] for row in rows], values)


def test_xgb_in_batch(benchmark, xgb, archs):
    """More than 200,000 predictions of one target a second; classes' features are remembered."""
    many = archs * 20
    benchmark.pedantic(lambda: xgb.predict(many), rounds=5, iterations=1, warmup_rounds=1)
    per_s = len(many) / benchmark.stats.stats.median
    benchmark.extra_info["predictions per second"] = per_s
    print(f"\n{per_s:,.0f} predictions/s")
    assert per_s > 200_000


@pytest.mark.parametrize("noise_seed", [None, 3])
def test_single_queries(benchmark, table, archs, noise_seed):
    """Below 1 ms, classes that were not asked for before."""
    made = registry.benchmark("cell201/digits-on-photos@xgb")
    made.query([Candidate(archs[0])], noise_seed=noise_seed)  # makes the tables of the space
    fresh = iter(archs[1:] if noise_seed is None else archs[:0:-1])

    def query():
        return made.query([Candidate(next(fresh))], noise_seed=noise_seed)

    benchmark.pedantic(query, rounds=500, iterations=1, warmup_rounds=5)
    assert benchmark.stats.stats.median < 0.001


def test_fitting_1000_classes(benchmark, table):
    """Below 60 s, all curves, costs and the calibration included."""
    config = fitting.Config(classes=1000)
    made = benchmark.pedantic(lambda: fitting.fit(table, config), rounds=1, iterations=1)
    assert surrogate(made).parts.origin.classes == 1000
    assert benchmark.stats.stats.median < 60
