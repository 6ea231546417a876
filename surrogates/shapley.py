"""SHAP values of genes, from boosted trees on one-hot genes.

Lundberg et al., "From Local Explanations to Global Understanding with Explainable AI for Trees",
Nature Machine Intelligence 2020: exact for the trees, computed by XGBoost (`pred_contribs`). What
they explain is the trees; how well those fit is told with them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
ROUNDS = 150
DEPTH = 6
ETA = 0.1
EXPLAINED = 2_000
"""Architectures, drawn uniformly, whose values are attributed to genes."""


@dataclass(frozen=True, slots=True, eq=False)
class Attribution:
    """How predictions of m architectures are shared out to their p genes."""

    genes: NDArray[np.int64]
    """(m, p)."""
    values: Floats
    """(m, p) SHAP values in the unit of the target; of a gene, summed over its choices' columns."""
    bias: float
    """Mean prediction of the trees, which the SHAP values are added to."""
    predicted: Floats
    """(m,)."""
    r2: float
    """Share of the target's variance that the trees explain, over all architectures."""

    def importance(self) -> Floats:
        """Mean absolute SHAP value of each gene, (p,)."""
        return np.asarray(np.abs(self.values).mean(axis=0))

    def by_choice(self, gene: int, choices: int) -> Floats:
        """Mean SHAP value (choices,) of a gene where it makes each choice; NaN if it never does."""
        rows = [self.values[self.genes[:, gene] == choice, gene] for choice in range(choices)]
        return np.array([row.mean() if len(row) else np.nan for row in rows])


def attribute(
    genes: NDArray[np.int64], targets: Floats, arity: tuple[int, ...], *, seed: int = 0
) -> Attribution:
    """Trees fitted on all architectures `genes` (n, p), and SHAP values of a sample of them."""
    import xgboost

    owners = np.repeat(np.arange(len(arity)), arity)
    choices = np.concatenate([np.arange(a) for a in arity])
    x = (genes[:, owners] == choices).astype(np.float32)
    settings = {"max_depth": DEPTH, "eta": ETA, "nthread": 1, "seed": seed}
    trees = xgboost.train(settings, xgboost.DMatrix(x, label=targets), ROUNDS)
    drawn = np.random.default_rng(seed).permutation(len(genes))[:EXPLAINED]
    some = xgboost.DMatrix(x[drawn])
    columns = trees.predict(some, pred_contribs=True).astype(np.float64)  # (m, d + 1), bias last
    residual = targets - trees.predict(xgboost.DMatrix(x))
    variance = targets.var()
    return Attribution(
        genes=genes[drawn],
        values=np.stack(
            [columns[:, :-1][:, owners == k].sum(axis=1) for k in range(len(arity))], 1
        ),
        bias=float(columns[0, -1]),
        predicted=trees.predict(some).astype(np.float64),
        r2=float(1 - residual.var() / variance) if variance > 0 else 1.0,
    )
