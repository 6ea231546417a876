"""Aggregates against hand-computed examples and rliable's definitions."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import stats

from nasbench.harness import profiles


@pytest.fixture
def losses(rng):
    """(3 benchmarks, 4 searchers, 10 seeds), rounded so that there are ties."""
    return rng.gamma(2.0, size=(3, 4, 10)).round(1)


def test_regrets_are_counted_in_typical_ones_of_their_benchmark():
    found = profiles.normalized([[[2.0, 4.0]], [[2.0, 4.0]]], [2.0, 8.0])
    assert found.tolist() == [[[1.0, 2.0]], [[0.25, 0.5]]]


@pytest.mark.parametrize("typical", [[0.0], [np.nan], [np.inf], [-1.0]])
def test_a_benchmark_without_a_typical_regret_is_refused(typical):
    with pytest.raises(ValueError, match="typical regrets above 0"):
        profiles.normalized([[1.0]], typical)


def test_the_interquartile_mean_is_rliables_over_all_runs(losses):
    for k, found in enumerate(profiles.interquartile_means(losses)):
        assert found.estimate == pytest.approx(stats.trim_mean(losses[:, k], 0.25, axis=None))
        assert found.low <= found.estimate <= found.high


def test_average_ranks_are_those_of_scipy_within_every_block(losses):
    expected = np.mean(
        [stats.rankdata(losses[b, :, r]) for b in range(3) for r in range(10)], axis=0
    )
    found = profiles.average_ranks(losses)
    assert [rank.estimate for rank in found] == pytest.approx(expected.tolist())
    assert sum(rank.estimate for rank in found) == pytest.approx(4 * 5 / 2)


def test_improvements_are_mann_whitney_statistics_averaged_over_benchmarks(losses):
    found = profiles.improvements(losses)
    expected = np.mean(  # losses: lower is better
        [stats.mannwhitneyu(losses[b, 1], losses[b, 0]).statistic / 100 for b in range(3)]
    )
    assert found[0, 1] == pytest.approx(expected)
    assert found + found.T == pytest.approx(np.ones((4, 4)))
    held = profiles.improvements_on(losses, 1)
    assert held[0].estimate == pytest.approx(found[0, 1])
    assert held[0].low < held[0].estimate < held[0].high


def test_score_profiles_are_rliables_run_score_distributions(losses):
    thresholds = np.array([0.5, 2.0, 4.0])
    for k, (share, low, high) in enumerate(profiles.score_profiles(losses, thresholds)):
        for tau, found in zip(thresholds, share, strict=True):
            # rliable: mean over tasks and runs of score > tau; here of -loss >= -tau
            assert found == pytest.approx(np.mean(losses[:, k] <= tau))
        assert (low <= share).all()
        assert (share <= high).all()


def test_the_band_of_a_profile_redraws_runs_within_their_benchmark():
    losses = np.array([[[0.0, 0.0, 0.0]], [[5.0, 5.0, 5.0]]])
    ((share, low, high),) = profiles.score_profiles(losses, [1.0])
    assert (share, low, high) == (0.5, 0.5, 0.5)


def test_ratio_profiles_by_hand():
    # ratios to the best: (1, 2), (4, 1), (1, 1), and where the best loss is 0: (1, infinite)
    losses = [[1.0, 2.0], [8.0, 2.0], [3.0, 3.0], [0.0, 1.0]]
    found = profiles.ratio_profiles(losses, [1.0, 2.0, 4.0, 1e9])
    assert found.tolist() == [[0.75, 0.75, 1.0, 1.0], [0.5, 0.75, 0.75, 0.75]]


def test_no_ratio_to_a_best_of_zero_is_finite_whatever_its_sign():
    found = profiles.ratio_profiles([[-0.0, 0.0, 1.0]], [1.0, 1e9])
    assert found.tolist() == [[1.0, 1.0], [1.0, 1.0], [0.0, 0.0]]


def test_the_global_generator_plays_no_part(losses):
    found = []
    for state in (1, 2):
        np.random.seed(state)  # noqa: NPY002 - shows that it does not matter
        found.append(profiles.interquartile_means(losses) + profiles.average_ranks(losses))
    assert found[0] == found[1]
