"""Ranks against SciPy, scikit-posthocs and the tables of the papers."""

from __future__ import annotations

import math
from itertools import permutations

import numpy as np
import pytest
from scipy import stats

from nasbench.harness import ranks

DEMSAR = np.array(  # AUC of four decision trees on 14 data sets: Demsar (2006), table 6
    [
        [0.763, 0.768, 0.771, 0.798],
        [0.599, 0.591, 0.590, 0.569],
        [0.954, 0.971, 0.968, 0.967],
        [0.628, 0.661, 0.654, 0.657],
        [0.882, 0.888, 0.886, 0.898],
        [0.936, 0.931, 0.916, 0.931],
        [0.661, 0.668, 0.609, 0.685],
        [0.583, 0.583, 0.563, 0.625],
        [0.775, 0.838, 0.866, 0.875],
        [1.000, 1.000, 1.000, 1.000],
        [0.940, 0.962, 0.965, 0.962],
        [0.619, 0.666, 0.614, 0.669],
        [0.972, 0.981, 0.97501, 0.975],  # equal as printed, but ranked 2 and 3 there
        [0.957, 0.978, 0.946, 0.970],
    ]
)


def test_blocks_are_seeds_of_benchmarks():
    losses = np.arange(24.0).reshape(2, 3, 4)
    found = ranks.blocks_of(losses)
    assert found.shape == (8, 3)
    assert found[5].tolist() == losses[1, :, 1].tolist()


@pytest.mark.parametrize("losses", [[[1.0]], np.full((1, 2, 2), np.nan), np.zeros((0, 2, 2))])
def test_losses_of_another_shape_are_refused(losses):
    with pytest.raises(ValueError, match="expected losses"):
        ranks.blocks_of(losses)


def test_demsars_example_has_his_average_ranks_and_test():
    found = ranks.block_ranks(-DEMSAR).mean(axis=0)
    assert found == pytest.approx([3.143, 2.000, 2.893, 1.964], abs=5e-4)
    assert ranks.friedman(-DEMSAR) < stats.f.sf(3.69, 3, 39)  # his, not corrected for ties


def _iman_davenport(blocks):
    """Demsar, sec. 3.2.2, from SciPy's statistic."""
    n, k = blocks.shape
    chi2 = stats.friedmanchisquare(*blocks.T).statistic
    return stats.f.sf((n - 1) * chi2 / (n * (k - 1) - chi2), k - 1, (n - 1) * (k - 1))


def test_friedmans_p_value_is_that_of_scipys_statistic(rng):
    blocks = rng.integers(0, 6, size=(12, 4))  # small integers: ties
    assert ranks.friedman(blocks) == pytest.approx(_iman_davenport(blocks))


def test_friedmans_p_value_where_all_blocks_agree_is_that_of_counting():
    blocks = np.tile([1.0, 2.0, 3.0], (3, 1))
    orders = [np.array(order) for order in permutations([1.0, 2.0, 3.0])]
    same = sum((a == b).all() and (b == c).all() for a in orders for b in orders for c in orders)
    assert ranks.friedman(blocks) == pytest.approx(1 / 36)  # any agreement, 6 of 216 ways
    assert same / 216 == pytest.approx(1 / 36)


@pytest.mark.parametrize("blocks", [np.ones((9, 3)), [[1.0, 2.0]], [[1.0], [2.0]]])
def test_nothing_is_told_of_equal_losses_one_block_or_one_searcher(blocks):
    assert ranks.friedman(blocks) == 1.0


def test_the_friedman_test_rejects_about_as_often_as_it_says(rng):
    rejected = [ranks.friedman(rng.normal(size=(20, 5))) < 0.05 for _ in range(400)]
    assert 0.02 < np.mean(rejected) < 0.09


@pytest.mark.parametrize(("k", "q"), [(2, 1.960), (3, 2.343), (5, 2.728), (10, 3.164)])
def test_the_critical_difference_is_that_of_demsars_table_5(k, q):
    expected = q * math.sqrt(k * (k + 1) / (6 * 14))
    assert ranks.critical_difference(k, 14) == pytest.approx(expected, rel=5e-4)


@pytest.mark.slow
def test_the_critical_difference_separates_the_pairs_that_scikit_posthocs_rejects(rng):
    posthocs = pytest.importorskip("scikit_posthocs", reason="the extra stats is not installed")
    blocks = rng.normal(size=(15, 5)) + 0.5 * np.arange(5)
    p = posthocs.posthoc_nemenyi_friedman(blocks).to_numpy()
    average = ranks.block_ranks(blocks).mean(axis=0)
    apart = np.abs(average[:, None] - average) >= ranks.critical_difference(5, 15)
    assert apart.any()
    assert (apart == ((p < 0.05) & ~np.eye(5, dtype=bool))).all()


def test_cliques_are_the_largest_groups_closer_than_the_difference():
    found = ranks.cliques([4.0, 1.0, 1.9, 2.8, 9.0], 2.0)
    assert [group.tolist() for group in found] == [[1, 2, 3], [3, 0]]
    assert ranks.cliques([1.0, 3.0], 2.0) == []  # a difference as large as this one counts


def test_cliques_are_those_of_brute_force(rng):
    for _ in range(50):
        average, difference = rng.integers(1, 12, size=6).astype(float), 2.5
        order = np.argsort(average, kind="stable")
        spans = [
            set(order[a:b].tolist())
            for a in range(6)
            for b in range(a + 2, 7)
            if average[order[b - 1]] - average[order[a]] < difference
        ]
        largest = [span for span in spans if not any(span < other for other in spans)]
        found = [set(group.tolist()) for group in ranks.cliques(average, difference)]
        assert sorted(map(sorted, found)) == sorted(map(sorted, largest))


@pytest.mark.slow
def test_pairs_are_judged_as_by_scikit_posthocs(rng):
    posthocs = pytest.importorskip("scikit_posthocs", reason="the extra stats is not installed")
    blocks = rng.normal(size=(14, 4)) + 0.6 * np.arange(4)
    expected = posthocs.posthoc_wilcoxon(list(blocks.T), p_adjust="holm").to_numpy()
    off = ~np.eye(4, dtype=bool)
    assert ranks.wilcoxon_holm(blocks)[off] == pytest.approx(expected[off])


def test_blocks_in_which_both_are_equal_say_nothing():
    gap = np.array([0.0, 0.0, 1.0, 2.0, 3.0, 4.0, 5.0, 6.0])
    blocks = np.stack([np.zeros(8), gap], axis=1)
    assert ranks.wilcoxon_holm(blocks)[0, 1] == pytest.approx(2 / 2**6)  # exact: all six agree
    assert ranks.wilcoxon_holm(np.zeros((5, 2))).tolist() == [[1.0, 1.0], [1.0, 1.0]]


def test_better_in_pairs_is_the_side_of_the_lower_losses(rng):
    blocks = rng.normal([0.0, 0.0, 5.0], 1.0, (20, 3))
    found = ranks.better_in_pairs(blocks)
    assert found.tolist() == [[False, False, True], [False, False, True], [False] * 3]


@pytest.mark.parametrize("blocks", [20, 60])
def test_p_values_are_scipys_of_every_pair_alone(rng, blocks):
    table = rng.normal(size=(blocks, 3)).round(1)  # ties
    table[:4, 1] = table[:4, 0]
    gap = table[:, 0] - table[:, 1]
    method = "exact" if blocks == 20 else "approx"
    expected = stats.wilcoxon(gap[gap != 0], method=method).pvalue
    assert ranks._wilcoxon(gap[:, None])[0] == pytest.approx(expected)


def test_few_blocks_are_never_enough():
    assert not ranks.better_in_pairs(np.tile([1.0, 2.0], (5, 1))).any()


def test_tied_searchers_have_the_range_of_ranks_that_is_possible():
    better = np.zeros((5, 5), dtype=bool)
    assert ranks.rank_ranges(better).tolist() == [[1, 5]] * 5
    better[0, 1:] = True  # one ahead of four that are tied
    assert ranks.rank_ranges(better).tolist() == [[1, 1]] + [[2, 5]] * 4


def test_rank_ranges_hold_the_true_ranks_of_all_searchers_as_often_as_they_say(rng):
    truth, held = np.array([0.0, 0.4, 0.8, 2.0]), []
    for _ in range(60):
        low, high = ranks.rank_ranges(ranks.better_in_pairs(rng.normal(truth, 1.0, (25, 4)))).T
        held.append(((low <= [1, 2, 3, 4]) & (high >= [1, 2, 3, 4])).all())
    assert np.mean(held) > 0.9
