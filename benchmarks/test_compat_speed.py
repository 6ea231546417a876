"""How much faster the interface of NATS-Bench answers on a table than `nats_bench` does.

Both are asked the same questions in the same run, about architectures of 200 epochs and three
seeds on cifar100, made up in the form of the published files. `nats_bench` reads a file of the
folder for fast mode when it is first asked about an architecture; a table is opened and its last
epoch read once for all architectures, which counts for none of them here and is printed. Times are
of the processor.

OMP_NUM_THREADS=1 pytest benchmarks/test_compat_speed.py -s
"""

from __future__ import annotations

import sys
import time
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "tests/tabular/importers"))  # for natsfiles

import natsfiles

from nasbench.compat import nats
from tabular.hdf5 import write_table
from tabular.importers import nats as importers

# nats_bench unpickles names that NumPy 2 has moved
pytestmark = pytest.mark.filterwarnings("ignore:numpy.core:DeprecationWarning")
nats_bench = pytest.importorskip("nats_bench")
ARCHITECTURES = 24
ASKED = {"dataset": "cifar100", "hp": "200"}


@pytest.fixture(scope="module")
def apis(tmp_path_factory):
    """Theirs and ours, of the same records."""
    base = tmp_path_factory.mktemp("nats")
    archs = {index: natsfiles.arch("tss", index) for index in range(ARCHITECTURES)}
    folder = natsfiles.write_folder(base / "tss", "tss", archs)
    content = importers.topology(folder, dataset="cifar100", schedule="200")
    write_table(base / "cifar100.h5", content)
    theirs = nats_bench.create(str(folder), "tss", fast_mode=True, verbose=False)
    started = time.process_time()
    ours = nats.create(base / "cifar100.h5", "tss", rng=np.random.default_rng(0))
    ours.get_more_info(0, **ASKED)
    print(f"\nopening the table and its last epoch: {1e3 * (time.process_time() - started):.1f} ms")
    theirs.get_more_info(0, **ASKED)
    return theirs, ours


def seconds(ask, arguments, rounds=1):
    """Median seconds of a question, over rounds of all arguments: reading the clock takes long."""
    taken = []
    for _ in range(rounds):
        started = time.process_time_ns()
        for each in arguments:
            ask(each)
        taken.append((time.process_time_ns() - started) / len(arguments))
    return float(np.median(taken)) / 1e9


def ratio(what, theirs, ours):
    times = theirs / ours
    print(f"\n{what}: nats_bench {1e3 * theirs:.2f} ms, table {1e6 * ours:.1f} us, {times:,.0f} x")
    return times


def test_the_first_query_of_an_architecture_is_500_times_faster(apis):
    """Ours is made anew for each round, so that it has nothing but the table's last epoch."""
    theirs, ours = apis
    others = range(1, ARCHITECTURES)
    first = seconds(lambda k: theirs.get_more_info(k, **ASKED), others)
    rounds = []
    for _ in range(20):
        api = anew(ours)
        rounds.append(seconds(lambda k, api=api: api.get_more_info(k, **ASKED), others))
    assert ratio("first query", first, float(np.median(rounds))) > 500


def anew(api):
    """The interface to the same open tables, asked about the first architecture only."""
    made = nats.create(api.tables, "tss", rng=np.random.default_rng(0))
    made.get_more_info(0, **ASKED)
    return made


@pytest.mark.parametrize("seed", [True, False, 777])
def test_a_later_query_is_50_times_faster(apis, seed):
    theirs, ours = (
        seconds(lambda k, api=api: api.get_more_info(k, is_random=seed, **ASKED), [1] * 50, 9)
        for api in apis
    )
    assert ratio(f"later query, is_random={seed}", theirs, ours) > 50


def test_a_later_simulated_training_is_50_times_faster(apis):
    theirs, ours = (
        seconds(lambda k, api=api: api.simulate_train_eval(k, **ASKED), [1] * 50, 9) for api in apis
    )
    assert ratio("later simulate_train_eval", theirs, ours) > 50
