import math
from collections import Counter

import numpy as np
import pytest

from nasbench.searchers.local_search import LocalSearch


def climbs(history, space, loss):
    """Splits a history by brute force into (start, number of moves, complete) of each climb."""
    at, found = 0, []
    while at < len(history):
        center, moves, at = history[at], 0, at + 1
        while True:
            around = space.neighbors(center)
            block = history[at : at + len(around)]
            at += len(around)
            if len(block) < len(around):
                assert not Counter(block) - Counter(around)
                return [*found, (center, moves, False)]
            assert Counter(block) == Counter(around)
            best = min(around, key=loss)
            if loss(best) >= loss(center):
                break
            center, moves = best, moves + 1
        found.append((center, moves, True))
    return found


def test_each_climb_visits_whole_neighborhoods_and_ends_in_a_local_optimum(
    problem, rng, loss, search
):
    found = climbs(search(LocalSearch(problem, rng), 600), problem.space, loss)
    assert sum(complete for *_, complete in found) >= 5
    assert max(moves for _, moves, _ in found) >= 2
    for optimum, _, complete in found:
        if complete:
            assert loss(optimum) < min(map(loss, problem.space.neighbors(optimum)))


def test_a_plateau_is_not_walked_along(problem, rng, observe):
    searcher, asked = LocalSearch(problem, rng), []
    for _ in range(12):  # a start, its 10 neighbors, another start
        (candidate,) = searcher.ask()
        searcher.tell([observe(candidate, 1.0)])
        asked.append(candidate.arch)
    assert Counter(asked[1:11]) == Counter(problem.space.neighbors(asked[0]))
    searcher.tell([])
    assert Counter(c.arch for c in searcher.ask(10)) == Counter(problem.space.neighbors(asked[11]))


def test_neighbors_come_in_random_order(problem, observe):
    orders = set()
    for seed in range(20):
        searcher = LocalSearch(problem, np.random.default_rng(seed))
        (start,) = searcher.ask()
        searcher.tell([observe(start, 0.0)])
        around = problem.space.neighbors(start.arch)
        orders.add(tuple(around.index(c.arch) for c in searcher.ask(10)))
    assert len(orders) == 20


def test_it_waits_for_the_last_neighbor_before_it_moves(problem, rng, loss, observe):
    searcher = LocalSearch(problem, rng)
    (start,) = searcher.ask()
    searcher.tell([observe(start, 1000.0)])
    around = searcher.ask(10)
    meanwhile = searcher.ask(2)
    *most, last = reversed(around)
    searcher.tell([observe(c, loss(c.arch)) for c in (*meanwhile, *most)])
    assert len(searcher.ask(3)) == 3
    searcher.tell([observe(last, loss(last.arch))])
    best = min((c.arch for c in around), key=loss)
    assert Counter(c.arch for c in searcher.ask(10)) == Counter(problem.space.neighbors(best))


def test_what_was_drawn_while_waiting_starts_the_next_climb(problem, rng, observe):
    searcher = LocalSearch(problem, rng)
    start, first, second = searcher.ask(3)
    searcher.tell([observe(start, 0.0), observe(second, 1.0), observe(first, 1.0)])
    searcher.tell([observe(c, 1.0) for c in searcher.ask(10)])
    expected = problem.space.neighbors(second.arch)
    assert Counter(c.arch for c in searcher.ask(10)) == Counter(expected)


def test_an_infeasible_neighbor_is_worse_than_any_feasible_one(problem, rng, observe):
    searcher = LocalSearch(problem, rng)
    (start,) = searcher.ask()
    searcher.tell([observe(start, 5.0, feasible=False)])
    bad, failed, *others = searcher.ask(10)
    searcher.tell([observe(bad, -100.0, feasible=False), observe(failed, math.inf)])
    searcher.tell([observe(c, 6.0, feasible=False) for c in others])
    expected = problem.space.neighbors(failed.arch)
    assert Counter(c.arch for c in searcher.ask(10)) == Counter(expected)


def test_unasked_observations_change_nothing(problem, loss, observe, search):
    alone = search(LocalSearch(problem, np.random.default_rng(3)), 40)
    searcher, mixed = LocalSearch(problem, np.random.default_rng(3)), []
    strangers = LocalSearch(problem, np.random.default_rng(4)).ask(40)
    for stranger in strangers:
        (candidate,) = searcher.ask()
        if stranger.arch != candidate.arch:
            searcher.tell([observe(stranger, -1.0)])
        searcher.tell([observe(candidate, loss(candidate.arch))])
        mixed.append(candidate.arch)
    assert mixed == alone


@pytest.mark.parametrize("batch", [1, 4])
def test_a_space_of_one_architecture_is_evaluated_again_and_again(
    make_problem, rng, observe, batch
):
    searcher = LocalSearch(make_problem(1, 1), rng)
    for _ in range(5):
        asked = searcher.ask(batch)
        assert len(asked) == batch
        searcher.tell([observe(c, 0.0) for c in asked])
