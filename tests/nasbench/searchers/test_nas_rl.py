import copy
import math
import subprocess
import sys

import numpy as np
import pytest
import torch

from nasbench.core import Architecture
from nasbench.errors import InvalidConfig
from nasbench.searchers.nas_rl import Config, NasRL
from nasbench.testing.toy import ToySpace

SMALL = Config(batch=4, hidden=6, layers=1)


def reward(problem, arch):
    return 80 + 5 * math.sin(problem.space.index(arch))


@pytest.mark.parametrize("entropy", [0.0, 2.0])
def test_it_climbs_the_published_gradient_with_adam(problem, observe, entropy):
    """The gradient is summed draw by draw and decision by decision; Adam's step is torch's."""
    config = Config(batch=4, hidden=6, layers=1, momentum=0.5, entropy=entropy, lr=0.1)
    searcher = NasRL(problem, np.random.default_rng(0), config)
    policy = copy.deepcopy(searcher._policy)
    adam = torch.optim.Adam(policy.parameters(), 0.1)
    earlier = []
    for _ in range(3):
        asked = searcher.ask(4)
        adam.zero_grad()
        for candidate in asked:
            r = reward(problem, candidate.arch)
            weights = 0.5 ** np.arange(len(earlier))[::-1]
            b = np.average(earlier, weights=weights) if earlier else r
            earlier.append(r)
            log_pi, entropies = policy(torch.tensor([candidate.arch.genes]))
            for t in range(len(candidate.arch.genes)):
                gain = (r - b) * log_pi[0, t] + entropy * entropies[0, t]
                (-gain / 4).backward(retain_graph=True)
        adam.step()
        searcher.tell([observe(c, -reward(problem, c.arch)) for c in asked])
    for found, expected in zip(searcher._policy.parameters(), policy.parameters(), strict=True):
        torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


def test_its_mean_step_is_the_gradient_of_the_expected_reward(problem):
    """Over all architectures, weighted by their likelihood; any baseline gives the same."""
    searcher = NasRL(problem, np.random.default_rng(0), SMALL)
    archs = [problem.space.arch(k) for k in range(len(problem.space))]
    rewards = torch.tensor([reward(problem, arch) for arch in archs])
    log_pi = searcher._policy(torch.tensor([arch.genes for arch in archs]))[0].sum(dim=1)
    parameters = list(searcher._policy.parameters())
    expected = torch.autograd.grad((log_pi.exp() * rewards).sum(), parameters, retain_graph=True)
    weights = log_pi.exp().detach() * (rewards - 79)
    found = torch.autograd.grad((weights * log_pi).sum(), parameters)
    for one, other in zip(found, expected, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-3, atol=1e-4)


def test_nothing_is_learned_before_a_batch_is_full(problem, rng, observe):
    searcher = NasRL(problem, rng, SMALL)
    before = searcher._policy.state_dict()["bias"].clone()
    asked = searcher.ask(4)
    searcher.tell([observe(c, -float(k)) for k, c in enumerate(asked[:3])])
    assert torch.equal(searcher._policy.bias, before)
    searcher.tell([observe(asked[3], -50.0)])
    assert not torch.equal(searcher._policy.bias, before)


def test_it_finds_the_better_arm_of_every_gene(problem, rng, observe):
    searcher = NasRL(problem, rng)
    for _ in range(400):
        (candidate,) = searcher.ask()
        searcher.tell([observe(candidate, -10.0 * sum(candidate.arch.genes))])
    last = np.array([c.arch.genes for c in searcher.ask(50)])
    assert (last == np.array(problem.space.arity) - 1).mean() > 0.8


def test_invalid_draws_are_drawn_again(problem, rng):
    class Even(ToySpace):
        def is_valid(self, arch: Architecture) -> bool:
            return super().is_valid(arch) and sum(arch.genes) % 2 == 0

    even = type(problem)(Even(), problem.epochs, problem.objectives, problem.budget)
    assert all(sum(c.arch.genes) % 2 == 0 for c in NasRL(even, rng).ask(50))


@pytest.mark.parametrize(
    "setting",
    [{"lr": 0.0}, {"momentum": 1.0}, {"entropy": -1.0}, {"batch": 0}, {"hidden": 0}],
)
def test_settings_out_of_range_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected"):
        Config(**setting)


def test_its_module_and_its_relatives_import_without_torch():
    names = ", ".join(f"nasbench.searchers.{m}" for m in ("nas_rl", "ppo", "hierarchical_rl"))
    code = f"import sys, {names}; sys.exit('torch' in sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
