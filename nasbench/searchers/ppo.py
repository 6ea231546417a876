"""PPO: the LSTM controller of NAS-RL, moved several steps on each batch, but never far.

Schulman et al., "Proximal Policy Optimization Algorithms", arXiv 1707.06347, 2017, algorithm 1 with
the clipped objective of eq. 7; for architectures: Zoph et al., "Learning Transferable Architectures
for Scalable Image Recognition", CVPR 2018 (NASNet), appendix A, whose settings are the defaults.
(a_t: the t-th decision, A^: the advantage, r_t: the ratio of probabilities, c: weight of the
entropy)::

    theta ~ Uniform(-0.1, 0.1)
    repeat until the budget is spent:
        a^1 ... a^m ~ pi(theta); evaluate them; R_k = -objective(a^k)
        A^_k = R_k - b;  b = moving average of the rewards before R_k
        theta_old = theta; repeat K times:
            r_kt = P(a_t | a_1 ... a_t-1; theta) / P(a_t | a_1 ... a_t-1; theta_old)
            L = mean_kt  min(r_kt A^_k, clip(r_kt, 1 - epsilon, 1 + epsilon) A^_k) + c Entropy_kt
            theta = Adam(theta, -grad L)

Every gene is one action of an episode that is rewarded at its end, without discount.

Deviations:
- As in NASNet the moving average takes the place of a value network, so there is no value loss.
- The whole batch makes each of the K steps; the paper divides it into minibatches.
- With several workers some of a batch comes from an earlier policy; it is treated as if theta_old
  had drawn it.
- The reward is the objective in its own unit. NASNet's entropy weight of 0.00001 for accuracies
  from 0 to 1 is 0.001 for percents.
- A failed (not finite) or infeasible evaluation gets the lowest reward of the successful ones so
  far; it is ignored if there is none, and so is whatever was not asked for.
- Invalid draws are drawn again, and uniformly from the space after 100 attempts.
- Several objectives: the first one is minimized.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.training.rollouts import Rollouts

if TYPE_CHECKING:
    from torch import Tensor

SPAN = 0.1
"""The controller's initial weights are uniform from -SPAN to SPAN."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of PPO."""

    lr: float = 3.5e-4
    """Adam's learning rate."""
    batch: int = 20
    """Architectures between updates (m)."""
    epochs: int = 10
    """Steps on each batch (K)."""
    clip: float = 0.2
    """How far a ratio may gain from 1 (epsilon)."""
    momentum: float = 0.95
    """Of the baseline's moving average."""
    entropy: float = 0.001
    """Weight of the entropy bonus (c), in units of the objective per nat."""
    hidden: int = 100
    """Units in a layer of the LSTM."""
    layers: int = 1
    """Layers of the LSTM."""

    def __post_init__(self) -> None:
        if not (0 < self.lr < math.inf and 0 <= self.momentum < 1 and 0 <= self.entropy < math.inf):
            raise InvalidConfig(f"expected lr > 0, 0 <= momentum < 1 and entropy >= 0, got {self}")
        if not 0 < self.clip < 1 or min(self.batch, self.epochs, self.hidden, self.layers) < 1:
            raise InvalidConfig(
                f"expected 0 < clip < 1 and batch, epochs, hidden and layers >= 1, got {self}"
            )


class PPO:
    """Proximal policy optimization of an autoregressive LSTM, on the first objective."""

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
        """K gradient steps for every m observations that were asked for."""
        for genes, advantages in self._rollouts.tell(observations):
            self._learn(genes, advantages)

    def _learn(self, genes: NDArray[np.int64], advantages: NDArray[np.float32]) -> None:
        import torch

        from nasbench.training.train import deterministic

        decisions, advantage = torch.from_numpy(genes), torch.from_numpy(advantages)[:, None]
        with deterministic("cpu"):
            old = self._policy(decisions)[0].detach()
            for _ in range(self._config.epochs):
                log_pi, entropies = self._policy(decisions)
                gain = _clipped(log_pi - old, advantage, self._config.clip)
                self._adam.zero_grad()
                torch.autograd.backward(-(gain + self._config.entropy * entropies).mean())
                self._adam.step()


def _clipped(log_ratio: Tensor, advantages: Tensor, epsilon: float) -> Tensor:
    """The clipped surrogate objective of each decision (eq. 7)."""
    ratio = log_ratio.exp()
    return (ratio * advantages).minimum(ratio.clamp(1 - epsilon, 1 + epsilon) * advantages)
