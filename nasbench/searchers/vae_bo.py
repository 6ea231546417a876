"""arch2vec: Bayesian optimization in a latent space that is learned without any evaluation.

Yan, Zheng, Ao, Zeng & Zhang, "Does Unsupervised Architecture Representation Learning Help Neural
Architecture Search?", NeurIPS 2020, sec. 3 and algorithm 2 (q: encoder, p: decoder, z: latent)::

    train q and p on unlabeled x: raise E_q(z|x) log p(x | z) - beta KL(q(z|x), Normal(0, I))
    evaluate n0 uniform draws
    repeat until the budget is spent:
        fit a model of the objective on the latent means of what was evaluated
        evaluate the B architectures of largest expected improvement

n0 = 16, B = 5, 16 latent dimensions and beta = 0.005 are those of the authors' code.

Deviations:
- The model is a Gaussian process with a squared-exponential kernel, its length and noise chosen by
  the likelihood, instead of a Bayesian linear layer on a network (DNGO). Targets are normal scores
  of ranks.
- q and p are trained on 1,000 uniform draws by 300 steps, some 2 s on one core that are charged as
  the searcher's own; these draws are the candidates, too, until all of them are proposed, when new
  ones are drawn. The paper trains on 90 % of the space and searches all of it.
- p writes the genes of the canonical form, instead of matrix and operations of the graph: genes are
  what all spaces have.
- After 100 observations the process is fitted again for every 5 % more, and it sees at most 300 of
  them (the best 150, and a uniform choice).
- A class of architectures is proposed once.
- Workers: proposals come in batches of B, from what was told before the batch. Observations of
  candidates that were not asked for are data, too; those of shorter trainings are ignored.
- Several objectives: the first one is minimized. Infeasible ones rank after all feasible ones,
  failed trainings after all finished ones.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, Observation, Problem
from nasbench.errors import InvalidConfig
from nasbench.training.archive import PRELOAD, Archive
from nasbench.training.gaussian_process import SmoothProcess, log_expected_improvement

CAP = 300
"""Observations to fit on."""
BATCH = 64
"""Architectures in a step of training."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of arch2vec."""

    initial: int = 16
    """Uniform draws to evaluate before there is a model (n0)."""
    batch: int = 5
    """Architectures evaluated between two fits (B)."""
    pool: int = 1000
    """Architectures to train on without evaluation, and to choose from."""
    latent: int = 16
    """Dimensions of the latent space."""
    width: int = 64
    """Of the layers of encoder and decoder."""
    steps: int = 300
    """Of training."""
    lr: float = 1e-3
    """Adam's learning rate."""

    def __post_init__(self) -> None:
        counts = (self.initial, self.batch, self.pool, self.latent, self.width, self.steps)
        if min(counts) < 1 or not 0 < self.lr < math.inf:
            raise InvalidConfig(f"expected all counts >= 1 and lr > 0, got {self}")


class VaeBo:
    """Expected improvement of a Gaussian process on learned latents, on one objective."""

    Config: TypeAlias = Config
    preload = ("torch", *PRELOAD)

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space, self._rng, self._config = problem.space, rng, config
        self._archive = Archive(problem, rng, initial=config.initial, cap=CAP)
        self._pool: list[Architecture] = []
        self._latents: dict[Architecture, NDArray[np.float64]] = {}  # by canonical form
        self._trained = False

    def ask(self, n: int = 1) -> list[Candidate]:
        """Uniform draws at first, then batches of largest expected improvement."""
        return self._archive.ask(n, self._batch)

    def tell(self, observations: Sequence[Observation]) -> None:
        """Take in data for the next fit."""
        self._archive.tell(observations)

    def _batch(self) -> list[Architecture]:
        left = self._archive.new(self._pool, len(self._pool))
        self._pool = left or self._archive.draws(self._config.pool)
        if not self._pool:
            return []
        if not self._trained:
            self._train([self._space.canonical(arch) for arch in self._pool])
        if self._archive.due():
            self._fit()
        z = self._encode([self._space.canonical(arch) for arch in self._pool])
        gain = log_expected_improvement(*self._process.predict(z), self._lowest)
        order = np.argsort(-gain, kind="stable")[: self._config.batch]
        return [self._pool[k] for k in order.tolist()]

    def _train(self, forms: Sequence[Architecture]) -> None:
        """Learn the latent space from canonical architectures alone."""
        from nasbench.networks.gin import padded
        from nasbench.networks.graph_coder import GraphCoder
        from nasbench.training.train import deterministic

        c, graphs = self._config, [self._space.graph(form) for form in forms]
        self._labels = sorted({label for graph in graphs for label in graph.labels})
        size = {"width": c.width, "latent": c.latent}
        seed = int(self._rng.integers(2**63))
        with deterministic("cpu"):
            self._coder = GraphCoder(len(self._labels), self._space.arity, seed, **size)
            genes = np.array([form.genes for form in forms], dtype=np.int64)
            options = {"steps": c.steps, "batch": BATCH}
            self._coder.fit(padded(graphs, self._labels), genes, self._rng, **options, lr=c.lr)
        self._trained = True

    def _fit(self) -> None:
        archs, y = self._archive.data()
        self._process, self._lowest = SmoothProcess(self._encode(archs), y), float(y.min())

    def _encode(self, forms: Sequence[Architecture]) -> NDArray[np.float64]:
        """Latent means (n, latent) of canonical architectures."""
        from nasbench.networks.gin import padded
        from nasbench.training.train import deterministic

        new = [form for form in forms if form not in self._latents]
        if new:
            with deterministic("cpu"):
                graphs = padded([self._space.graph(form) for form in new], self._labels)
                self._latents.update(zip(new, self._coder.encode(graphs), strict=True))
        return np.array([self._latents[form] for form in forms])
