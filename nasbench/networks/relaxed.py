"""Architectures between architectures: genes that make each of their choices to some share.

A graph has a node for each gene, whose features are the shares of its choices, in columns of its
own; a gene with one whole choice is an architecture. So a graph network that learned from
architectures has slopes with respect to shares, and descent can follow them: the relaxation of
Liu et al., "DARTS", ICLR 2019, eq. 2, with a temperature that falls (Jang et al., ICLR 2017).
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Space
from nasbench.networks.parameters import Array, Parameters
from nasbench.spaces import cell201

HOT, COLD = 1.0, 0.1
"""Temperatures at the first and at the last step of a descent."""


class Sloped(Protocol):
    """What a descent goes down, such as a `GeneEnsemble`."""

    def slopes(self, nodes: Array) -> Array:
        """Slopes (members, n, p, d) of each output to the nodes (n, p, d) of its graph."""


class GeneGraphs:
    """Makes graphs of the genes of a space.

    In cell201 a gene is read by those whose edges begin where its edge ends. What a gene of another
    space reads is not known from its genes alone: there every gene reads all earlier ones.
    """

    def __init__(self, space: Space) -> None:
        p = len(space.arity)
        self.labels = sum(space.arity)
        ends = np.cumsum(space.arity, dtype=np.int64)
        self._starts = np.concatenate([[0], ends[:-1]])  # first choice of each gene
        self._owners = np.repeat(np.arange(p), space.arity)
        self._columns = (self._owners == np.arange(p)[:, None]).astype(np.float32)
        if space.name == cell201.NAME:
            edges = cell201.EDGES
            reads = np.array([[other[1] == own[0] for other in edges] for own in edges])
        else:
            reads = np.tri(p, k=-1)
        self.edges = reads.astype(np.float32)
        """(p, p), which genes (axis 1) each gene (axis 0) reads."""

    def __call__(self, shares: Array) -> Array:
        """Nodes (n, p, sum of arity) of shares (n, sum of arity); `Space.encode` has whole ones."""
        nodes: Array = shares[:, None] * self._columns
        return nodes

    def shares(self, alphas: Array, temperature: float) -> Array:
        """Softmax over the choices of each gene, of (n, sum of arity) weights."""
        largest = np.maximum.reduceat(alphas, self._starts, axis=1)[:, self._owners]
        powers: Array = np.exp((alphas - largest) / np.float32(temperature))
        return powers / self._total(powers)

    def slopes(self, net: Sloped, alphas: Array, temperature: float) -> Array:
        """Those of the mean over members of what `net` predicts, to weights (n, sum of arity)."""
        shares = self.shares(alphas, temperature)
        slopes = (net.slopes(self(shares)).mean(axis=0) * self._columns).sum(axis=1)
        mean = self._total(shares * slopes)
        result: Array = shares * (slopes - mean) / np.float32(temperature)
        return result

    def discretized(self, alphas: Array) -> list[tuple[int, ...]]:
        """Genes of the largest weights."""
        parts = np.split(alphas, self._starts[1:], axis=1)
        best = np.stack([part.argmax(axis=1) for part in parts], axis=1)
        return [tuple(row) for row in best.tolist()]

    def _total(self, x: Array) -> Array:
        """For each choice the sum over all choices of its gene."""
        total: Array = np.add.reduceat(x, self._starts, axis=1)[:, self._owners]
        return total


def descend(
    net: Sloped, genes: GeneGraphs, start: NDArray[np.float64], *, steps: int, lr: float
) -> Array:
    """Weights (n, sum of arity) after `steps` of Adam from those of `start`, to lower predictions.

    The temperature goes from `HOT` to `COLD`, by the same factor each step.
    """
    weights = Parameters({"alphas": start.shape})
    alphas, slope = weights.value["alphas"], weights.slope["alphas"]
    alphas[:] = start
    for step in range(steps):
        temperature = HOT * (COLD / HOT) ** (step / max(1, steps - 1))
        slope[:] = genes.slopes(net, alphas, temperature)
        weights.adam(lr)
    return alphas
