"""Training networks that are ordinary `nn.Module`s, such as those of `darts-v1`."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional as F

from nasbench.core import Architecture, LearningCurve, Recipe, TaskData
from nasbench.networks.darts import seeded_darts
from nasbench.training.examples import batches
from nasbench.training.train import deterministic, epoch_order, fit, sgd


class ModuleTrainee:
    """A network and its optimizer; feature maps are stored channels last."""

    def __init__(self, network: nn.Module, recipe: Recipe, device: str) -> None:
        moved: Any = network.to(device)
        self.network: nn.Module = moved.to(memory_format=torch.channels_last)
        self._sgd = sgd(list(self.network.parameters()), recipe, fused=True)

    def step(self, x: Tensor, y: Tensor, lr: float) -> tuple[Tensor, Tensor]:
        """One step of SGD; mean loss () and logits (b, classes) before it."""
        self.network.train()
        self._sgd.param_groups[0]["lr"] = lr
        logits = self.network(x)
        loss = F.cross_entropy(logits, y)
        self._sgd.zero_grad()
        torch.autograd.backward(loss)
        self._sgd.step()
        return loss.detach(), logits.detach()

    def evaluator(self) -> Callable[[Tensor], Tensor]:
        """The function from inputs to logits with the present weights."""
        self.network.eval()

        def evaluate(x: Tensor) -> Tensor:
            with torch.inference_mode():
                logits: Tensor = self.network(x)
                return logits

        return evaluate


def train_darts(
    arch: Architecture, data: TaskData, recipe: Recipe, seed: int, device: str = "cpu"
) -> LearningCurve:
    """The learning curve of one training of a `darts-v1` architecture.

    A network that diverges has its accuracies at chance and its losses NaN from that epoch on.
    """
    with deterministic(device):
        return fit(_trainee(arch, data, recipe, seed, device), data, recipe, seed, device)


def measure_darts(
    arch: Architecture, data: TaskData, recipe: Recipe, device: str = "cpu", steps: int = 12
) -> float:
    """Seconds that the training steps of one full run take, from the median of a few timed steps.

    Evaluation is not counted. Meant for an otherwise quiet machine.
    """
    with deterministic(device):
        trainee = _trainee(arch, data, recipe, 0, device)
        train_set = batches(data, device)[0]
        orders = list(epoch_order(len(train_set), recipe, 0, 0, device))
        times = []
        for k in range(3 + steps):
            start = _now(device)
            trainee.step(*train_set.take(orders[k % len(orders)]), 0.0)
            times.append(_now(device) - start)
    return float(np.median(times[3:])) * len(orders) * recipe.epochs


def _trainee(
    arch: Architecture, data: TaskData, recipe: Recipe, seed: int, device: str
) -> ModuleTrainee:
    network = seeded_darts(arch, recipe, data.input, data.classes, seed)
    return ModuleTrainee(network, recipe, device)


def _now(device: str) -> float:
    if device != "cpu":
        torch.cuda.synchronize(device)
    return time.perf_counter()
