import itertools
import math

import numpy as np
import pytest
import torch

from nasbench.core import Architecture, Candidate
from nasbench.errors import InvalidConfig
from nasbench.searchers import reinforce
from nasbench.searchers.reinforce import Config, Reinforce
from nasbench.testing.toy import ToySpace

ARITY = (2, 3, 4)


@pytest.fixture
def theta(rng):
    """Logits with -inf where a gene has no such choice."""
    exists = np.arange(4) < np.array(ARITY)[:, None]
    return np.where(exists, rng.standard_normal((3, 4)), -np.inf)


def slope(function, theta):
    """Central differences of `function` at the finite entries of `theta`."""
    gradient = np.zeros_like(theta)
    for at in zip(*np.nonzero(np.isfinite(theta)), strict=True):
        step = np.zeros_like(theta)
        step[at] = 1e-5
        gradient[at] = (function(theta + step) - function(theta - step)) / 2e-5
    return gradient


def likelihood(theta, genes):
    odds = np.exp(theta)
    return math.prod(odds[i, gene] / odds[i].sum() for i, gene in enumerate(genes))


def test_its_mean_step_is_the_gradient_of_the_expected_reward(theta, rng):
    everything = list(itertools.product(*map(range, ARITY)))
    reward = dict(zip(everything, rng.normal(80, 5, len(everything)), strict=True))
    baseline = 79.0  # any: it has no effect on the mean

    def expected(at):
        return sum(likelihood(at, genes) * reward[genes] for genes in everything)

    mean = sum(
        likelihood(theta, genes)
        * (reward[genes] - baseline)
        * reinforce._log_gradient(theta, genes)
        for genes in everything
    )
    np.testing.assert_allclose(mean, slope(expected, theta), atol=1e-6)


def test_the_entropy_gradient_is_that_of_the_entropy(theta):
    def entropy(at):
        chances = [likelihood(at, genes) for genes in itertools.product(*map(range, ARITY))]
        return -sum(p * math.log(p) for p in chances)

    np.testing.assert_allclose(reinforce._entropy_gradient(theta), slope(entropy, theta), atol=1e-8)


@pytest.mark.parametrize("entropy", [0.0, 2.0])
def test_it_learns_as_torch_does_with_autograd_and_adam(make_problem, observe, entropy):
    problem = make_problem(3, 3)
    config = Config(lr=0.1, entropy=entropy)
    searcher = Reinforce(problem, np.random.default_rng(0), config)
    logits = torch.tensor(searcher._theta, requires_grad=True)
    adam = torch.optim.Adam([logits], lr=0.1)
    rewards = []
    for candidate in searcher.ask(30):
        rewards.append(80 + 5 * math.sin(problem.space.index(candidate.arch)))
        weights = 0.9 ** np.arange(len(rewards))[::-1]
        baseline = float(np.average(rewards, weights=weights))
        policy = torch.distributions.Categorical(logits=logits)
        log_prob = policy.log_prob(torch.tensor(candidate.arch.genes)).sum()
        adam.zero_grad()
        (-(rewards[-1] - baseline) * log_prob - entropy * policy.entropy().sum()).backward()
        adam.step()
        searcher.tell([observe(candidate, -rewards[-1])])
        np.testing.assert_allclose(searcher._theta, logits.detach().numpy(), atol=1e-9)


def test_draws_follow_the_policy(problem, rng):
    searcher = Reinforce(problem, rng)
    searcher._theta[3, :5] = np.log([0.5, 0.2, 0.2, 0.05, 0.05])
    drawn = np.array([c.arch.genes for c in searcher.ask(4000)])
    shares = np.bincount(drawn[:, 3], minlength=5) / len(drawn)
    np.testing.assert_allclose(shares, [0.5, 0.2, 0.2, 0.05, 0.05], atol=0.04)


def test_it_finds_the_better_arm_of_every_gene(problem, rng, observe):
    searcher = Reinforce(problem, rng)
    for _ in range(300):
        (candidate,) = searcher.ask()
        searcher.tell([observe(candidate, -10.0 * sum(candidate.arch.genes))])
    last = np.array([c.arch.genes for c in searcher.ask(50)])
    assert (last == np.array(problem.space.arity) - 1).mean() > 0.8


def test_failed_and_infeasible_ones_count_as_the_worst_so_far(problem, observe):
    def after(values, feasible):
        searcher = Reinforce(problem, np.random.default_rng(0))
        for candidate, value in zip(searcher.ask(4), values, strict=True):
            searcher.tell([observe(candidate, value, feasible=feasible(value))])
        return searcher._theta

    plain = after([-90.0, -70.0, -70.0, -70.0], lambda value: True)
    np.testing.assert_array_equal(after([-90.0, -70.0, math.inf, math.nan], lambda v: True), plain)
    bad = after([-90.0, -70.0, -99.0, -1.0], lambda value: value in (-90.0, -70.0))
    np.testing.assert_array_equal(bad, plain)


def test_failures_before_any_success_teach_nothing(problem, rng, observe):
    searcher = Reinforce(problem, rng)
    before = searcher._theta.copy()
    searcher.tell([observe(c, math.inf) for c in searcher.ask(3)])
    searcher.tell([observe(c, -50.0, feasible=False) for c in searcher.ask(3)])
    np.testing.assert_array_equal(searcher._theta, before)


def test_what_was_not_asked_for_teaches_nothing(problem, rng, observe):
    searcher = Reinforce(problem, rng)
    (asked,) = searcher.ask()
    searcher.tell([observe(asked, -50.0)])
    before = searcher._theta.copy()
    searcher.tell([observe(asked, -70.0), observe(Candidate(problem.space.arch(7)), -80.0)])
    np.testing.assert_array_equal(searcher._theta, before)


def test_invalid_draws_are_drawn_again(problem, rng):
    class Even(ToySpace):
        def is_valid(self, arch: Architecture) -> bool:
            return super().is_valid(arch) and sum(arch.genes) % 2 == 0

    even = type(problem)(Even(), problem.epochs, problem.objectives, problem.budget)
    assert all(sum(c.arch.genes) % 2 == 0 for c in Reinforce(even, rng).ask(50))


@pytest.mark.parametrize(
    "setting", [{"lr": 0.0}, {"lr": math.nan}, {"momentum": 1.0}, {"entropy": -1.0}]
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected lr > 0"):
        Config(**setting)
