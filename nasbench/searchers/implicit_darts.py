"""Implicit DARTS: gradients of the mixture and of the training's own settings, through the optimum.

Lorraine, Vicol & Duvenaud, "Optimizing Millions of Hyperparameters by Implicit Differentiation",
AISTATS 2020, on the supernet of DARTS (Liu, Simonyan & Yang, ICLR 2019). (alpha: weights of the
operations of each edge, mixed by a softmax; d: weight decay; w: all other weights;
L_T: cross-entropy + d/2 |w|^2 on the train split, L_V: cross-entropy on the valid split)::

    for every epoch:
        for every batch of the train split:
            1. w = w - SGD(grad_w L_T(w, alpha, d)), with learning rate xi
            2. every N steps, on this batch and a random one of the valid split:
               v = dL_V/dw;  p = xi sum_{j <= K} (I - xi d2L_T/dw2)^j v           (algorithm 3)
               for lambda in alpha, log d:
                   lambda = lambda - Adam(dL_V/dlambda - p d2L_T/dw dlambda)      (algorithm 2)
               log xi = log xi - Adam(-xi v . last step / xi)
        propose the operation of largest alpha on each edge
        (of a restricted space: its architecture whose alphas have the largest sum)

Training is charged as overhead.

Deviations:
- The learning rate does not move the optimum, so the implicit gradient in it is 0 (the paper,
  sec. 6, excludes it for that reason). Its gradient is instead that of L_V after the last step of w
  (Baydin et al., ICLR 2018, eq. 5, on the valid split), kept between 1e-4 and 0.5.
- 5 epochs, K = 3, N = 4, and a larger rate of alpha than DARTS' for its fewer steps, in a supernet
  of the embedded tables' width and depth: runs that take about as long as those of `darts`. The
  last, incomplete batch of an epoch is left out. It trains on the CPU.
- After the last epoch the other architectures are proposed, the likeliest under softmax(alpha)
  first, so that all of an evaluation budget is used. Observations, and so objectives and
  constraints, are not listened to: it is the supernet's validation loss that is lowered.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Candidate, Observation, Problem, Recipe, SearchData
from nasbench.errors import InvalidConfig
from nasbench.training.one_shot import Turns, preferred, require_task


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of implicit DARTS."""

    epochs: int = 5
    """Of the supernet's training."""
    batch_size: int = 64
    """Examples in a step."""
    lr: float = 0.025
    """Learning rate of w at the first step (xi)."""
    weight_decay: float = 3e-4
    """Of w at the first step (d)."""
    alpha_lr: float = 2.4e-3
    """Adam's learning rate for alpha."""
    settings_lr: float = 0.03
    """Adam's learning rate for log xi and log d; 0 leaves both as they are."""
    every: int = 4
    """Steps of w for each step of alpha, d and xi (N)."""
    terms: int = 3
    """Of the Neumann series, beyond the first (K)."""
    channels: int = 8
    """Width of the supernet's first stage."""
    cells: int = 1
    """Cells in each of its two stages."""

    def __post_init__(self) -> None:
        Recipe(channels=self.channels, cells=self.cells, epochs=self.epochs, lr=self.lr)
        rates = 0 < self.alpha_lr < math.inf and 0 <= self.settings_lr < math.inf
        if not (rates and 0 < self.weight_decay < math.inf):
            raise InvalidConfig(
                f"expected weight_decay and alpha_lr > 0 and settings_lr >= 0, got {self}"
            )
        if self.batch_size < 2 or self.every < 1 or self.terms < 0:
            raise InvalidConfig(f"expected batch_size > 1, every >= 1 and terms >= 0, got {self}")


class ImplicitDarts:
    """Proposes what its supernet prefers after each epoch, then the rest in order of likelihood."""

    Config: TypeAlias = Config
    needs_task = True

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        data = require_task("implicit-darts", problem)
        self._proposals = preferred(problem.space, _alphas(data, rng, config), rng)

    def ask(self, n: int = 1) -> list[Candidate]:
        """The next `n` cells, the first ones at an epoch of training each; [] after the last."""
        return [Candidate(arch) for arch in islice(self._proposals, n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Nothing is learned."""


def _alphas(
    data: SearchData, rng: np.random.Generator, config: Config
) -> Iterator[NDArray[np.float32]]:
    """Alphas (edges, operations) after each epoch; ends early if they are not finite."""
    from nasbench.training.levels import Levels
    from nasbench.training.train import deterministic

    turns = Turns(data, config.batch_size, rng)
    levels = Levels(
        data,
        Recipe(channels=config.channels, cells=config.cells, lr=config.lr),
        weight_decay=config.weight_decay,
        alpha_lr=config.alpha_lr,
        settings_lr=config.settings_lr,
        terms=config.terms,
        seed=int(rng.integers(2**63)),
    )
    steps = 0
    for _ in range(config.epochs):
        with deterministic("cpu"):  # on one thread; not across the yield, whose reader has its own
            for train, valid in turns.epoch():
                levels.lower(train)
                steps += 1
                if steps % config.every == 0:
                    levels.upper(train, valid)
        if not levels.net.alphas.isfinite().all():
            return
        yield levels.net.alphas.detach().numpy().copy()
