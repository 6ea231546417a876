"""Functional analysis of variance of a table that has every combination of genes.

Hoeffding, "A Class of Statistics with Asymptotically Normal Distribution", 1948, sec. 5; as a tool
to understand settings: Hutter, Hoos & Leyton-Brown, ICML 2014. Over the uniform distribution of all
architectures, the value is a sum of one component for each set of genes, each of mean 0 over any of
its genes, and so the variance is the sum of the components' variances. Nothing is estimated.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, eq=False)
class Decomposition:
    """Mean, main effects and pairwise interactions of values (arity of gene 0, of gene 1, ...)."""

    mean: float
    variance: float
    main: tuple[Floats, ...]
    """Of each gene, (arity,): how far the mean with a choice is from the mean."""
    pairs: dict[tuple[int, int], Floats]
    """Of genes j < k, (arity of j, arity of k): what both choices do beyond the sum of each."""

    def main_shares(self) -> Floats:
        """Share of the variance that each gene explains alone, (p,)."""
        return np.array([_share(effect, self.variance) for effect in self.main])

    def pair_shares(self) -> Floats:
        """Share that pairs of genes explain beyond their genes, (p, p), symmetric; diagonal 0."""
        shares = np.zeros((len(self.main), len(self.main)))
        for (j, k), effect in self.pairs.items():
            shares[j, k] = shares[k, j] = _share(effect, self.variance)
        return shares


def component(values: Floats, genes: Collection[int]) -> Floats:
    """The component of a set of genes, with axes of length 1 for the others.

    Along each gene of the set the mean is taken off, along each other one it is what is kept.
    """
    for axis in range(values.ndim):
        mean = values.mean(axis=axis, keepdims=True)
        values = values - mean if axis in genes else mean
    return values


def decompose(values: Floats) -> Decomposition:
    """All components of at most two genes."""
    p = values.ndim
    return Decomposition(
        mean=float(values.mean()),
        variance=float(values.var()),
        main=tuple(component(values, (k,)).reshape(-1) for k in range(p)),
        pairs={
            (j, k): component(values, (j, k)).reshape(values.shape[j], values.shape[k])
            for j, k in combinations(range(p), 2)
        },
    )


def _share(effect: Floats, variance: float) -> float:
    return float((effect**2).mean() / variance) if variance > 0 else 0.0
