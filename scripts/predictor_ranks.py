"""Ranks that models predict from few classes: Kendall's tau over all other classes of a table.

scripts/predictor_ranks.py BENCHMARK MODEL,MODEL,... 100,250,500,1000 SPLITS

A model is named `xgb`, or `xgb:ranking` with another loss.
"""

from __future__ import annotations

import sys
from typing import Any

import numpy as np
from scipy.stats import kendalltau

from nasbench import registry
from nasbench.core import Architecture, Space


def made(text: str, space: Space, seed: int) -> Any:
    """The model of a name, and of a loss behind a colon."""
    name, _, loss = text.partition(":")
    kind = registry.resolve(registry.PREDICTORS, name)
    return kind(space, kind.Config(**({"loss": loss} if loss else {})), seed=seed)


def main(benchmark_name: str, models: str, sizes: str, splits: str) -> None:
    benchmark = registry.benchmark(benchmark_name)
    genes, metrics = benchmark.rows()
    y = np.asarray(metrics["valid_accuracy"], dtype=np.float64)
    archs = [Architecture(benchmark.space.name, tuple(row)) for row in genes.tolist()]
    for size in map(int, sizes.split(",")):
        for name in models.split(","):
            taus = []
            for split in range(int(splits)):
                order = np.random.default_rng(split).permutation(len(y))
                train, test = order[:size], order[size:]
                model = made(name, benchmark.space, split)
                mean, _ = model.fit([archs[k] for k in train], y[train]).predict(
                    [archs[k] for k in test]
                )
                top = y[test] >= np.quantile(y[test], 0.75)
                taus.append([kendalltau(mean[m], y[test][m])[0] for m in (np.isfinite(mean), top)])
            every, best = np.mean(taus, axis=0)
            print(
                f"{name:12} {size:5} classes: tau {every:.3f}, top quartile {best:.3f}", flush=True
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
