"""The straightforward trainer: one `nn.Module` per run, default memory layout, default optimizer.

Slower, and obviously right: the fast one is tested and measured against it.
"""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn import functional as F

from nasbench.core import Architecture, InputSpec, LearningCurve, Recipe, TaskData
from nasbench.networks.weights import seeded_network
from nasbench.training.train import deterministic, fit, sgd


class PlainTrainee:
    """A `Network` and its optimizer."""

    def __init__(
        self,
        arch: Architecture,
        recipe: Recipe,
        spec: InputSpec,
        classes: int,
        seed: int,
        device: str,
    ) -> None:
        self.network = seeded_network(arch, recipe, spec, classes, seed).to(device)
        self._sgd = sgd(list(self.network.parameters()), recipe, fused=False)

    def step(self, x: Tensor, y: Tensor, lr: float) -> tuple[Tensor, Tensor]:
        self.network.train()
        self._sgd.param_groups[0]["lr"] = lr
        logits = self.network(x.contiguous())
        loss = F.cross_entropy(logits, y)
        self._sgd.zero_grad()
        torch.autograd.backward(loss)
        self._sgd.step()
        return loss.detach(), logits.detach()

    def evaluator(self) -> Callable[[Tensor], Tensor]:
        self.network.eval()

        def evaluate(x: Tensor) -> Tensor:
            with torch.inference_mode():
                logits: Tensor = self.network(x.contiguous())
                return logits

        return evaluate


def train_plain(
    arch: Architecture, data: TaskData, recipe: Recipe, seed: int, device: str = "cpu"
) -> LearningCurve:
    """The same learning curve as `nasbench.training.train.train`, up to rounding."""
    with deterministic(device):
        trainee = PlainTrainee(arch, recipe, data.input, data.classes, seed, device)
        return fit(trainee, data, recipe, seed, device)
