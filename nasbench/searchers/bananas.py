"""BANANAS: Bayesian optimization with an ensemble of small networks on path-encoded architectures.

White, Neiswanger & Savani, "BANANAS: Bayesian Optimization with Neural Architectures for Neural
Architecture Search", AAAI 2021, algorithm 1 (a: architectures, f: objective, phi: acquisition)::

    evaluate t0 uniform draws
    repeat until the budget is spent:
        i.   train an ensemble of M networks f_m on the path encodings of all (a, f(a)) so far
        ii.  candidates = c mutations of the x architectures of lowest f(a)
        iii. phi(a) ~ Normal(mean_m f_m(a), std_m f_m(a)^2), independently   (independent Thompson
             sampling, sec. 5)
        iv.  evaluate the k candidates of lowest phi(a)

As in the authors' code k = 10, and candidates are one or two mutations from the best ten.

Deviations:
- Targets are normal scores of ranks, with the mean absolute error as loss. The paper's loss divides
  by the distance to a bound on the error, which an arbitrary objective does not have.
- Members have 3 layers of 20 and take 400 steps, instead of 10 layers and 150 epochs: some 0.1 s a
  fit on one core. After 200 observations the ensemble is trained again for every 5 % more,
  and it sees at most 500 of them (the best 250, and a uniform choice).
- Paths are read off the space's graph: skips have no place in them. Only paths of observed
  architectures have features, the 128 most frequent ones. Where every architecture is a chain, so
  that its one path tells nothing about others, the genes are encoded instead.
- A class of architectures is proposed once. Where mutation finds nothing new, draws are uniform.
- Workers: proposals come in batches of k, from what was told before the batch. Observations of
  candidates that were not asked for are data, too; those of shorter trainings are ignored.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones,
  failed trainings after all finished ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.networks.ensemble import Ensemble
from nasbench.spaces.paths import Path, encode, likely, paths
from nasbench.training.archive import PRELOAD, Archive

CAP = 500
"""Observations to fit on."""
BATCH = 32
"""Observations in a step of training."""
PATHS = 128
"""Features of the path encoding."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of BANANAS."""

    initial: int = 10
    """Uniform draws before there is a model (t0)."""
    batch: int = 10
    """Architectures evaluated between two trainings of the ensemble (k)."""
    candidates: int = 100
    """Mutations among which a batch is chosen (c)."""
    incumbents: int = 10
    """Best architectures that are mutated (x)."""
    members: int = 5
    """Networks in the ensemble (M)."""
    layers: int = 3
    """Hidden layers of a network."""
    width: int = 20
    """Units in a hidden layer."""
    steps: int = 400
    """Of training."""
    lr: float = 0.01
    """Adam's learning rate."""

    def __post_init__(self) -> None:
        counts = (self.initial, self.batch, self.incumbents, self.layers, self.width, self.steps)
        if min(counts) < 1 or self.members < 2 or self.candidates < self.batch:
            raise InvalidConfig(
                f"expected candidates >= batch, members >= 2 and all other counts >= 1, got {self}"
            )
        if not 0 < self.lr < math.inf:
            raise InvalidConfig(f"expected lr > 0, got {self.lr!r}")


class Bananas:
    """Thompson samples from an ensemble choose among mutants of the best, on one objective."""

    Config: TypeAlias = Config
    preload = PRELOAD

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng, self._config = problem.space, rng, config
        self._archive = Archive(problem, rng, initial=config.initial, cap=CAP)
        self._paths = lru_cache(1 << 14)(lambda form: paths(problem.space.graph(form)))
        self._columns: list[Path] = []  # none: genes are encoded

    def ask(self, n: int = 1) -> list[Candidate]:
        """Uniform draws at first, then batches of mutants that the ensemble chose."""
        return self._archive.ask(n, self._batch)

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take in data for the next training of the ensemble."""
        self._archive.tell(observations)

    def _batch(self) -> list[Architecture]:
        if self._archive.due():
            self._train()
        c = self._config
        found = self._archive.mutants(self._archive.best(c.incumbents), c.candidates, most=2)
        if not found:
            return []
        f = self._ensemble(self._encode([self._space.canonical(arch) for arch in found]))
        phi = f.mean(axis=0) + f.std(axis=0) * self._rng.standard_normal(len(found))
        return [found[k] for k in np.argsort(phi, kind="stable")[: c.batch].tolist()]

    def _train(self) -> None:
        c = self._config
        archs, y = self._archive.data()
        found = [self._paths(arch) for arch in archs]
        chains = all(len(each) == 1 for each in found)
        self._columns = [] if chains else likely(found, PATHS)
        x = self._encode(archs)
        self._ensemble = Ensemble(x.shape[1], [c.width] * c.layers, c.members, self._rng)
        targets = y.astype(np.float32)
        self._ensemble.fit(x, targets, self._rng, steps=c.steps, batch=BATCH, lr=c.lr)

    def _encode(self, forms: Sequence[Architecture]) -> NDArray[np.float32]:
        """Features (n, d) of canonical architectures."""
        if not self._columns:
            return self._space.encode(forms)
        return encode([self._paths(form) for form in forms], self._columns)
