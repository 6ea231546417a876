from __future__ import annotations

from collections import Counter
from itertools import count, repeat

import numpy as np
import pytest

from nasbench.core import Architecture, Candidate, Observation
from nasbench.training.halving import Brackets, rungs

SHAPE = [(8, 1), (4, 2), (1, 8)]


def archs(start=0):
    """A draw that gives another architecture each time: genes (start,), (start + 1,), ..."""
    numbers = count(start)
    return lambda: Architecture("s", (next(numbers),))


def told(candidate, value, feasible=True):
    return Observation(candidate, (value,), cost_s=1.0, feasible=feasible)


def worth(candidate):
    """A value for each architecture and length; the order changes from length to length."""
    return float(np.random.default_rng([*candidate.arch.genes, candidate.epochs]).random())


def halved(start, shape):
    """What one bracket trains, rung by rung, as a set each."""
    alive, found = [Architecture("s", (start + i,)) for i in range(shape[0][0])], []
    for k, (number, epochs) in enumerate(shape):
        trained = [Candidate(arch, epochs) for arch in alive]
        assert len(trained) == number
        found.append(set(trained))
        if k + 1 < len(shape):
            alive = [c.arch for c in sorted(trained, key=worth)[: shape[k + 1][0]]]
    return found


@pytest.mark.parametrize(
    ("offered", "eta", "expected"),
    [
        ((1, 2, 3, 4, 5, 6), 3, (2, 6)),
        ((1, 2, 3, 4, 5, 6), 2, (1, 3, 6)),
        ((1, 2, 3, 4, 5, 6), 4, (1, 6)),
        ((1, 2, 3, 4, 5, 6), 7, (6,)),
        (tuple(range(1, 82)), 3, (1, 3, 9, 27, 81)),
        ((1, 2, 4, 8), 3, (2, 8)),
        ((12, 200), 3, (12, 200)),  # 200 / 3 and 200 / 9 are both rounded down to 12
        ((4, 12, 36, 108), 3, (4, 12, 36, 108)),
        ((8,), 2, (8,)),
    ],
)
def test_rungs_are_the_offered_lengths_below_powers_of_eta(offered, eta, expected):
    assert rungs(offered, eta) == expected


def test_one_after_the_other_it_is_plain_successive_halving():
    brackets, start = Brackets(repeat(SHAPE), archs()), 0
    for _ in range(3):
        for expected in halved(start, SHAPE):
            asked = []
            for _ in expected:
                asked.append(brackets.ask())
                brackets.tell(told(asked[-1], worth(asked[-1])))
            assert set(asked) == expected
        start += SHAPE[0][0]


def test_the_order_of_results_does_not_matter():
    brackets, rng = Brackets(repeat(SHAPE), archs()), np.random.default_rng(0)
    running, done = [], Counter()
    for _ in range(400):
        while len(running) < 7:
            running.append(brackets.ask())
        candidate = running.pop(rng.integers(len(running)))
        brackets.tell(told(candidate, worth(candidate)))
        done[candidate] += 1
    assert max(done.values()) == 1
    for start in range(0, 400, SHAPE[0][0]):  # the early ones are complete, the last in part
        expected = set().union(*halved(start, SHAPE))
        found = {c for c in done if start <= c.arch.genes[0] < start + SHAPE[0][0]}
        assert found == expected if start < 200 else found <= expected


def test_while_a_rung_waits_the_next_bracket_begins_and_survivors_go_first():
    brackets = Brackets(repeat([(2, 1), (1, 8)]), archs())
    first, second, third = brackets.ask(), brackets.ask(), brackets.ask()
    assert third == Candidate(Architecture("s", (2,)), 1)
    brackets.tell(told(second, 5.0))
    brackets.tell(told(first, 7.0))
    assert brackets.ask() == Candidate(second.arch, 8)
    assert brackets.ask() == Candidate(Architecture("s", (3,)), 1)


def test_shapes_are_opened_in_turn():
    brackets = Brackets(iter([[(1, 1), (1, 4)], [(1, 4)]]), archs())
    assert [brackets.ask().epochs for _ in range(2)] == [1, 4]


def test_equal_architectures_of_a_rung_count_one_by_one():
    brackets = Brackets(repeat([(3, 1), (1, 8)]), lambda: Architecture("s", (0,)))
    asked = [brackets.ask() for _ in range(3)]
    for number, candidate in enumerate(asked):
        assert candidate.epochs == 1
        brackets.tell(told(candidate, float(number)))
    assert brackets.ask().epochs == 8


def test_the_infeasible_and_the_failed_go_on_only_for_lack_of_others():
    brackets = Brackets(repeat([(4, 1), (3, 8)]), archs())
    good, failed, infeasible, worst = asked = [brackets.ask() for _ in range(4)]
    values = [(3.0, True), (np.inf, True), (0.0, False), (np.inf, False)]
    for candidate, (value, feasible) in zip(asked, values, strict=True):
        brackets.tell(told(candidate, value, feasible))
    onward = [brackets.ask() for _ in range(3)]
    assert onward == [Candidate(c.arch, 8) for c in (good, failed, infeasible)]
    assert worst.arch not in {c.arch for c in onward}


def test_what_was_not_asked_for_is_ignored():
    brackets = Brackets(repeat([(2, 1), (1, 8)]), archs())
    first, _ = brackets.ask(), brackets.ask()
    brackets.tell(told(Candidate(first.arch, 8), 0.0))
    brackets.tell(told(first, 1.0))
    brackets.tell(told(first, 0.0))  # twice
    assert brackets.ask() == Candidate(Architecture("s", (2,)), 1)
