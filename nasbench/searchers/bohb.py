"""BOHB: Hyperband whose brackets start from a model's proposals instead of uniform draws.

Falkner, Klein & Hutter, "BOHB: Robust and Efficient Hyperparameter Optimization at Scale", ICML
2018, algorithm 2 for the architectures that start the brackets of Hyperband (D_b: observations
after b epochs, N_min = d + 1 for d genes)::

    with probability rho: return a uniform draw
    b = the largest with |D_b| >= N_min + 2; if there is none: return a uniform draw
    N_l = max(N_min, q |D_b|);  N_g = max(N_min, |D_b| - N_l)                       (eq. 3)
    l, g = kernel densities of the best N_l and the worst N_g of D_b                (eq. 2)
    return of N_s draws from l the one with the largest l / g

Genes are unordered, so the kernel is a product of Aitchison & Aitken's (Biometrika 1976): gene j
keeps its choice with 1 - lambda_j and takes each other one with lambda_j / (c_j - 1).

Deviations:
- lambda_j is the normal reference rule 1.06 sigma_j N^(-1/(4+d)) of the authors' code, in which
  sigma_j^2 is half the chance that two of the N differ in gene j: the variance of a gene with two
  choices, and the same however choices are numbered. It is at least 0.001 and at most uniform; l
  is not widened by b_w, as that code widens kernels of continuous parameters only.
- An architecture is proposed once: on a finite space l / g would soon be largest at a known one. If
  all N_s draws are known or invalid, it is a uniform draw. Uniform draws may be known.
- Brackets, workers and charges as in Hyperband; foreign observations join the model.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones,
  failed trainings after all finished ones; both stay in D_b.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.training.halving import Brackets, hyperband_shapes

_Entry = tuple[bool, float, int, tuple[int, ...]]
"""(infeasible, value, order of results), which sorts as wanted, and the genes."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of BOHB."""

    eta: int = 3
    """One of so many goes on at every rung, to so many times the epochs."""
    random: float = 1 / 3
    """Share of uniform draws among the architectures that start a bracket (rho)."""
    good: float = 0.15
    """Share of the observations that count as good (q)."""
    draws: int = 64
    """From the density of the good ones, for each proposal (N_s)."""

    def __post_init__(self) -> None:
        if self.eta < 2 or self.draws < 1 or not (0 <= self.random <= 1 and 0 < self.good < 1):
            raise InvalidConfig(
                f"expected eta >= 2, 0 <= random <= 1, 0 < good < 1 and draws >= 1, got {self}"
            )


class Bohb:
    """Hyperband with a kernel density model of good and bad architectures at each fidelity."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng, self._config = problem.space, rng, config
        self._arity, self._full = np.array(problem.space.arity), problem.epochs[-1]
        self._brackets = Brackets(cycle(hyperband_shapes(problem.epochs, config.eta)), self._draw)
        self._told = 0
        self._data: dict[int, list[_Entry]] = {}  # D_b by b, the best first
        self._proposed: set[Architecture] = set()

    def ask(self, n: int = 1) -> list[Candidate]:
        """Survivors of a rung, else the model's proposals."""
        return [self._brackets.ask() for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Add to the model, and decide who goes on when a rung is complete."""
        for seen in observations:
            self._told += 1
            entry = (not seen.feasible, seen.values[0], self._told, seen.candidate.arch.genes)
            insort(self._data.setdefault(seen.candidate.epochs or self._full, []), entry)
            self._brackets.tell(seen)

    def _draw(self) -> Architecture:
        arch = None if self._rng.random() < self._config.random else self._propose()
        arch = arch or self._space.sample(1, self._rng)[0]
        self._proposed.add(arch)
        return arch

    def _propose(self) -> Architecture | None:
        """The best new one of N_s draws from l; None without a model or a new one."""
        least = len(self._arity) + 1  # N_min
        b = max((b for b, told in self._data.items() if len(told) >= least + 2), default=None)
        if b is None:
            return None
        genes = np.array([entry[-1] for entry in self._data[b]])
        n_l = max(least, int(self._config.good * len(genes)))
        good = Density(genes[:n_l], self._arity)  # l
        bad = Density(genes[-max(least, len(genes) - n_l) :], self._arity)  # g
        drawn = good.draw(self._config.draws, self._rng)
        loss = np.round(bad.log(drawn) - good.log(drawn), 9)  # equal ones tie on any machine
        for row in drawn[np.argsort(loss, kind="stable")].tolist():
            arch = Architecture(self._space.name, tuple(row))
            if arch not in self._proposed and self._space.is_valid(arch):
                return arch
        return None


class Density:
    """Kernel density over unordered genes, made from `genes` (n, p) with `arity` (p,) choices."""

    def __init__(self, genes: NDArray[np.intp], arity: NDArray[np.intp]) -> None:
        self._genes, self._arity = genes, arity
        n, p = genes.shape
        self._onehot = self._encode(genes)
        shares = self._onehot.mean(axis=0).reshape(p, -1)  # of the choices
        sigma = np.sqrt((1 - (shares**2).sum(axis=1)) / 2)
        uniform = np.maximum(1 - 1 / arity, 1e-3)
        self.bandwidth = np.clip(1.06 * sigma * n ** (-1 / (4 + p)), 1e-3, uniform)  # lambda (p,)

    def draw(self, n: int, rng: np.random.Generator) -> NDArray[np.intp]:
        """`n` independent draws (n, p)."""
        genes = self._genes[rng.integers(len(self._genes), size=n)]
        steps = rng.integers(1, np.maximum(self._arity, 2), size=genes.shape)
        leaves = rng.random(genes.shape) < self.bandwidth
        return np.where(leaves, (genes + steps) % self._arity, genes)

    def log(self, genes: NDArray[np.intp]) -> NDArray[np.float64]:
        """Logarithm of the density (m,) at `genes` (m, p)."""
        leaves = np.log(self.bandwidth / np.maximum(self._arity - 1, 1))
        gain = np.repeat(np.log(1 - self.bandwidth) - leaves, self._arity.max())  # of equal genes
        kernels = leaves.sum() + (self._encode(genes) * gain) @ self._onehot.T  # (m, n)
        top = kernels.max(axis=1, keepdims=True)
        density: NDArray[np.float64] = top[:, 0] + np.log(np.exp(kernels - top).mean(axis=1))
        return density

    def _encode(self, genes: NDArray[np.intp]) -> NDArray[np.float64]:
        """One-hot genes (n, p * choices)."""
        return np.eye(self._arity.max())[genes].reshape(len(genes), -1)
