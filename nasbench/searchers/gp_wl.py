"""NAS-BOWL: Bayesian optimization with a Gaussian process on the subtrees of an architecture.

Ru, Wan, Dong & Osborne, "Interpretable Neural Architecture Search via Bayesian Optimisation with
Weisfeiler-Lehman Kernels", ICLR 2021, algorithm 1 (D: data, k: kernel, EI: expected improvement)::

    evaluate n0 uniform draws
    repeat until the budget is spent:
        fit the Gaussian process to D; the level h of k by the marginal likelihood
        pool = mutations of the best architectures so far, and uniform draws
        evaluate the B architectures of the pool with the largest EI

    k_h(G, G') = sum over i <= h of <phi_i(G), phi_i(G')>, normalized so that k_h(G, G) = 1;
    phi_i(G): how often each Weisfeiler-Lehman subtree of depth i occurs in G           (eq. 3.1)

The defaults n0 = 30, B = 5, a pool of 100 and ten parents are those of the authors' program.

Deviations:
- Targets are normal scores of ranks instead of standardized logarithms of an error, which an
  arbitrary objective need not be. The ratio of noise to signal is chosen on a grid from 0.001 to 10
  by the exact marginal likelihood, the signal's variance in closed form.
- After 100 observations the process is fitted again for every 5 % more, and it sees at most 300 of
  them (the best 150, and a uniform choice).
- A class of architectures is proposed once.
- Workers: proposals come in batches of B, from what was told before the batch. Observations of
  candidates that were not asked for are data, too; those of shorter trainings are ignored.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones,
  failed trainings after all finished ones.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import TypeAlias

import numpy as np

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.spaces.subtrees import Subtrees, similarity
from nasbench.training.archive import PRELOAD, Archive
from nasbench.training.gaussian_process import GaussianProcess, log_expected_improvement

CAP = 300
"""Observations to fit on: the time of a fit grows with their cube."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of NAS-BOWL."""

    initial: int = 30
    """Uniform draws before there is a model (n0)."""
    batch: int = 5
    """Architectures evaluated between two fits (B)."""
    pool: int = 100
    """Architectures among which a batch is chosen, half of them mutants."""
    incumbents: int = 10
    """Best architectures that are mutated."""
    depth: int = 2
    """Largest level of subtrees among which the likelihood decides (h)."""

    def __post_init__(self) -> None:
        if min(self.initial, self.batch, self.incumbents) < 1 or self.depth < 0:
            raise InvalidConfig(
                f"expected initial, batch and incumbents >= 1 and depth >= 0, got {self}"
            )
        if self.pool < max(2, self.batch):
            raise InvalidConfig(f"expected a pool of at least 2 and the batch, got {self}")


class GpWl:
    """Expected improvement by a graph kernel chooses among mutants and draws, on one objective."""

    Config: TypeAlias = Config
    preload = PRELOAD

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._config = problem.space, config
        self._archive = Archive(problem, rng, initial=config.initial, cap=CAP)
        self._subtrees = subtrees = Subtrees(config.depth)
        self._found = lru_cache(1 << 14)(lambda form: subtrees(problem.space.graph(form)))

    def ask(self, n: int = 1) -> list[Candidate]:
        """Uniform draws at first, then batches of largest expected improvement."""
        return self._archive.ask(n, self._batch)

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take in data for the next fit."""
        self._archive.tell(observations)

    def _batch(self) -> list[Architecture]:
        if self._archive.due():
            self._fit()
        half = self._config.pool // 2
        mutants = self._archive.mutants(self._archive.best(self._config.incumbents), half)
        draws = self._archive.draws(self._config.pool - half)
        pool = self._archive.new(mutants + draws, self._config.pool)
        if not pool:
            return []
        found = [self._found(self._space.canonical(arch)) for arch in pool]
        counts, data = (self._subtrees.counts(each, self._h) for each in (found, self._data))
        mean, std = self._process.predict(similarity(counts, data), np.ones(len(pool)))
        gain = log_expected_improvement(mean, std, float(self._y.min()))
        return [pool[k] for k in np.argsort(-gain, kind="stable")[: self._config.batch].tolist()]

    def _fit(self) -> None:
        archs, self._y = self._archive.data()
        self._data = [self._found(arch) for arch in archs]
        counts = [self._subtrees.counts(self._data, h) for h in range(self._config.depth + 1)]
        processes = [GaussianProcess(similarity(each, each), self._y) for each in counts]
        self._h = int(np.argmax([process.log_likelihood for process in processes]))
        self._process = processes[self._h]
