"""A variational autoencoder of architectures, trained without any evaluation.

Yan, Zheng, Ao, Zeng & Zhang, "Does Unsupervised Architecture Representation Learning Help Neural
Architecture Search?", NeurIPS 2020 (arch2vec), sec. 3.1: a graph isomorphism network encodes the
graph, a feed-forward network decodes a sample of the latent distribution.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasbench.networks.gin import Graphs, seeded_gin

BETA = 5e-3
"""Weight of the Kullback-Leibler divergence, as in the authors' code."""


class GraphCoder:
    """Latents of graphs with `labels` different labels, decoded to p genes with `arity` choices."""

    def __init__(self, labels: int, arity: Sequence[int], seed: int, *, width: int, latent: int):
        self._arity, self._latent = tuple(arity), latent
        self._rng = torch.Generator().manual_seed(seed)
        self._encoder = seeded_gin(labels, seed, width=width, layers=3, outputs=2 * latent)
        hidden, out = (_uniform(a, b, self._rng) for a, b in ((latent, width), (width, sum(arity))))
        self._decoder = nn.Sequential(hidden, nn.ReLU(), out)

    def fit(
        self,
        graphs: Graphs,
        genes: NDArray[np.int64],
        rng: np.random.Generator,
        *,
        steps: int,
        batch: int,
        lr: float,
    ) -> None:
        """Raise the evidence lower bound on graphs and their `genes` (n, p) by steps of Adam."""
        targets = torch.from_numpy(genes)
        parameters = [*self._encoder.parameters(), *self._decoder.parameters()]
        adam = torch.optim.Adam(parameters, lr, fused=True)
        self._encoder.train()
        for some in torch.from_numpy(rng.integers(len(genes), size=(steps, batch))):
            mean, log_variance = self._encoder(graphs.take(some)).chunk(2, dim=1)
            noise = torch.randn(mean.shape, generator=self._rng)
            loss = -self.log_likelihood(mean + noise * (log_variance / 2).exp(), targets[some])
            divergence = divergence_from_normal(mean, log_variance)
            adam.zero_grad()
            torch.autograd.backward((loss + BETA * divergence).mean())
            adam.step()
        self._encoder.eval()

    @torch.no_grad()
    def encode(self, graphs: Graphs) -> NDArray[np.float64]:
        """Means of the latent distributions, (n, latent)."""
        means: Tensor = self._encoder(graphs)[:, : self._latent]
        return means.double().numpy()

    def log_likelihood(self, latents: Tensor, genes: Tensor) -> Tensor:
        """Log-probability (n,) of `genes` (n, p) after latents (n, latent), genes independent."""
        logits = self._decoder(latents).split(self._arity, dim=1)
        terms = [
            -nn.functional.cross_entropy(choices, genes[:, k], reduction="none")
            for k, choices in enumerate(logits)
        ]
        return torch.stack(terms).sum(dim=0)


def divergence_from_normal(mean: Tensor, log_variance: Tensor) -> Tensor:
    """Kullback-Leibler divergence (n,) of Normal(mean, variance) from the standard normal."""
    return (mean**2 + log_variance.exp() - 1 - log_variance).sum(dim=1) / 2


def _uniform(inputs: int, outputs: int, rng: torch.Generator) -> nn.Linear:
    """A linear layer, He-uniform, made without the global generator."""
    layer = nn.Linear(inputs, outputs, device="meta").to_empty(device="cpu")
    nn.init.kaiming_uniform_(layer.weight, nonlinearity="relu", generator=rng)
    nn.init.zeros_(layer.bias)
    return layer
