import copy
import itertools

import numpy as np
import pytest
import torch

from nasbench.core import Architecture, Budget, Metric, Problem
from nasbench.errors import InvalidConfig, WrongSpace
from nasbench.searchers.hierarchical_rl import Config, HierarchicalRL
from nasbench.spaces.cell201 import NAME, Cell201

EVERYTHING = np.array(list(itertools.product(range(5), repeat=6)))


@pytest.fixture
def problem():
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(Cell201(), (8,), (accuracy,), Budget(200))


@pytest.fixture
def searcher(problem, rng):
    return HierarchicalRL(problem, rng, Config(batch=4, hidden=6, layers=1))


def skewed(searcher):
    """The same searcher with policies far from where they start."""
    rng = torch.Generator().manual_seed(0)
    with torch.no_grad():
        for policy in (searcher._upper, searcher._lower):
            for p in policy.parameters():
                p.uniform_(-1.5, 1.5, generator=rng)
    return searcher


def probabilities(searcher):
    with torch.no_grad():
        return searcher._log_probabilities(EVERYTHING)[0].exp().numpy()


def test_the_probabilities_of_all_architectures_sum_to_one(searcher):
    assert probabilities(skewed(searcher)).sum() == pytest.approx(1, abs=1e-4)


def test_the_upper_policy_alone_decides_the_wiring(searcher):
    chances = probabilities(skewed(searcher))
    wirings = torch.tensor(list(itertools.product((0, 1), repeat=6)))
    with torch.no_grad():
        expected = searcher._upper(wirings)[0].sum(dim=1).exp().numpy()
    number = (EVERYTHING > 0) @ (1 << np.arange(6)[::-1])
    found = np.bincount(number, weights=chances, minlength=64)
    np.testing.assert_allclose(found, expected, atol=1e-5)
    assert expected.max() > 3 / 64


def test_operations_depend_on_edges_that_are_wired_later(searcher):
    """The first operation's chances differ with the wiring of the last edge."""
    chances = probabilities(skewed(searcher))
    wired = [(EVERYTHING[:, 1:] > 0) == np.array([1, 1, 1, 1, last]) for last in (0, 1)]
    shares = []
    for same in wired:
        rows = same.all(axis=1) & (EVERYTHING[:, 0] > 0)
        share = np.bincount(EVERYTHING[rows, 0], weights=chances[rows], minlength=5)
        shares.append(share / share.sum())
    assert np.abs(shares[0] - shares[1]).max() > 0.01


def test_draws_are_as_frequent_as_they_are_probable(searcher, rng):
    chances = probabilities(skewed(searcher))
    drawn = searcher._sample(20_000, rng)
    numbers = drawn @ 5 ** np.arange(6)[::-1]
    top = np.argsort(-chances)[:10]
    found = np.bincount(numbers, minlength=len(chances))[top] / 20_000
    np.testing.assert_allclose(found, chances[top], atol=5 * np.sqrt(chances[top].max() / 20_000))
    assert chances[top[0]] > 0.005


def test_all_architectures_are_about_equally_likely_at_first(problem, rng):
    chances = probabilities(HierarchicalRL(problem, rng)) * len(EVERYTHING)
    assert 0.5 < chances.min() < chances.max() < 2


def test_both_policies_climb_the_gradient_of_the_joint_likelihood(searcher, observe):
    twin = copy.deepcopy([searcher._upper, searcher._lower])
    asked = searcher.ask(4)
    rewards = [60.0, 80.0, 70.0, 90.0]
    genes = np.array([c.arch.genes for c in asked])
    searcher.tell([observe(c, -r) for c, r in zip(asked, rewards, strict=True)])
    adam = torch.optim.Adam([*twin[0].parameters(), *twin[1].parameters()], 3.5e-3)
    searcher._upper, searcher._lower = twin
    log_pi, entropies = searcher._log_probabilities(genes)
    gain = torch.zeros(())
    for k in range(4):
        weights = 0.95 ** np.arange(k)[::-1]
        b = np.average(rewards[:k], weights=weights) if k else rewards[0]
        gain = gain + (rewards[k] - b) * log_pi[k] + 0.01 * entropies[k]
    (-gain / 4).backward()
    trained = searcher._adam.param_groups[0]["params"]
    adam.step()
    for found, expected in zip(trained, adam.param_groups[0]["params"], strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-6)


def test_it_learns_a_wiring_and_its_operations(problem, rng, observe):
    searcher, wanted = HierarchicalRL(problem, rng), np.array([3, 0, 3, 0, 0, 3])
    for _ in range(500):
        (candidate,) = searcher.ask()
        searcher.tell([observe(candidate, -10.0 * (candidate.arch.genes == wanted).sum())])
    last = np.array([c.arch.genes for c in searcher.ask(50)])
    assert (last == wanted).mean() > 0.8


def test_a_restricted_space_is_respected(problem, rng):
    class Wired(Cell201):
        def is_valid(self, arch: Architecture) -> bool:
            return super().is_valid(arch) and 0 not in arch.genes

    wired = Problem(Wired(), problem.epochs, problem.objectives, problem.budget)
    assert all(0 not in c.arch.genes for c in HierarchicalRL(wired, rng).ask(50))
    assert Wired().name == NAME


def test_another_space_is_refused(make_problem, rng):
    with pytest.raises(WrongSpace, match=r"cell201-v1 only, got a problem on toy-2x3x4x5-v1"):
        HierarchicalRL(make_problem(), rng)


@pytest.mark.parametrize("setting", [{"lr": 0.0}, {"entropy": -1.0}, {"batch": 0}, {"layers": 0}])
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected"):
        Config(**setting)
