import copy
import math

import numpy as np
import pytest
import torch

from nasbench.errors import InvalidConfig
from nasbench.searchers.ppo import PPO, Config, _clipped

SMALL = {"batch": 4, "hidden": 6}


@pytest.mark.parametrize(
    ("ratio", "advantage", "objective", "slope"),
    [
        (1.0, 2.0, 2.0, 2.0),
        (1.3, 2.0, 2.4, 0.0),  # has gained enough
        (0.7, 2.0, 1.4, 2.0),  # has lost what is good: comes back
        (1.3, -2.0, -2.6, -2.0),  # has gained what is bad: goes back
        (0.7, -2.0, -1.6, 0.0),
        (1.1, -2.0, -2.2, -2.0),
    ],
)
def test_the_objective_is_that_of_figure_1_of_the_paper(ratio, advantage, objective, slope):
    r = torch.tensor([ratio], dtype=torch.float64, requires_grad=True)
    found = _clipped(r.log(), torch.tensor([advantage], dtype=torch.float64), 0.2)
    assert found.item() == pytest.approx(objective)
    assert torch.autograd.grad(found, r)[0].item() == pytest.approx(slope)


def play(problem, observe, config, batches):
    """A searcher, its policy before the last update, and what the last batch was."""
    searcher = PPO(problem, np.random.default_rng(0), config)
    before, asked = None, []
    for _ in range(batches):
        before, asked = copy.deepcopy(searcher._policy), searcher.ask(config.batch)
        searcher.tell([observe(c, -10.0 * sum(c.arch.genes)) for c in asked])
    return searcher, before, torch.tensor([c.arch.genes for c in asked])


def test_one_epoch_is_a_step_of_reinforce_over_decisions(make_problem, observe):
    """At theta_old all ratios are 1, and the gradient is that of A log pi (sec. 2.1)."""
    problem = make_problem(3, 4)
    config = Config(**SMALL, epochs=1, lr=0.01, entropy=0.0)
    searcher, before, genes = play(problem, observe, config, batches=1)
    rewards = 10.0 * genes.sum(dim=1).double()
    advantages = [0.0]
    for t in range(1, 4):
        weights = 0.95 ** np.arange(t)[::-1]
        advantages.append(float(rewards[t]) - np.average(rewards[:t], weights=weights))
    adam = torch.optim.Adam(before.parameters(), 0.01)
    log_pi, _ = before(genes)
    (-(torch.tensor(advantages)[:, None] * log_pi).mean()).backward()
    adam.step()
    for found, expected in zip(searcher._policy.parameters(), before.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_clipping_keeps_the_policy_near_the_one_that_drew(problem, observe):
    def farthest(clip):
        config = Config(**SMALL, epochs=30, lr=0.01, clip=clip)
        searcher, before, genes = play(problem, observe, config, batches=1)
        with torch.no_grad():
            return float((searcher._policy(genes)[0] - before(genes)[0]).exp().max())

    near, far = farthest(0.1), farthest(0.99)
    assert near < 1.5 < far


def test_a_batch_is_learned_from_as_often_as_set(problem, rng, observe, monkeypatch):
    searcher, steps = PPO(problem, rng, Config(**SMALL, epochs=7)), []
    monkeypatch.setattr(searcher._adam, "step", lambda: steps.append(1))
    searcher.tell([observe(c, -1.0) for c in searcher.ask(3)])
    assert len(steps) == 0
    searcher.tell([observe(c, -1.0) for c in searcher.ask(5)])
    assert len(steps) == 14


def test_it_finds_the_better_arm_of_every_gene(problem, rng, observe):
    searcher = PPO(problem, rng, Config(lr=2e-3))
    for _ in range(300):
        (candidate,) = searcher.ask()
        searcher.tell([observe(candidate, -10.0 * sum(candidate.arch.genes))])
    last = np.array([c.arch.genes for c in searcher.ask(50)])
    assert (last == np.array(problem.space.arity) - 1).mean() > 0.8


@pytest.mark.parametrize(
    "setting",
    [{"lr": math.nan}, {"momentum": 1.0}, {"clip": 0.0}, {"clip": 1.0}, {"epochs": 0}],
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected"):
        Config(**setting)
