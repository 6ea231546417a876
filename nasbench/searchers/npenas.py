"""NPENAS: evolution whose offspring a graph neural network picks before anything is trained.

Wei, Niu, Tang, Wang, Hu & Liang, "NPENAS: Neural Predictor Guided Evolution for Neural Architecture
Search", IEEE TNNLS 2022, algorithm 2 (NPENAS-NP; G: the predictor)::

    population = n0 uniform draws, evaluated
    repeat until the budget is spent:
        train G, a graph isomorphism network, on the population
        offspring = several mutations of each parent, the best of the population
        evaluate the k offspring that G ranks first; they join the population

n0 = k = 10 and 100 offspring are the paper's; as in the authors' code the best ten are parents.

Deviations:
- G has the paper's three layers of 32, batch normalization and cosine schedule, but 200 steps of 32
  graphs instead of 300 epochs, some 0.2 s a training on one core, no dropout, and a linear output:
  targets are normal scores of ranks, as an objective need not be a percentage.
- Graphs are those of operation instances of the space, an edge's multiplicity being its weight.
- After 200 observations G is trained again for every 5 % more, and it sees at most 500 of them (the
  best 250, and a uniform choice).
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

from nasbench.core import Architecture, Candidate, LabeledGraph, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.networks.fast_gin import FastGin, graph_arrays
from nasbench.training.archive import PRELOAD, Archive

CAP = 500
"""Observations to train on."""
BATCH = 32
"""Graphs in a step of training."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of NPENAS."""

    initial: int = 10
    """Uniform draws before there is a predictor (n0)."""
    batch: int = 10
    """Offspring evaluated between two trainings of the predictor (k)."""
    offspring: int = 100
    """Mutations that the predictor ranks."""
    parents: int = 10
    """Best architectures that are mutated."""
    layers: int = 3
    """Of the predictor."""
    width: int = 32
    """Of a layer."""
    steps: int = 200
    """Of training."""
    lr: float = 5e-3
    """Adam's learning rate at the first step."""

    def __post_init__(self) -> None:
        counts = (self.initial, self.batch, self.parents, self.layers, self.width, self.steps)
        if min(counts) < 1 or self.offspring < self.batch:
            raise InvalidConfig(
                f"expected offspring >= batch and all other counts >= 1, got {self}"
            )
        if not 0 < self.lr < math.inf:
            raise InvalidConfig(f"expected lr > 0, got {self.lr!r}")


class Npenas:
    """A graph network ranks mutants of the best architectures, on one objective."""

    Config: TypeAlias = Config
    preload = PRELOAD

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng, self._config = problem.space, rng, config
        self._archive = Archive(problem, rng, initial=config.initial, cap=CAP)
        self._graph = lru_cache(1 << 14)(problem.space.graph)
        self._labels: list[str]
        self._net: FastGin

    def ask(self, n: int = 1) -> list[Candidate]:
        """Uniform draws at first, then batches of offspring that the predictor chose."""
        return self._archive.ask(n, self._batch)

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take in data for the next training of the predictor."""
        self._archive.tell(observations)

    def _batch(self) -> list[Architecture]:
        if self._archive.due():
            self._train()
        c = self._config
        found = self._archive.mutants(self._archive.best(c.parents), c.offspring)
        if not found:
            return []
        predicted = self._predict([self._graph(self._space.canonical(arch)) for arch in found])
        return [found[k] for k in np.argsort(predicted, kind="stable")[: c.batch].tolist()]

    def _train(self) -> None:
        c = self._config
        archs, y = self._archive.data()
        graphs = [self._graph(arch) for arch in archs]
        self._labels = sorted({label for graph in graphs for label in graph.labels})
        self._net = FastGin(len(self._labels), self._rng, width=c.width, layers=c.layers)
        data = graph_arrays(graphs, self._labels)
        self._net.fit(data, y, self._rng, steps=c.steps, batch=BATCH, lr=c.lr)

    def _predict(self, graphs: Sequence[LabeledGraph]) -> NDArray[np.float32]:
        predicted: NDArray[np.float32] = self._net(graph_arrays(graphs, self._labels))
        return predicted
