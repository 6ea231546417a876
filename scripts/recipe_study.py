"""Compare training recipes of a task on random cells, before a table is built by one of them.

    python scripts/recipe_study.py digits-on-photos --cells 36 --seeds 2 -j 2 \
        batch_size=100,lr=0.1 batch_size=200,lr=0.15

Every recipe trains the same cells with the same seeds. Printed as a Markdown row per recipe:
seconds a training, spread of validation accuracy (10 %, median, 90 %), Kendall's tau of validation
against test accuracy, and of one seed against another.
"""

from __future__ import annotations

import argparse
import dataclasses
import itertools
import json
from pathlib import Path

import numpy as np
from scipy.stats import kendalltau

from nasbench import registry
from nasbench.core import Recipe, TaskData
from nasbench.harness.processes import pool
from nasbench.training.train import train


def parse(text: str, base: Recipe) -> Recipe:
    """The recipe `base` with some fields replaced, such as `lr=0.1,epochs=8`."""
    changes = {}
    for part in filter(None, text.split(",")):
        name, _, value = part.partition("=")
        changes[name] = type(getattr(base, name))(value)
    return dataclasses.replace(base, **changes)


def load(task: str, data: Path | None) -> TaskData:
    """A registered task, or a candidate for its data file."""
    if data is None:
        return registry.task(task).load()
    from nasbench.tasks.shipped import read_archive  # a file that is not the shipped one

    return read_archive(task, data)


def one(job: tuple[str, Path | None, int, int, Recipe]) -> tuple[float, float, float]:
    """Validation and test accuracy and seconds of one training."""
    task, data, cell, seed, recipe = job
    arch = registry.space("cell201-v1").arch(cell)
    curve = train(arch, load(task, data), recipe, seed)
    return float(curve.valid_accuracy[-1]), float(curve.test_accuracy[-1]), curve.train_s


def tau(a: np.ndarray, b: np.ndarray) -> float:
    return float(kendalltau(a, b).statistic)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("task")
    parser.add_argument("recipes", nargs="+", help="changes to the task's recipe; '' for none")
    parser.add_argument("--cells", type=int, default=36)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--data", type=Path, help="a candidate data file of the task")
    parser.add_argument("-j", "--processes", type=int, default=2)
    parser.add_argument("--log", type=Path, help="JSON lines of every training are appended here")
    options = parser.parse_args()
    space = registry.space("cell201-v1")
    classes = space.representatives()
    cells = np.random.default_rng(0).choice(classes, options.cells, replace=False)
    print("| recipe | s | valid 10 % | 50 % | 90 % | valid-test tau | seed-seed tau |")
    print("|---|---|---|---|---|---|---|")
    with pool(options.processes) as workers:
        for text in options.recipes:
            recipe = parse(text, registry.task(options.task).recipe)
            grid = itertools.product(range(options.seeds), cells)
            jobs = [(options.task, options.data, int(c), s, recipe) for s, c in grid]
            out = np.array(list(workers.map(one, jobs))).reshape(options.seeds, len(cells), 3)
            valid, test, spent = np.moveaxis(out, 2, 0)
            low, mid, high = np.percentile(valid, [10, 50, 90])
            taus = [tau(valid[s], test[s]) for s in range(options.seeds)]
            pairs = [
                tau(valid[a], valid[b]) for a, b in itertools.combinations(range(len(valid)), 2)
            ]
            between = f"{np.mean(pairs):.3f}" if pairs else "-"
            print(
                f"| {text or 'as it is'} | {spent.mean():.2f} | {low:.1f} | {mid:.1f} | {high:.1f} "
                f"| {np.mean(taus):.3f} | {between} |",
                flush=True,
            )
            if options.log:
                row = {"task": options.task, "recipe": dataclasses.asdict(recipe)}
                row |= {"cells": cells.tolist(), "valid": valid.tolist(), "test": test.tolist()}
                with options.log.open("a") as stream:
                    stream.write(json.dumps(row) + "\n")


if __name__ == "__main__":
    main()
