"""A task, trainer and counter that take no time, importable by worker processes."""

from __future__ import annotations

import os
import time
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from nasbench.core import Examples, InputSpec, LearningCurve, Recipe, TaskData
from nasbench.testing.toy import ToySpace
from tabular import build as building

SPACE = ToySpace()
SIZES = {"train": 50, "valid": 24, "test": 40}


class FakeTask:
    name = "fake-task"
    domain = "vision"
    recipe = Recipe(epochs=4, batch_size=20)

    def load(self) -> TaskData:
        splits = [
            Examples(np.zeros((n, 1, 4, 4), np.float32), np.zeros(n, np.int64))
            for n in SIZES.values()
        ]
        return TaskData(self.name, InputSpec("image", 1, 4, 4), 10, *splits)


def train(arch, data, recipe, seeds, device):
    """Curves that only depend on architecture and seed; one architecture diverges."""
    return [curve(arch.genes, seed, recipe.epochs) for seed in seeds]


def train_slowly(arch, data, recipe, seeds, device):
    time.sleep(0.02)
    return train(arch, data, recipe, seeds, device)


_done = []


def end_at_fifth(arch, data, recipe, seeds, device):
    """Ends its process at the fifth training."""
    _done.append(arch)
    if len(_done) == 5:
        os._exit(3)
    return train(arch, data, recipe, seeds, device)


def curve(genes, seed, epochs):
    rng = np.random.default_rng([seed, *genes])
    losses = rng.uniform(0.1, 3, (3, epochs)).astype(np.float32)
    diverged = genes == (1, 2, 3, 4)
    if diverged:
        losses[:, 2:] = np.nan
    sizes = SIZES.values()
    accuracies = [(100 * rng.integers(0, n + 1, epochs) / n).astype(np.float32) for n in sizes]
    return LearningCurve(
        train_loss=losses[0],
        valid_loss=losses[1],
        test_loss=losses[2],
        train_accuracy=accuracies[0],
        valid_accuracy=accuracies[1],
        test_accuracy=accuracies[2],
        train_s=1 + 0.5 * sum(genes) + 0.125 * seed,
        diverged=diverged,
    )


def count(arch, recipe, spec, labels):
    return 100 + sum(arch.genes), 1000 * (1 + sum(arch.genes))


def build(path, **changes):
    settings = {"seeds": (0,), "trainer": train, "counter": count} | changes
    if "executor" in settings:
        return building.build(SPACE, FakeTask(), path, **settings)
    with ThreadPoolExecutor(1) as executor:
        return building.build(SPACE, FakeTask(), path, executor=executor, **settings)


def train_to_chance(arch, data, recipe, seeds, device):
    """As `train`, but of what diverged the accuracies are 10 %, which is no whole count."""
    curves = train(arch, data, recipe, seeds, device)
    for each in curves:
        if each.diverged:
            for split in ("train", "valid", "test"):
                getattr(each, f"{split}_accuracy")[2:] = 10.0
    return curves
