"""REINFORCE: a policy over architectures, moved along the gradient of the expected reward.

Williams, "Simple Statistical Gradient-Following Algorithms for Connectionist Reinforcement
Learning", Machine Learning 1992; for architectures: Zoph & Le, "Neural Architecture Search with
Reinforcement Learning", ICLR 2017, with the policy of NAS-Bench-201 (Dong & Yang, ICLR 2020): one
categorical per gene, no recurrent network. (theta_i: its logits, pi: the policy, b: the baseline)::

    theta ~ 0.001 Normal(0, 1)
    for t = 1, 2, ... until the budget is spent:
        a_i ~ Categorical(softmax(theta_i)) for every gene i; evaluate a; R = -objective(a)
        b = moving average of R with momentum beta, over 1 - beta^t
        g = (R - b) grad log pi(a) + c grad Entropy(pi);   grad_i log pi(a) = onehot(a_i) - pi_i
        theta = Adam(theta, -g)                            (Kingma & Ba, ICLR 2015)

R is in the objective's own unit: Adam's steps do not depend on its scale. The default learning rate
is five times that of NATS-Bench: 200 steps of 0.01 leave the policy close to uniform.

Deviations:
- One update for every evaluation, in the order of results, though the policy may have moved on.
- A failed (not finite) or infeasible evaluation gets the lowest reward of the successful ones so
  far; it is ignored if there is none, and so is whatever was not asked for.
- Invalid draws are drawn again, and uniformly from the space after 100 attempts.
- Several objectives: the first one is minimized.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of REINFORCE."""

    lr: float = 0.05
    """Adam's learning rate."""
    momentum: float = 0.9
    """Of the baseline's moving average (beta)."""
    entropy: float = 0.0
    """Weight of the entropy bonus (c), in units of the objective per nat."""

    def __post_init__(self) -> None:
        if not (0 < self.lr < math.inf and 0 <= self.momentum < 1 and 0 <= self.entropy < math.inf):
            raise InvalidConfig(f"expected lr > 0, 0 <= momentum < 1 and entropy >= 0, got {self}")


class Reinforce:
    """Policy gradient over independent categorical genes, on the first objective."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng, self._config = problem.space, rng, config
        arity = np.array(problem.space.arity)
        exists = np.arange(arity.max()) < arity[:, None]
        self._theta = np.where(exists, 1e-3 * rng.standard_normal(exists.shape), -np.inf)
        self._m, self._v = np.zeros(exists.shape), np.zeros(exists.shape)  # Adam's moments
        self._t, self._average = 0, 0.0  # updates; b before its division
        self._lowest = math.inf
        self._asked: Counter[Architecture] = Counter()

    def ask(self, n: int = 1) -> list[Candidate]:
        """`n` draws from the policy."""
        drawn = [self._draw() for _ in range(n)]
        self._asked.update(drawn)
        return [Candidate(arch) for arch in drawn]

    def tell(self, observations: Sequence[Observation]) -> None:
        """One gradient step for each observation that was asked for."""
        for seen in observations:
            arch, reward = seen.candidate.arch, -seen.values[0]
            if self._asked[arch] > 0:
                self._asked[arch] -= 1
                if seen.feasible and math.isfinite(reward):
                    self._lowest = min(self._lowest, reward)
                else:
                    reward = self._lowest
                if reward < math.inf:
                    self._learn(arch, reward)

    def _draw(self) -> Architecture:
        cumulated = np.cumsum(_softmax(self._theta), axis=1)
        cumulated /= cumulated[:, -1:]  # exactly 1 at the end, whatever the rounding
        for _ in range(100):
            above = cumulated <= self._rng.random((len(cumulated), 1))
            arch = Architecture(self._space.name, tuple(above.sum(axis=1).tolist()))
            if self._space.is_valid(arch):
                return arch
        return self._space.sample(1, self._rng)[0]

    def _learn(self, arch: Architecture, reward: float) -> None:
        c, beta, self._t = self._config, self._config.momentum, self._t + 1
        self._average = beta * self._average + (1 - beta) * reward
        baseline = self._average / (1 - beta**self._t)
        g = (reward - baseline) * _log_gradient(self._theta, arch.genes)
        if c.entropy:
            g += c.entropy * _entropy_gradient(self._theta)
        self._m += 0.1 * (g - self._m)  # Adam's usual betas, .9 and .999
        self._v += 0.001 * (g * g - self._v)
        m, v = self._m / (1 - 0.9**self._t), self._v / (1 - 0.999**self._t)
        self._theta += c.lr * m / (np.sqrt(v) + 1e-8)


def _softmax(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    pi: NDArray[np.float64] = np.exp(theta - theta.max(axis=1, keepdims=True))
    pi /= pi.sum(axis=1, keepdims=True)
    return pi


def _log_gradient(theta: NDArray[np.float64], genes: tuple[int, ...]) -> NDArray[np.float64]:
    """Gradient of log pi(genes) with respect to `theta`, (genes, largest arity)."""
    gradient = -_softmax(theta)
    gradient[np.arange(len(genes)), genes] += 1
    return gradient


def _entropy_gradient(theta: NDArray[np.float64]) -> NDArray[np.float64]:
    """Gradient of the policy's entropy: -pi (log pi + H_i) with each gene's entropy H_i."""
    pi = _softmax(theta)
    log_pi = np.log(pi, out=np.zeros_like(pi), where=pi > 0)
    negative_entropy: NDArray[np.float64] = (pi * log_pi).sum(axis=1, keepdims=True)
    return pi * (negative_entropy - log_pi)
