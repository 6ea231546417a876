"""Statistics against SciPy, hand-computed examples and the published definitions."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import stats

from nasbench.harness import statistics

SAMPLES = st.lists(
    arrays(np.float64, st.integers(2, 6), elements=st.sampled_from([0.0, 1.0, 2.5, 90.0])),
    min_size=2,
    max_size=5,
)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(7)


def test_the_interquartile_mean_leaves_out_a_quarter_on_each_side():
    assert statistics.iqm(np.array([1.0, 2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 100.0])) == 4.5


def test_the_interquartile_mean_is_that_of_rliable(rng):
    scores = rng.normal(size=(5, 10))  # rliable: scipy.stats.trim_mean(scores, 0.25, axis=None)
    expected = stats.trim_mean(scores, proportiontocut=0.25, axis=None)
    found = statistics.stratified_bootstrap(scores, statistics.iqm, rng=rng).estimate
    assert found == pytest.approx(expected, rel=1e-14)


def test_the_bootstrap_interval_of_one_benchmark_is_that_of_scipy(rng):
    scores = rng.normal(90, 2, size=25)
    found = statistics.stratified_bootstrap(scores, rng=rng, repetitions=20_000)
    reference = stats.bootstrap(
        (scores,), np.mean, n_resamples=20_000, method="percentile", rng=rng
    ).confidence_interval
    assert found.low == pytest.approx(reference.low, abs=0.05)
    assert found.high == pytest.approx(reference.high, abs=0.05)
    assert found.estimate == pytest.approx(scores.mean())


def test_the_bootstrap_draws_runs_within_their_benchmark(rng):
    far_apart = np.array([[0.0, 0.0, 0.0], [100.0, 100.0, 100.0]])
    found = statistics.stratified_bootstrap(far_apart, rng=rng)
    assert (found.low, found.estimate, found.high) == (50.0, 50.0, 50.0)


def test_the_bootstrap_takes_benchmarks_with_different_numbers_of_runs(rng):
    found = statistics.stratified_bootstrap({"a": [1.0, 3.0], "b": [5.0, 5.0, 5.0]}, rng=rng)
    assert found.estimate == pytest.approx(3.8)
    assert found.low == pytest.approx(3.4)
    assert found.high == pytest.approx(4.2)


def test_the_bootstrap_interval_covers_the_true_mean_about_as_often_as_it_says(rng):
    samples = rng.normal(size=(300, 40))
    hits = [0.0 in statistics.stratified_bootstrap(s, rng=rng, repetitions=500) for s in samples]
    assert 0.89 < np.mean(hits) < 0.98


def test_one_run_has_an_unbounded_interval(rng):
    found = statistics.stratified_bootstrap([3.0], rng=rng)
    assert (found.estimate, found.low, found.high) == (3.0, -math.inf, math.inf)
    assert statistics.mean_interval([3.0]).high == math.inf
    assert 1e9 in statistics.difference_of_means([3.0], [4.0, 5.0])


def test_the_generator_decides_the_bootstrap_and_the_global_one_does_not():
    scores = np.arange(10.0)
    found = []
    for state in (1, 2):
        np.random.seed(state)  # noqa: NPY002 - shows that it does not matter
        found.append(statistics.stratified_bootstrap(scores, rng=np.random.default_rng(5)))
    other = statistics.stratified_bootstrap(scores, rng=np.random.default_rng(6))
    assert found[0] == found[1] != other


def test_a_band_is_the_bootstrap_interval_of_every_point(rng):
    curves = rng.normal(size=(12, 4)) + np.arange(4)
    center, low, high = statistics.bootstrap_band(curves, rng=rng, repetitions=20_000)
    assert center == pytest.approx(curves.mean(axis=0))
    for point in range(4):
        alone = statistics.stratified_bootstrap(curves[:, point], rng=rng, repetitions=20_000)
        assert low[point] == pytest.approx(alone.low, abs=0.03)
        assert high[point] == pytest.approx(alone.high, abs=0.03)


def test_the_probability_of_improvement_is_the_mann_whitney_statistic_over_its_maximum(rng):
    x, y = rng.integers(0, 5, (3, 9)), rng.integers(0, 6, (3, 7))  # small integers: many ties
    expected = np.mean(
        [stats.mannwhitneyu(a, b).statistic / (9 * 7) for a, b in zip(x, y, strict=True)]
    )
    assert statistics.probability_of_improvement(x, y, rng=rng).estimate == pytest.approx(expected)


def test_the_probability_of_improvement_by_hand(rng):
    found = statistics.probability_of_improvement([1.0, 3.0], [1.0, 2.0], rng=rng)
    assert found.estimate == (0.5 + 0 + 1 + 1) / 4


def test_the_interval_of_the_probability_of_improvement_is_that_of_redrawing_both_sides(rng):
    x, y = rng.normal(0.5, 1, 15), rng.normal(0, 1, 12)
    found = statistics.probability_of_improvement(x, y, rng=rng, repetitions=5000)

    def statistic(a, b):
        return np.mean(a[:, None] > b)

    reference = stats.bootstrap(
        (x, y), statistic, n_resamples=5000, method="percentile", vectorized=False, rng=rng
    ).confidence_interval
    assert found.low == pytest.approx(reference.low, abs=0.03)
    assert found.high == pytest.approx(reference.high, abs=0.03)


@given(SAMPLES)
@settings(max_examples=50, deadline=None)
def test_the_probabilities_of_improvement_of_both_sides_sum_to_one(samples):
    rng = np.random.default_rng(0)
    x, y = samples[:2]
    there = statistics.probability_of_improvement(x, y, rng=rng, repetitions=10).estimate
    back = statistics.probability_of_improvement(y, x, rng=rng, repetitions=10).estimate
    assert there + back == pytest.approx(1)


def test_the_difference_of_means_is_welchs(rng):
    x, y = rng.normal(1, 3, 8), rng.normal(0, 1, 20)
    expected = stats.ttest_ind(x, y, equal_var=False)
    bounds = expected.confidence_interval(0.95)
    found = statistics.difference_of_means(x, y)
    assert found.low == pytest.approx(bounds.low)
    assert found.high == pytest.approx(bounds.high)
    assert statistics.welch_p_values([x, y])[0, 1] == pytest.approx(expected.pvalue)


def test_the_interval_of_one_mean_is_students(rng):
    x = rng.normal(size=6)
    bounds = stats.ttest_1samp(x, 0).confidence_interval(0.9)
    found = statistics.mean_interval(x, level=0.9)
    assert (found.low, found.high) == pytest.approx((bounds.low, bounds.high))


def test_constant_samples_differ_exactly_or_not_at_all():
    same, other = [0.1 + 0.2] * 3, [0.7] * 3
    p = statistics.welch_p_values([same, same, other])
    assert p[0, 1] == 1
    assert p[0, 2] == 0
    assert statistics.difference_of_means(same, same).high == 0


def test_holms_correction_by_hand():
    # Holm (1979): 0.01 x 4, 0.02 x 3, 0.03 x 2, and 0.04 x 1 raised to its predecessor.
    assert statistics.holm([0.03, 0.01, 0.04, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert statistics.holm([]).shape == (0,)


@given(arrays(np.float64, st.integers(1, 8), elements=st.floats(0, 1)))
def test_holm_never_lowers_a_p_value_and_keeps_their_order(p):
    adjusted = statistics.holm(p)
    assert (adjusted >= p).all()
    assert (adjusted <= 1).all()
    assert all(a <= b for a, b in pairwise(adjusted[np.argsort(p, kind="stable")]))


def test_searchers_inside_the_noise_share_their_rank():
    clear, noisy_a, noisy_b = [95.0, 95.1, 95.2], [90.0, 91.0, 92.0], [90.5, 91.0, 91.6]
    assert statistics.ranks([noisy_a, clear, noisy_b]).tolist() == [2.5, 1.0, 2.5]


def test_without_noise_the_ranks_are_the_middle_ranks_of_scipy():
    scores = [3.0, 1.0, 4.0, 1.0, 5.0]
    expected = stats.rankdata([-score for score in scores])
    assert statistics.ranks([[score] * 3 for score in scores]) == pytest.approx(expected)


def test_single_runs_are_all_tied():
    assert statistics.ranks([[1.0], [2.0], [90.0]]).tolist() == [2.0, 2.0, 2.0]


@given(SAMPLES)
@settings(max_examples=100, deadline=None)
def test_ranks_always_share_out_the_same_sum(samples):
    size = len(samples)
    assert statistics.ranks(samples).sum() == pytest.approx(size * (size + 1) / 2)


@pytest.mark.parametrize("scores", [[], [[1.0], [2.0]], [1.0, math.nan]])
def test_scores_of_another_shape_are_refused(scores):
    with pytest.raises(ValueError, match="expected"):
        statistics.mean_interval(scores)


def test_different_benchmarks_cannot_be_compared(rng):
    with pytest.raises(ValueError, match="same benchmarks"):
        statistics.probability_of_improvement({"a": [1.0]}, {"b": [1.0]}, rng=rng)
    with pytest.raises(ValueError, match="same benchmarks"):
        statistics.probability_of_improvement([[1.0]], [[1.0], [2.0]], rng=rng)


def test_a_level_outside_zero_and_one_is_refused():
    with pytest.raises(ValueError, match="between 0 and 1"):
        statistics.mean_interval([1.0, 2.0], level=95)
