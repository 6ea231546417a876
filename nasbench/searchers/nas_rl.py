"""NAS-RL: an LSTM writes architectures, and REINFORCE moves it toward those of high reward.

Zoph & Le, "Neural Architecture Search with Reinforcement Learning", ICLR 2017, sec. 3.1 and 3.2
(theta: the LSTM's weights, a_t: the t-th decision, b: the baseline, c: weight of the entropy)::

    theta ~ Uniform(-0.08, 0.08)
    repeat until the budget is spent:
        a^1 ... a^m ~ pi(theta), decision by decision: a_t ~ P(a_t | a_1 ... a_t-1; theta)
        evaluate them; R_k = -objective(a^k)
        g = 1/m sum_k  (R_k - b) sum_t grad log P(a_t | a_1 ... a_t-1; theta) + c grad Entropy
        b = moving average of the rewards before R_k
        theta = Adam(theta, -g)

The paper's rate, 6e-4, is made for 12,800 architectures: in the 62 updates of a budget of 500 the
policy does not leave the uniform distribution. The default is the one of ENAS' published search,
0.0035; of the rates 6e-4, 0.0035 and 0.01 it was the best one on the 12-epoch CIFAR-100 accuracies
of NAS-Bench-201 (10 runs of 500 evaluations each). An update after every architecture, tried there
with the first two rates, was no better and ten times as slow.

Deviations:
- The reward is the objective in its own unit, not the cube of an accuracy. The entropy bonus is
  that of ENAS (Pham et al., ICML 2018), 0.0001 for accuracies from 0 to 1, here of percents.
- One learner instead of 100 replicas. With several workers some of a batch comes from an earlier
  policy; no correction is made for that.
- A failed (not finite) or infeasible evaluation gets the lowest reward of the successful ones so
  far; it is ignored if there is none, and so is whatever was not asked for.
- Invalid draws are drawn again, and uniformly from the space after 100 attempts.
- Several objectives: the first one is minimized.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.training.rollouts import Rollouts

SPAN = 0.08
"""The controller's initial weights are uniform from -SPAN to SPAN (sec. 4.1)."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of NAS-RL."""

    lr: float = 3.5e-3
    """Adam's learning rate."""
    batch: int = 8
    """Architectures in an update (m)."""
    momentum: float = 0.95
    """Of the baseline's moving average."""
    entropy: float = 0.01
    """Weight of the entropy bonus (c), in units of the objective per nat."""
    hidden: int = 35
    """Units in a layer of the LSTM."""
    layers: int = 2
    """Layers of the LSTM."""

    def __post_init__(self) -> None:
        if not (0 < self.lr < math.inf and 0 <= self.momentum < 1 and 0 <= self.entropy < math.inf):
            raise InvalidConfig(f"expected lr > 0, 0 <= momentum < 1 and entropy >= 0, got {self}")
        if min(self.batch, self.hidden, self.layers) < 1:
            raise InvalidConfig(f"expected batch, hidden and layers >= 1, got {self}")


class NasRL:
    """REINFORCE with an autoregressive LSTM as policy, on the first objective."""

    Config: TypeAlias = Config
    preload = ("torch",)

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        import torch

        from nasbench.networks.controller import seeded_controller

        self._config = config
        self._policy = seeded_controller(
            problem.space.arity,
            seed=int(rng.integers(2**63)),
            hidden=config.hidden,
            layers=config.layers,
            span=SPAN,
        )
        self._adam = torch.optim.Adam(self._policy.parameters(), config.lr)
        self._rollouts = Rollouts(
            problem.space, rng, self._policy.sample, batch=config.batch, momentum=config.momentum
        )

    def ask(self, n: int = 1) -> list[Candidate]:
        """`n` draws from the policy."""
        return self._rollouts.ask(n)

    def tell(self, observations: Sequence[Observation]) -> None:
        """One gradient step for every m observations that were asked for."""
        for genes, advantages in self._rollouts.tell(observations):
            self._learn(genes, advantages)

    def _learn(self, genes: NDArray[np.int64], advantages: NDArray[np.float32]) -> None:
        import torch

        from nasbench.training.train import deterministic

        with deterministic("cpu"):
            log_pi, entropies = self._policy(torch.from_numpy(genes))
            gain = torch.from_numpy(advantages) * log_pi.sum(dim=1)
            self._adam.zero_grad()
            torch.autograd.backward(-(gain + self._config.entropy * entropies.sum(dim=1)).mean())
            self._adam.step()
