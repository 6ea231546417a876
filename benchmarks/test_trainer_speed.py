"""The trainer of the tables against the straightforward loop, step by step in one run, one thread.

Whole trainings (steps and evaluation) of random cells on digits-on-photos by its recipe. The two
trainers take turns on every cell, so that what else the machine does weighs on both; seconds are of
processor time.

OMP_NUM_THREADS=1 pytest benchmarks/test_trainer_speed.py -s
"""

from __future__ import annotations

import time
from dataclasses import replace

import numpy as np
import pytest

from nasbench import registry
from nasbench.training.plain import train_plain
from nasbench.training.train import train

CELLS = 16
EPOCHS = 2


def seconds(trainer, *arguments):
    before = time.process_time()
    curve = trainer(*arguments)
    return time.process_time() - before, curve


@pytest.fixture(scope="module")
def task():
    return registry.task("digits-on-photos")


@pytest.fixture(scope="module")
def cells():
    space = registry.space("cell201-v1")
    chosen = np.random.default_rng(0).choice(space.representatives(), CELLS, replace=False)
    return [space.arch(int(index)) for index in chosen]


def test_training_is_half_again_as_fast_as_the_plain_loop_at_equal_accuracy(task, cells, benchmark):
    data, recipe = task.load(), replace(task.recipe, epochs=EPOCHS)
    train(cells[0], data, recipe, 0)
    train_plain(cells[0], data, recipe, 0)
    times, valid = np.zeros((2, CELLS)), np.zeros((2, CELLS))
    for k, arch in enumerate(cells):
        for row, trainer in enumerate((train_plain, train)):
            times[row, k], curve = seconds(trainer, arch, data, recipe, 0)
            valid[row, k] = curve.valid_accuracy[-1]
    plain, fast = times.sum(axis=1)
    gap = (valid[1] - valid[0]).mean()
    error = (valid[1] - valid[0]).std(ddof=1) / CELLS**0.5
    benchmark.extra_info["ratio"] = round(plain / fast, 2)
    benchmark.pedantic(train, (cells[0], data, recipe, 0), rounds=1)
    print(f"\n{plain / fast:.2f} times as fast ({fast / CELLS:.2f} s and {plain / CELLS:.2f} s)")
    print(f"mean difference of validation accuracy {gap:+.2f} +- {error:.2f} points")
    assert plain / fast > 1.5
    assert abs(gap) < 4 * error + 0.5
