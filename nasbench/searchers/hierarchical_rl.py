"""Hierarchical reinforcement learning: one policy chooses a wiring, another one its operations.

Two LSTM controllers, one for each level, trained together on one reward, as in Guo et al.,
"Hierarchical Neural Architecture Search for Single Image Super-Resolution", IEEE Signal Processing
Letters 2020; here the levels are those of a cell, and the lower policy is told what the upper one
chose, as a goal (Dayan & Hinton, "Feudal Reinforcement Learning", NIPS 1992). Controllers and
updates are those of Zoph & Le, ICLR 2017. (w: which of the six edges carry anything; o: the
operations of these; pi, mu: upper and lower policy; b: the baseline, c: weight of the entropy)::

    repeat until the budget is spent:
        w^k ~ pi;  o^k ~ mu(. | w^k)                                  for k = 1 ... m
        evaluate them; R_k = -objective(w^k, o^k)
        b = moving average of the rewards before R_k
        g = 1/m sum_k (R_k - b) grad (log pi(w^k) + log mu(o^k | w^k)) + c grad Entropy
        pi, mu = Adam(pi, mu, -g)

The lower policy reads the wiring as the first six of twelve decisions, already taken; an edge that
carries nothing leaves it no choice. The upper policy starts where four of five edges carry
something, so that all architectures are about equally likely at first.

Deviations:
- In Guo et al. the levels are a cell and the whole network; a network of cell201 is fixed but for
  its cell. Their reward is a quality of images, of weights that all architectures share.
- Rate, batch, baseline and entropy are those of `nas-rl`; none was tuned for this searcher.
- With several workers some of a batch comes from earlier policies; no correction is made for that.
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
from nasbench.errors import InvalidConfig, WrongSpace
from nasbench.training.rollouts import Rollouts

if TYPE_CHECKING:
    from torch import Tensor

SPACE, EDGES, OPS = "cell201-v1", 6, 5
NONE = 0
"""The operation of an edge that carries nothing."""
SPAN = 0.08
"""The controllers' initial weights are uniform from -SPAN to SPAN."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of hierarchical reinforcement learning."""

    lr: float = 3.5e-3
    """Adam's learning rate, for both policies."""
    batch: int = 8
    """Architectures in an update (m)."""
    momentum: float = 0.95
    """Of the baseline's moving average."""
    entropy: float = 0.01
    """Weight of the entropy bonus (c), in units of the objective per nat."""
    hidden: int = 35
    """Units in a layer of each LSTM."""
    layers: int = 2
    """Layers of each LSTM."""

    def __post_init__(self) -> None:
        if not (0 < self.lr < math.inf and 0 <= self.momentum < 1 and 0 <= self.entropy < math.inf):
            raise InvalidConfig(f"expected lr > 0, 0 <= momentum < 1 and entropy >= 0, got {self}")
        if min(self.batch, self.hidden, self.layers) < 1:
            raise InvalidConfig(f"expected batch, hidden and layers >= 1, got {self}")


class HierarchicalRL:
    """REINFORCE with a policy over wirings and one over operations, on the first objective."""

    Config: TypeAlias = Config
    preload = ("torch",)

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        if problem.space.name != SPACE:
            raise WrongSpace(
                f"hierarchical-rl searches {SPACE} only, got a problem on {problem.space.name}; "
                f"choose another searcher"
            )
        import torch

        from nasbench.networks.controller import seeded_controller

        self._config = config
        wiring, operations = (2,) * EDGES, (OPS,) * EDGES
        self._upper, self._lower = (
            seeded_controller(
                arity,
                seed=int(rng.integers(2**63)),
                hidden=config.hidden,
                layers=config.layers,
                span=SPAN,
            )
            for arity in (wiring, wiring + operations)
        )
        with torch.no_grad():
            self._upper.bias[:, 1] += math.log(OPS - 1)
        both = [*self._upper.parameters(), *self._lower.parameters()]
        self._adam = torch.optim.Adam(both, config.lr)
        self._rollouts = Rollouts(
            problem.space, rng, self._sample, batch=config.batch, momentum=config.momentum
        )

    def ask(self, n: int = 1) -> list[Candidate]:
        """`n` draws from the policies."""
        return self._rollouts.ask(n)

    def tell(self, observations: Sequence[Observation]) -> None:
        """One gradient step for every m observations that were asked for."""
        for genes, advantages in self._rollouts.tell(observations):
            self._learn(genes, advantages)

    def _sample(self, n: int, rng: np.random.Generator) -> NDArray[np.int64]:
        """Genes (n, 6) of a wiring each, and operations for it."""
        wirings = self._upper.sample(n, rng)
        return self._lower.sample(n, rng, _allowed(wirings))[:, EDGES:]

    def _learn(self, genes: NDArray[np.int64], advantages: NDArray[np.float32]) -> None:
        import torch

        from nasbench.training.train import deterministic

        with deterministic("cpu"):
            log_pi, entropies = self._log_probabilities(genes)
            gain = torch.from_numpy(advantages) * log_pi + self._config.entropy * entropies
            self._adam.zero_grad()
            torch.autograd.backward(-gain.mean())
            self._adam.step()

    def _log_probabilities(self, genes: NDArray[np.int64]) -> tuple[Tensor, Tensor]:
        """log pi(w) + log mu(o | w) of `genes` (n, 6), and the sum of the entropies, both (n,)."""
        import torch

        wirings = (genes != NONE).astype(np.int64)
        log_pi, above = self._upper(torch.from_numpy(wirings))
        decisions = torch.from_numpy(np.concatenate([wirings, genes], axis=1))
        log_mu, below = self._lower(decisions, _allowed(wirings))
        return log_pi.sum(dim=1) + log_mu.sum(dim=1), above.sum(dim=1) + below.sum(dim=1)


def _allowed(wirings: NDArray[np.int64]) -> Tensor:
    """What the lower policy may decide (n, 12, 5): the wiring (n, 6) as it is, then operations."""
    import torch

    choices = np.arange(OPS)
    as_it_is = choices == wirings[:, :, None]
    fitting = (choices != NONE) == (wirings[:, :, None] == 1)
    return torch.from_numpy(np.concatenate([as_it_is, fitting], axis=1))
