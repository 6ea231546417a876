"""Differentiable search on a surrogate: descent through a graph network that predicts.

Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, eq. 2 (relaxation);
Jang, Gu & Poole, ICLR 2017 (annealing). What is lowered is a prediction, as NAO does in a latent
space (Luo et al., NeurIPS 2018). (alpha: weights of each gene's choices, G: the surrogate)::

    evaluate n0 uniform draws
    repeat until the budget is spent:
        train G, an ensemble of graph networks, on what was observed
        alpha = `restarts` random weights
        for a temperature T that falls from 1 to 0.1:
            alpha = alpha - Adam(grad_alpha G(softmax(alpha / T)))
        discretize: the choice of largest alpha of each gene
        evaluate the k best new ones of these and of their mutants, as G ranks them

G is the searcher's own and knows what it was told; one fitted on a table would know its answers.
This is no paper's method: pieces and order are ours, and the settings are not tuned.
- Targets are normal scores of ranks: an objective need not be a percentage.
- After 200 observations G is trained again for every 5 % more, and it sees at most 500 of them (the
  best 250, and a uniform choice).
- A class of architectures is proposed once, and G sees its canonical form. Discretized genes that
  the space does not hold are dropped; if all are, the best observations are mutated.
- Workers: proposals come in batches of k, from what was told before the batch. Observations of
  candidates that were not asked for are data, too; those of shorter trainings are ignored.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones,
  failed trainings after all finished ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import chain
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.networks.gene_ensemble import GeneEnsemble
from nasbench.networks.relaxed import GeneGraphs, descend
from nasbench.training.archive import PRELOAD, Archive

CAP, BATCH = 500, 32
"""Observations to train on, and in a step of training."""
MUTANTS, PARENTS = 100, 10


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the descent and of its surrogate."""

    initial: int = 20
    """Uniform draws before there is a surrogate (n0)."""
    batch: int = 10
    """Architectures evaluated between two trainings of the surrogate (k)."""
    restarts: int = 16
    """Weights that descend at once."""
    descent: int = 40
    """Steps of a descent."""
    alpha_lr: float = 0.1
    """Adam's learning rate for alpha."""
    members: int = 2
    """Networks of the surrogate."""
    layers: int = 2
    """Of a network."""
    width: int = 32
    """Of a layer."""
    steps: int = 150
    """Of training."""
    lr: float = 5e-3
    """AdamW's learning rate at its highest."""

    def __post_init__(self) -> None:
        sizes = (self.members, self.layers, self.width, self.steps)
        rates = (self.lr, self.alpha_lr)
        least = min(self.initial, self.batch, self.restarts, self.descent, *sizes)
        if least < 1 or not all(0 < rate < math.inf for rate in rates):
            raise InvalidConfig(f"expected counts >= 1 and learning rates > 0, got {self}")


class DartsSurrogate:
    """Follows the slopes of its own graph network, on one objective."""

    Config: TypeAlias = Config
    preload = PRELOAD

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng, self._config = problem.space, rng, config
        self._archive = Archive(problem, rng, initial=config.initial, cap=CAP)
        self._genes = GeneGraphs(problem.space)
        self._net: GeneEnsemble

    def ask(self, n: int = 1) -> list[Candidate]:
        """Uniform draws at first, then batches of what descent leads to."""
        return self._archive.ask(n, self._batch)

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take in what the next surrogate is fitted to."""
        self._archive.tell(observations)

    def _batch(self) -> list[Architecture]:
        if self._archive.due():
            self._train()
        c, found = self._config, self._descended()
        near = self._archive.mutants(found or self._archive.best(PARENTS), MUTANTS)
        new = self._archive.new(chain(found, near), c.restarts + MUTANTS)
        order = np.argsort(self._predict(new), kind="stable").tolist() if new else []
        return [new[k] for k in order[: c.batch]]

    def _train(self) -> None:
        c, (archs, y) = self._config, self._archive.data()
        shape = {"members": c.members, "width": c.width, "layers": c.layers}
        self._net = GeneEnsemble(self._genes.edges, self._genes.labels, self._rng, **shape)
        data = self._genes(self._space.encode(archs))
        self._net.fit(data, y, self._rng, steps=c.steps, batch=BATCH, lr=c.lr)

    def _descended(self) -> list[Architecture]:
        """Valid architectures that the restarts end in."""
        c = self._config
        start = self._rng.normal(size=(c.restarts, self._genes.labels))
        alphas = descend(self._net, self._genes, start, steps=c.descent, lr=c.alpha_lr)
        archs = (Architecture(self._space.name, row) for row in self._genes.discretized(alphas))
        return list(filter(self._space.is_valid, dict.fromkeys(archs)))

    def _predict(self, archs: Sequence[Architecture]) -> NDArray[np.float32]:
        forms = [self._space.canonical(arch) for arch in archs]
        members = self._net(self._genes(self._space.encode(forms)))
        predicted: NDArray[np.float32] = members.mean(axis=0)
        return predicted
