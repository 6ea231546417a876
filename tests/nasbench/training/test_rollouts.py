import math

import numpy as np
import pytest

from nasbench.core import Architecture, Candidate, Observation
from nasbench.testing.toy import ToySpace
from nasbench.training.rollouts import ATTEMPTS, Baseline, Rollouts, draw

SPACE = ToySpace()


class Counting:
    """Samples the architectures of the toy space one after another."""

    def __init__(self):
        self.rows = 0

    def __call__(self, n, rng):
        archs = [SPACE.arch((self.rows + k) % len(SPACE)).genes for k in range(n)]
        self.rows += n
        return np.array(archs)


@pytest.fixture
def sampler():
    return Counting()


@pytest.fixture
def rollouts(sampler):
    return Rollouts(SPACE, np.random.default_rng(0), sampler, batch=3, momentum=0.5)


def seen(candidate, value, *, feasible=True):
    return Observation(candidate, (value,), 1.0, feasible)


def indices(candidates):
    return [SPACE.index(candidate.arch) for candidate in candidates]


def test_draws_are_made_by_batches_and_handed_out_in_order(rollouts, sampler):
    assert indices(rollouts.ask(1)) == [0]
    assert sampler.rows == 3
    assert indices(rollouts.ask(1) + rollouts.ask(1)) == [1, 2]
    assert sampler.rows == 3
    assert indices(rollouts.ask(7)) == list(range(3, 10))
    assert rollouts.ask(0) == []


def test_a_batch_is_full_after_so_many_observations(rollouts):
    asked = rollouts.ask(6)
    assert list(rollouts.tell([seen(c, 1.0) for c in asked[:2]])) == []
    ((genes, advantages),) = rollouts.tell([seen(asked[2], 1.0)])
    assert genes.tolist() == [list(c.arch.genes) for c in asked[:3]]
    assert advantages.shape == (3,)


def test_one_tell_may_complete_several_batches(rollouts):
    asked = rollouts.ask(7)
    assert len(list(rollouts.tell([seen(c, 1.0) for c in asked]))) == 2


def test_an_update_forgets_what_the_former_policy_drew(rollouts):
    asked = rollouts.ask(4)  # makes 4 draws, then 3 more of which one is handed out
    rollouts.ask(1)
    list(rollouts.tell([seen(c, 1.0) for c in asked[:3]]))
    assert indices(rollouts.ask(1)) == [7]


def test_the_advantage_is_the_distance_from_the_average_of_the_rewards_before():
    rewards = [80.0, 60.0, 90.0, 70.0]
    expected = [0.0]
    for t in range(1, 4):
        weights = 0.5 ** np.arange(t)[::-1]
        expected.append(rewards[t] - np.average(rewards[:t], weights=weights))
    baseline = Baseline(0.5)
    found = [*baseline.advantages(rewards[:3]), *baseline.advantages(rewards[3:])]
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_rewards_are_the_first_objective_with_its_sign_turned(rollouts):
    asked = rollouts.ask(3)
    ((_, advantages),) = rollouts.tell([seen(c, -v) for c, v in zip(asked, (1, 5, 5), strict=True)])
    np.testing.assert_allclose(advantages, [0, 4, 5 - (0.5 * 1 + 5) / 1.5], rtol=1e-6)


@pytest.mark.parametrize(("value", "feasible"), [(math.inf, True), (math.nan, True), (-99, False)])
def test_failed_and_infeasible_ones_count_as_the_worst_so_far(rollouts, value, feasible):
    asked = rollouts.ask(3)
    told = [seen(asked[0], -90.0), seen(asked[1], -70.0), seen(asked[2], value, feasible=feasible)]
    ((_, advantages),) = rollouts.tell(told)
    assert advantages[2] == pytest.approx(70 - (0.5 * 90 + 70) / 1.5)


def test_failures_before_any_success_are_ignored(rollouts):
    asked = rollouts.ask(4)
    assert list(rollouts.tell([seen(c, math.inf) for c in asked])) == []


def test_what_was_not_asked_for_is_ignored(rollouts):
    asked = rollouts.ask(2)
    told = [seen(c, 1.0) for c in (*asked, *asked, Candidate(SPACE.arch(50)))]
    assert list(rollouts.tell(told)) == []


class Even(ToySpace):
    """The part of the toy space whose genes have an even sum."""

    def is_valid(self, arch: Architecture) -> bool:
        return super().is_valid(arch) and sum(arch.genes) % 2 == 0

    def sample(self, n, rng):
        return [Architecture(self.name, (0, 0, 0, 4))] * n


def test_invalid_draws_are_drawn_again_from_the_policy(sampler):
    drawn = draw(sampler, Even(), 20, np.random.default_rng(0))
    even = [k for k in range(len(SPACE)) if sum(SPACE.arch(k).genes) % 2 == 0]
    assert [SPACE.index(arch) for arch in drawn] == even[:20]


def test_a_policy_without_a_valid_draw_gives_way_to_the_space():
    calls = []

    def stubborn(n, rng):
        calls.append(n)
        return np.array([[1, 0, 0, 0]] * n)

    drawn = draw(stubborn, Even(), 3, np.random.default_rng(0))
    assert drawn == [Architecture(SPACE.name, (0, 0, 0, 4))] * 3
    assert calls == [3] * ATTEMPTS
