"""Tune the settings of the surrogate `xgb` once: random search, cross-validated on 1,000 classes.

    python scripts/tune_xgb.py cell201/digits-on-photos --trials 40

Prints a line per trial: mean Kendall tau over the folds, root mean square error, settings. The
classes are drawn with a seed of their own; those that the quality of surrogates is measured on
overlap with them, but 40 trials of 7 settings leave little to overfit.
"""

from __future__ import annotations

import argparse

import numpy as np
from scipy.stats import kendalltau

from nasbench import registry
from nasbench.core import Architecture
from surrogates.xgb import Config, Xgb

CLASSES, FOLDS, SEED = 1000, 5, 20_000


def drawn(rng: np.random.Generator) -> Config:
    """Settings; at most 300 trees, so that single queries stay quick."""
    return Config(
        rounds=int(rng.choice([100, 200, 300])),
        eta=float(rng.choice([0.015, 0.03, 0.06, 0.1])),
        depth=int(rng.integers(3, 9)),
        subsample=float(rng.choice([0.5, 0.7, 0.9])),
        columns=float(rng.choice([0.1, 0.2, 0.3, 0.5])),
        min_child_weight=float(rng.choice([1, 3, 6, 12])),
        l2=float(rng.choice([0.3, 1, 3, 10])),
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmark")
    parser.add_argument("--metric", default="valid_accuracy")
    parser.add_argument("--trials", type=int, default=40)
    options = parser.parse_args()
    benchmark = registry.benchmark(options.benchmark)
    genes, columns = benchmark.rows()
    rng = np.random.default_rng(SEED)
    rows = rng.permutation(len(genes))[:CLASSES]
    archs = [Architecture(benchmark.space.name, tuple(genes[row].tolist())) for row in rows]
    values = columns[options.metric][rows]
    fold_of = np.arange(CLASSES) % FOLDS
    configs = [Config(), *(drawn(rng) for _ in range(options.trials - 1))]
    for config in configs:
        taus, squares = [], []
        for fold in range(FOLDS):
            own, others = np.flatnonzero(fold_of == fold), np.flatnonzero(fold_of != fold)
            model = Xgb(benchmark.space, config, seed=fold)
            model.fit([archs[row] for row in others], values[others])
            mean, _ = model.predict([archs[row] for row in own])
            taus.append(kendalltau(mean, values[own]).statistic)
            squares.append(np.mean((mean - values[own]) ** 2))
        print(f"{np.mean(taus):.4f} {np.sqrt(np.mean(squares)):.3f} {config}", flush=True)


if __name__ == "__main__":
    main()
