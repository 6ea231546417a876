"""Ranks that models predict from few classes: Kendall's tau over all other classes of a table.

scripts/predictor_ranks.py BENCHMARK MODEL,MODEL,... 100,250,500,1000 SPLITS
"""

from __future__ import annotations

import sys

import numpy as np
from scipy.stats import kendalltau

from nasbench import registry
from nasbench.core import Architecture


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
                model = registry.resolve(registry.PREDICTORS, name)(benchmark.space, seed=split)
                mean, _ = model.fit([archs[k] for k in train], y[train]).predict(
                    [archs[k] for k in test]
                )
                top = y[test] >= np.quantile(y[test], 0.75)
                taus.append([kendalltau(mean[m], y[test][m])[0] for m in (np.isfinite(mean), top)])
            every, best = np.mean(taus, axis=0)
            print(
                f"{name:8} {size:5} classes: tau {every:.3f}, top quartile {best:.3f}", flush=True
            )


if __name__ == "__main__":
    main(*sys.argv[1:])
