"""One training run: an architecture, a task, a recipe and a seed become a learning curve.

The seed decides the initial weights and the order of the examples, and with them every number: on
one machine the curve is the same bit for bit, in any process. SGD with Nesterov momentum; the
learning rate falls from `lr` to 0 along a half cosine, step by step (Loshchilov & Hutter, 2017,
without restarts).
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nasbench.core import Architecture, InputSpec, LearningCurve, Recipe, TaskData
from nasbench.errors import UnknownDevice
from nasbench.networks.fast import FastNetwork
from nasbench.networks.weights import seeded_network
from nasbench.training.examples import Batches, batches

EVALUATION_BATCH = 600
CURVES = (
    "train_loss",
    "train_accuracy",
    "valid_loss",
    "valid_accuracy",
    "test_loss",
    "test_accuracy",
)


class Trainee(Protocol):
    """A network in training."""

    def step(self, x: Tensor, y: Tensor, lr: float) -> tuple[Tensor, Tensor]:
        """One step of SGD; mean loss () and logits (b, classes) before it."""

    def evaluator(self) -> Callable[[Tensor], Tensor]:
        """The function from inputs to logits with the present weights."""


class FastTrainee:
    """A `FastNetwork` and its optimizer."""

    def __init__(
        self,
        arch: Architecture,
        recipe: Recipe,
        spec: InputSpec,
        classes: int,
        seed: int,
        device: str,
    ) -> None:
        plain = seeded_network(arch, recipe, spec, classes, seed)
        self._network = FastNetwork(arch, recipe, spec, plain, device)
        self._sgd = sgd([self._network.flat], recipe, fused=True)
        self.evaluator = self._network.evaluator

    def step(self, x: Tensor, y: Tensor, lr: float) -> tuple[Tensor, Tensor]:
        logits = self._network.logits(x)
        loss = F.cross_entropy(logits, y)
        self._network.flat.grad = self._network.gradient(loss)
        self._sgd.param_groups[0]["lr"] = lr
        self._sgd.step()
        return loss.detach(), logits.detach()


def train(
    arch: Architecture, data: TaskData, recipe: Recipe, seed: int, device: str = "cpu"
) -> LearningCurve:
    """The learning curve of one training run.

    A network that diverges has its accuracies at chance and its losses NaN from that epoch on.
    """
    with deterministic(device):
        trainee = FastTrainee(arch, recipe, data.input, data.classes, seed, device)
        return fit(trainee, data, recipe, seed, device)


def train_repeats(
    arch: Architecture, data: TaskData, recipe: Recipe, seeds: Sequence[int], device: str = "cpu"
) -> list[LearningCurve]:
    """The learning curves of several seeds, in their order; each the same as `train` gives."""
    return [train(arch, data, recipe, seed, device) for seed in seeds]


def measure_cost(
    arch: Architecture, data: TaskData, recipe: Recipe, device: str = "cpu", steps: int = 12
) -> float:
    """Seconds that the training steps of one full run take, from the median of a few timed steps.

    Evaluation is not counted. Meant for an otherwise quiet machine.
    """
    with deterministic(device):
        trainee = FastTrainee(arch, recipe, data.input, data.classes, 0, device)
        train_set = batches(data, device)[0]
        orders = list(epoch_order(len(train_set), recipe, 0, 0, device))
        times = []
        for index in [*orders[:3], *(orders[k % len(orders)] for k in range(steps))]:
            start = _clock(device)
            trainee.step(*train_set.take(index), 0.0)
            times.append(_clock(device) - start)
    return float(np.median(times[3:])) * len(orders) * recipe.epochs


def pick_device(name: str | None = None) -> str:
    """The device to train on: `name` if this machine has it; without one, CUDA before the CPU.

    Raises:
        UnknownDevice: a name that is not a device of this machine.
    """
    cuda = [f"cuda:{k}" for k in range(torch.cuda.device_count())]
    if name is None:
        return "cuda" if cuda else "cpu"
    if name in ("cpu", *cuda) or (name == "cuda" and cuda):
        return name
    raise UnknownDevice(
        f"unknown device {name!r}; this machine has {', '.join(['cpu', *cuda])}. "
        "Leave it out to choose one."
    )


# --- shared with the plain trainer, against which this one is tested ------------------------------


def fit(trainee: Trainee, data: TaskData, recipe: Recipe, seed: int, device: str) -> LearningCurve:
    """Train for the recipe's epochs, evaluating the valid and test splits after each."""
    train_set, valid, test = batches(data, device)
    steps = steps_per_epoch(len(train_set), recipe)
    curve = np.full((6, recipe.epochs), np.nan, dtype=np.float32)
    curve[1::2] = 100 / data.classes
    spent, diverged = 0.0, False
    for epoch in range(recipe.epochs):
        start = _clock(device)
        losses: list[Tensor] = []
        hits: list[Tensor] = []
        for k, index in enumerate(epoch_order(len(train_set), recipe, seed, epoch, device)):
            x, y = train_set.take(index)
            loss, logits = trainee.step(x, y, learning_rate(recipe, epoch * steps + k, steps))
            losses.append(loss * len(index))
            hits.append((logits.argmax(1) == y).sum())
        mean_loss = float(torch.stack(losses).sum()) / len(train_set)
        spent += _clock(device) - start
        if not math.isfinite(mean_loss):
            diverged = True
            break
        accuracy = 100 * int(torch.stack(hits).sum()) / len(train_set)
        logits_of = trainee.evaluator()
        scores = (*evaluate(logits_of, valid), *evaluate(logits_of, test))
        curve[:, epoch] = (mean_loss, accuracy, *scores)
    rows = dict(zip(CURVES, curve, strict=True))
    return LearningCurve(**rows, train_s=spent, diverged=diverged)


def evaluate(logits_of: Callable[[Tensor], Tensor], split: Batches) -> tuple[float, float]:
    """Mean cross-entropy in nats and accuracy in percent over a split."""
    loss, correct = 0.0, 0
    for start in range(0, len(split), EVALUATION_BATCH):
        x, y = split.part(start, start + EVALUATION_BATCH)
        logits = logits_of(x)
        loss += float(F.cross_entropy(logits, y, reduction="sum"))
        correct += int((logits.argmax(1) == y).sum())
    return loss / len(split), 100 * correct / len(split)


def sgd(parameters: Sequence[Tensor], recipe: Recipe, *, fused: bool) -> torch.optim.SGD:
    """The recipe's optimizer."""
    return torch.optim.SGD(
        parameters,
        lr=recipe.lr,
        momentum=recipe.momentum,
        nesterov=recipe.momentum > 0,
        weight_decay=recipe.weight_decay,
        fused=fused,
    )


def steps_per_epoch(n: int, recipe: Recipe) -> int:
    """Steps that show each of `n` examples once."""
    return math.ceil(n / recipe.batch_size)


def learning_rate(recipe: Recipe, step: int, per_epoch: int) -> float:
    """Learning rate of a step, counted from 0 over the whole training."""
    return recipe.lr * (1 + math.cos(math.pi * step / (per_epoch * recipe.epochs))) / 2


def epoch_order(n: int, recipe: Recipe, seed: int, epoch: int, device: str) -> Iterator[Tensor]:
    """Indices of the batches of one epoch, as equal in size as can be."""
    order = np.random.default_rng([seed, epoch]).permutation(n)
    parts = np.array_split(order, steps_per_epoch(n, recipe))
    return (torch.from_numpy(part).to(device) for part in parts)


@contextmanager
def deterministic(device: str) -> Iterator[None]:
    """One thread on a CPU, deterministic full-precision kernels on a GPU; afterwards as before."""
    threads = torch.get_num_threads()
    try:
        if device == "cpu" and threads != 1:
            torch.set_num_threads(1)
        with torch.backends.cudnn.flags(
            enabled=True, benchmark=False, deterministic=True, allow_tf32=False
        ):
            yield
    finally:
        if torch.get_num_threads() != threads:
            torch.set_num_threads(threads)


def _clock(device: str) -> float:
    if device != "cpu":
        torch.cuda.synchronize(device)
    return time.perf_counter()
