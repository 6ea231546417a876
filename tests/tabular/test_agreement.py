import itertools
import math

import numpy as np
import pytest

from nasbench.core import Metric
from nasbench.errors import TableFault
from tabular import agreement


def brute_force_tau(a, b):
    """Tau-b from its definition, over all pairs."""
    concordant = ties_a = ties_b = 0
    pairs = list(itertools.combinations(range(len(a)), 2))
    for i, j in pairs:
        da, db = np.sign(a[i] - a[j]), np.sign(b[i] - b[j])
        concordant += da * db
        ties_a += da == 0
        ties_b += db == 0
    return concordant / math.sqrt((len(pairs) - ties_a) * (len(pairs) - ties_b))


def test_tau_is_that_of_all_pairs_with_ties():
    a, b = np.random.default_rng(0).integers(0, 12, (2, 40)).astype(float)
    assert agreement.tau(a, b) == pytest.approx(brute_force_tau(a, b))


def test_tau_leaves_out_what_lacks_either_value():
    a, b = np.array([1.0, 2, np.nan, 4, 5]), np.array([1.0, 3, 2, np.nan, 2])
    assert agreement.tau(a, b) == pytest.approx(brute_force_tau(a[[0, 1, 4]], b[[0, 1, 4]]))


@pytest.mark.parametrize(
    ("a", "b"), [([], []), ([1.0], [1.0]), ([1.0, np.nan], [1.0, 2.0]), ([3.0, 3.0], [1.0, 2.0])]
)
def test_tau_of_nothing_to_rank_is_unknown(a, b):
    assert math.isnan(agreement.tau(np.array(a), np.array(b)))


def test_means_that_differ_by_the_order_of_summation_are_ties():
    first, second = (0.1 + 0.2) + 0.3, 0.1 + (0.2 + 0.3)
    assert first != second
    assert agreement.tied_pairs(np.array([first, second])) == 1
    assert math.isnan(agreement.tau(np.array([first, second]), np.array([1.0, 2.0])))


def test_the_share_of_ties_is_that_of_all_pairs():
    values = np.random.default_rng(1).integers(0, 9, 50).astype(float)
    pairs = list(itertools.combinations(values, 2))
    expected = sum(a == b for a, b in pairs) / len(pairs)
    assert agreement.tied_pairs(np.append(values, np.nan)) == pytest.approx(expected)
    assert math.isnan(agreement.tied_pairs(np.array([1.0])))


def test_the_top_is_the_best_quarter_with_ties():
    assert agreement.top(np.array([4.0, 1, 2, 3])).tolist() == [True, False, False, False]
    assert agreement.top(np.array([4.0, 4, np.nan, 4, 1])).tolist() == [
        True,
        True,
        False,
        True,
        False,
    ]


def noisy(seeds, n=4000, deviation=2.0, spread=4.0):
    rng = np.random.default_rng(7)
    truth = rng.normal(60, spread, n)
    return truth, truth[:, None] + rng.normal(0, deviation, (n, seeds))


def test_noise_is_recovered_from_trainings_that_have_it():
    _, values = noisy(3)
    found = agreement.noise(values)
    assert found.architectures == 4000
    assert found.deviation == pytest.approx(2, rel=0.03)
    assert found.deviation_top == pytest.approx(2, rel=0.06)
    assert found.spread == pytest.approx(values.mean(axis=1).std(ddof=1))
    pairs = itertools.combinations(values.T, 2)
    assert found.tau == pytest.approx(np.mean([agreement.tau(a, b) for a, b in pairs]))


def test_the_tau_at_the_top_is_not_of_what_was_selected_on():
    """As among the best by a seed that no pair contains."""
    _, values = noisy(3)
    expected = [
        agreement.tau(*values[values[:, k] >= np.quantile(values[:, k], 0.75)][:, others].T)
        for k, others in ((0, [1, 2]), (1, [0, 2]), (2, [0, 1]))
    ]
    assert agreement.noise(values).tau_top == pytest.approx(np.mean(expected))
    assert agreement.noise(values).tau_top > agreement.noise(values[:, :2]).tau_top > 0


def test_noise_of_one_seed_is_unknown():
    assert agreement.noise(np.ones((9, 1))) is None
    assert agreement.noise(np.array([[1.0, np.nan], [2.0, 3.0]])) is None


@pytest.mark.parametrize("seeds", [1, 3])
def test_the_ceiling_is_what_the_truth_itself_reaches(seeds):
    truth, values = noisy(3)
    reached = agreement.tau(truth, values[:, :seeds].mean(axis=1))
    between = agreement.noise(values).tau
    assert agreement.ceiling(between, seeds) == pytest.approx(reached, abs=0.01)


@pytest.mark.parametrize("seeds", [2, 5])
def test_at_the_top_the_ceiling_is_hardly_above_what_the_truth_reaches(seeds):
    truth, values = noisy(seeds)
    chosen = agreement.top(values.mean(axis=1))
    reached = agreement.tau(truth[chosen], values.mean(axis=1)[chosen])
    found = agreement.ceiling_top(values)
    assert reached - 0.03 < found < reached + 0.15
    assert agreement.ceiling_top(values + 7) == pytest.approx(found, abs=1e-6)


def test_at_the_top_the_noise_is_that_of_its_architectures():
    """Noise that only what is bad has does not lower it."""
    rng = np.random.default_rng(1)
    truth = np.linspace(0, 100, 4000)
    bad = np.where(truth < 60, 5.0, 0.5)
    values = truth[:, None] + bad[:, None] * rng.normal(size=(4000, 3))
    quiet = truth[:, None] + 0.5 * rng.normal(size=(4000, 3))
    expected = agreement.ceiling_top(quiet)
    assert agreement.ceiling_top(values) == pytest.approx(expected, abs=0.01)
    assert agreement.ceiling_top(values[::-1]) == agreement.ceiling_top(values)


def test_without_agreement_between_seeds_the_ceiling_is_zero():
    assert agreement.ceiling(-0.1) == agreement.ceiling(0.0, 3) == 0


class Scores:
    """As much of a table as the headline needs."""

    name = "made-up"

    def __init__(self, **columns):
        self.columns = columns
        units = {"params": "parameters"}
        self.metrics = [
            Metric(name, units.get(name, "%"), "higher", name.partition("_")[0]) for name in columns
        ]

    def values(self, name):
        return np.array(self.columns[name])


def test_the_headline_is_validation_unless_there_is_none():
    both = Scores(test_accuracy=[1.0], valid_roc_auc=[2.0], valid_other=[3.0])
    assert agreement.headline(both) == "valid_roc_auc"
    empty = Scores(test_accuracy=[1.0], valid_accuracy=[np.nan])
    assert agreement.headline(empty) == "test_accuracy"
    with pytest.raises(TableFault, match="neither a validation nor a test accuracy"):
        agreement.headline(Scores(params=[1.0], train_accuracy=[2.0]))
