import math

import numpy as np
import pytest
import scikit_posthocs
from scipy import stats

from leaderboards import score
from leaderboards.standings import CHECKPOINTS, standings
from nasbench.core import Budget
from nasbench.testing.toy import ToyBenchmark

SEARCHERS = ("local-search", "random-search", "regularized-evolution")


@pytest.fixture
def blocks(table):
    """Losses (seeds, entries)."""
    return table.losses[0].T


def test_scores_are_interquartile_means_of_the_final_losses(table, toy):
    ruler = score.ruler(toy, ["valid_accuracy"])
    for row in table.rows:
        ends = [score.losses(run, ruler)[-1] for run in row.parts[toy.name].runs]
        assert row.score.estimate == pytest.approx(stats.trim_mean(ends, 0.25))
        assert row.score.low <= row.score.estimate <= row.score.high


def test_entries_are_sorted_by_their_score(table):
    scores = [row.score.estimate for row in table.rows]
    assert scores == sorted(scores)
    assert [row.number for row in table.rows] == [0, 1, 2]


def test_checkpoints_are_shares_of_the_budget(table, toy):
    part = table.rows[0].parts[toy.name]
    steps = [math.floor(24 * share) for share in CHECKPOINTS]
    for losses, found in zip(part.losses, part.checkpoints, strict=True):
        assert found.tolist() == [losses[step - 1] for step in steps]


def test_average_ranks_are_those_of_each_seed(table, blocks):
    expected = stats.rankdata(blocks, axis=1).mean(axis=0)
    assert [row.rank.estimate for row in table.rows] == pytest.approx(expected.tolist())


def test_improvement_is_the_share_of_pairs_that_beat_random_search(table, blocks):
    reference = next(k for k, row in enumerate(table.rows) if row.improvement is None)
    assert table.rows[reference].searcher == "random-search"
    for k, row in enumerate(table.rows):
        if k != reference:
            wins = [(a < b) + (a == b) / 2 for a in blocks[:, k] for b in blocks[:, reference]]
            assert row.improvement.estimate == pytest.approx(np.mean(wins))


def test_only_the_entry_of_that_name_is_what_others_are_held_against(contest, runs):
    others = {"impostor": runs("random-search"), "local-search": runs("local-search")}
    assert [row.improvement for row in standings(contest(), others).rows] == [None, None]


def test_the_critical_difference_decides_as_nemenyi_in_scikit_posthocs(contest, runs):
    names = [*SEARCHERS, "genetic", "reinforce"]
    found = standings(contest(seeds=range(6)), {name: runs(name, seeds=range(6)) for name in names})
    p = scikit_posthocs.posthoc_nemenyi_friedman(found.losses[0].T).to_numpy()
    ranks = np.array([row.rank.estimate for row in found.rows])
    beyond = np.abs(ranks[:, None] - ranks) > found.difference
    np.testing.assert_array_equal(beyond, p < 0.05)
    joined = np.zeros_like(beyond)
    for clique in found.cliques:
        joined[np.ix_(clique, clique)] = True
    np.testing.assert_array_equal(joined | np.eye(len(ranks), dtype=bool), ~beyond)


def test_what_the_noise_cannot_tell_apart_shares_places(contest, runs):
    same = runs("random-search")
    found = standings(contest(), {"a": same, "b": same, "c": same})
    assert [row.places for row in found.rows] == [(1, 3)] * 3
    assert found.friedman == 1.0


def test_several_benchmarks_count_in_units_of_a_random_draw(contest, runs, toy):
    other = ToyBenchmark(noise=2.0)
    other.name = "toy/other"
    import dataclasses

    entries = {
        name: [
            *(own := runs(name)),
            *(dataclasses.replace(run, benchmark=other.name) for run in own),
        ]
        for name in SEARCHERS
    }
    found = standings(contest(benchmarks={toy.name: toy, other.name: other}), entries)
    typical = found.rulers[toy.name].typical
    assert found.normalized
    for k, row in enumerate(found.rows):
        finals = row.parts[toy.name].final / typical
        np.testing.assert_allclose(found.losses[0, k], finals)
        pooled = np.concatenate([finals, row.parts[other.name].final / typical])
        assert row.score.estimate == pytest.approx(stats.trim_mean(pooled, 0.25))


def test_an_anytime_track_sorts_by_the_area(contest, runs):
    entries = {name: runs(name) for name in SEARCHERS}
    found = standings(contest(anytime=True), entries)
    areas = [row.anytime.estimate for row in found.rows]
    assert areas == sorted(areas)
    assert [row.score for row in found.rows] == [row.anytime for row in found.rows]


def test_a_budget_of_seconds_is_the_clock(contest, runs, toy):
    budget = Budget(24, 60.0)
    found = standings(contest(budget=budget), {"random-search": runs("random-search")})
    part = found.rows[0].parts[toy.name]
    for run, losses, marks in zip(part.runs, part.losses, part.checkpoints, strict=True):
        done = int((run.trajectory.spent_s <= 30.0).sum())
        assert marks[2] == losses[done - 1]


def test_the_order_of_entries_does_not_matter(contest, runs, table):
    again = standings(contest(), {name: runs(name) for name in reversed(SEARCHERS)})
    assert [row.name for row in again.rows] == [row.name for row in table.rows]
    assert [row.score for row in again.rows] == [row.score for row in table.rows]


def test_a_missing_seed_is_refused(contest, runs):
    with pytest.raises(ValueError, match="each of the seeds"):
        standings(contest(), {"a": runs("random-search")[1:]})


def test_no_entry_is_refused(contest):
    with pytest.raises(ValueError, match="at least one"):
        standings(contest(), {})


def test_a_single_entry_stands_first(contest, runs):
    found = standings(contest(), {"a": runs("local-search")})
    assert found.rows[0].places == (1, 1)
    assert math.isnan(found.difference)
