"""NAO: gradient steps in a latent space of architectures, decoded back.

Luo, Tian, Qin, Chen & Liu, "Neural Architecture Optimization", NeurIPS 2018, algorithm 1 (E:
encoder, f: predictor, D: decoder, X: evaluated architectures, s_x: performance of x)::

    X = N uniform draws, evaluated
    repeat until the budget is spent:
        train E, f and D on X: lambda (s_x - f(E(x)))^2 - (1 - lambda) log P_D(x | E(x))    (eq. 4)
        for the best K of X:  e' = E(x) + eta grad f(E(x));  x' = D(e'), greedily            (eq. 5)
        evaluate the x' that are new; they join X

As in the authors' code eta grows until there are enough new ones, lambda = 0.8 and states have
length 1.

Deviations:
- N = 40, K = 40 and 20 architectures in a round instead of 600, 100 and 200; one LSTM layer of 48
  units. Training is 300 steps before the first round, some 1.0 s on one core, and goes on for 100
  before each later one, instead of 1,000 epochs a round: 300 steps from new weights in every round
  were no better, and took 2.5 times as long.
- Adam's rate is 0.01, with which those steps suffice for D to write all that it was trained on;
  with the paper's 0.001 it writes 6 % of it.
- The gradient is scaled to length 1 per gene, so eta is a distance: 0.2, 0.4, ... 4. Targets
  are normal scores of ranks, low for good ones, and steps go down.
- What the decoder writes is taken if the space contains it and its class was not proposed yet. If a
  round finds less than 20, the rest of it are uniform draws.
- After 400 observations E, f and D are trained again for every 5 % more, on at most 500 of them:
  the best 250, and a uniform choice.
- Workers: proposals come in rounds, from what was told before the round. Observations of
  candidates that were not asked for are data, too; those of shorter trainings are ignored.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones,
  failed trainings after all finished ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.networks.gene_coder import GeneCoder
from nasbench.training.archive import PRELOAD, Archive

CAP = 500
"""Observations to train on."""
BATCH = 32
"""Architectures in a step of training."""
ETAS = tuple(k / 5 for k in range(1, 21))
"""Lengths of the steps in the latent space, of which the states have length 1."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of NAO."""

    initial: int = 40
    """Uniform draws before there is a model (N)."""
    batch: int = 20
    """Architectures in a round."""
    seeds: int = 40
    """Best architectures that steps start from (K)."""
    hidden: int = 48
    """Units in an LSTM."""
    steps: int = 300
    """Of training before the first round."""
    further: int = 100
    """Of training before each later round, from the weights of the one before."""
    lr: float = 1e-2
    """Adam's learning rate."""
    trade_off: float = 0.8
    """Weight of the predictor's loss; the decoder's has the rest (lambda)."""

    def __post_init__(self) -> None:
        counts = (self.initial, self.batch, self.seeds, self.hidden, self.steps, self.further)
        if min(counts) < 1:
            raise InvalidConfig(f"expected all counts >= 1, got {self}")
        if not (0 < self.lr < math.inf and 0 < self.trade_off < 1):
            raise InvalidConfig(f"expected lr > 0 and 0 < trade_off < 1, got {self}")


class Nao:
    """Descent on a learned predictor in a learned latent space, on one objective."""

    Config: TypeAlias = Config
    preload = PRELOAD

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng, self._config = problem.space, rng, config
        self._archive = Archive(problem, rng, initial=config.initial, cap=CAP)
        self._coder: GeneCoder | None = None

    def ask(self, n: int = 1) -> list[Candidate]:
        """Uniform draws at first, then rounds of what gradient steps decode to."""
        return self._archive.ask(n, self._round)

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take in data for the next round."""
        self._archive.tell(observations)

    def _round(self) -> list[Architecture]:
        coder = self._coder
        if coder is None or self._archive.due():
            coder = self._coder = self._trained(coder)
        found = self._archive.new(self._steps(coder), self._config.batch)
        draws = self._archive.draws(self._config.batch)
        return self._archive.new([*found, *draws], self._config.batch)

    def _trained(self, coder: GeneCoder | None) -> GeneCoder:
        """The coder, or a new one, after training on what was observed."""
        c, steps = self._config, self._config.further
        if coder is None:
            steps = c.steps
            coder = GeneCoder(self._space.arity, self._rng, hidden=c.hidden)
        archs, y = self._archive.data()
        rates = {"lr": c.lr, "trade_off": c.trade_off}
        coder.fit(_genes(archs), y, self._rng, steps=steps, batch=BATCH, **rates)
        return coder

    def _steps(self, coder: GeneCoder) -> Iterator[Architecture]:
        """What the best decode to after steps down the predictor's slope, the short ones first."""
        best = self._archive.best(self._config.seeds)
        latents = coder.encode(_genes([self._space.canonical(arch) for arch in best]))  # as learned
        slopes = coder.slopes(latents)
        lengths = np.linalg.norm(slopes, axis=2, keepdims=True)
        direction = slopes / np.maximum(lengths, np.float32(1e-12))
        for eta in ETAS:
            for genes in coder.decode(latents - np.float32(eta) * direction).tolist():
                arch = Architecture(self._space.name, tuple(genes))
                if self._space.is_valid(arch):
                    yield arch


def _genes(archs: Sequence[Architecture]) -> NDArray[np.int64]:
    return np.array([arch.genes for arch in archs], dtype=np.int64)
