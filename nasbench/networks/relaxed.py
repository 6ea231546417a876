"""Architectures between architectures: genes that make each of their choices to some share.

A graph has a node for each gene, whose features are the shares of its choices, in columns of its
own; a gene with one whole choice is an architecture. So a graph network that learned from
architectures has slopes with respect to shares, and descent can follow them: the relaxation of
Liu et al., "DARTS", ICLR 2019, eq. 2, with a temperature that falls (Jang et al., ICLR 2017).
"""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nasbench.core import Space
from nasbench.networks.gin import Graphs
from nasbench.networks.graph_ensemble import GraphEnsemble
from nasbench.spaces import cell201

HOT, COLD = 1.0, 0.1
"""Temperatures at the first and at the last step of a descent."""


class GeneGraphs:
    """Makes graphs of the genes of a space.

    In cell201 a gene is read by those whose edges begin where its edge ends. What a gene of another
    space reads is not known from its genes alone: there every gene reads all earlier ones.
    """

    def __init__(self, space: Space) -> None:
        p = len(space.arity)
        self.arity = list(space.arity)
        self.labels = sum(self.arity)
        owners = np.repeat(np.arange(p), self.arity)
        self._columns = torch.from_numpy((owners == np.arange(p)[:, None]).astype(np.float32))
        if space.name == cell201.NAME:
            ends = cell201.EDGES
            reads = np.array([[other[1] == own[0] for other in ends] for own in ends])
        else:
            reads = np.tri(p, k=-1)
        self._edges = torch.from_numpy(reads.astype(np.float32))

    def __call__(self, shares: Tensor) -> Graphs:
        """n graphs of shares (n, sum of arity), one-hot for architectures."""
        n, p = len(shares), len(self.arity)
        nodes = shares[:, None] * self._columns
        return Graphs(nodes, self._edges.expand(n, p, p), torch.ones(n, p, dtype=torch.bool))

    def of(self, encoded: NDArray[np.float32]) -> Graphs:
        """Those of architectures, from `Space.encode` of them."""
        return self(torch.from_numpy(encoded))

    def shares(self, alphas: Tensor, temperature: float) -> Tensor:
        """Softmax over the choices of each gene, of (n, sum of arity) weights."""
        parts = torch.split(alphas / temperature, self.arity, dim=1)
        return torch.cat([part.softmax(dim=1) for part in parts], dim=1)

    def discretized(self, alphas: Tensor) -> list[tuple[int, ...]]:
        """Genes of the largest weights."""
        best = [part.argmax(dim=1) for part in torch.split(alphas, self.arity, dim=1)]
        return [tuple(row) for row in torch.stack(best, dim=1).tolist()]


def descend(
    net: GraphEnsemble,
    genes: GeneGraphs,
    start: NDArray[np.float64],
    *,
    steps: int,
    lr: float,
) -> Tensor:
    """Weights (n, sum of arity) after `steps` of Adam from those of `start`, to lower predictions.

    The first output of `net` is lowered, in its mean over members. The temperature goes from `HOT`
    to `COLD`, by the same factor each step.
    """
    alphas = torch.from_numpy(start.astype(np.float32)).requires_grad_()
    adam = torch.optim.Adam([alphas], lr)
    for step in range(steps):
        temperature = HOT * (COLD / HOT) ** (step / max(1, steps - 1))
        predicted = net(genes(genes.shares(alphas, temperature)))[..., 0].mean(dim=0)
        (alphas.grad,) = torch.autograd.grad(predicted.sum(), [alphas])
        adam.step()
    return alphas.detach()
