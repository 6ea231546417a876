"""The supernet of DARTS and two levels of optimization: weights, and what decides their optimum.

Lorraine, Vicol & Duvenaud, "Optimizing Millions of Hyperparameters by Implicit Differentiation",
AISTATS 2020. Below are the weights w; above are alpha, the weight decay and the learning rate of w.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from nasbench.core import Recipe, SearchData
from nasbench.networks.supernet import seeded_supernet
from nasbench.training.hypergradients import implicit_gradient
from nasbench.training.one_shot import descend

Batch = tuple[Tensor, Tensor]
MOMENTUM = 0.9
LR = (1e-4, 0.5)
"""Bounds of the learning rate of w."""


class Levels:
    """A supernet of `recipe`, whose learning rate and the `weight_decay` are those at first."""

    def __init__(
        self,
        data: SearchData,
        recipe: Recipe,
        *,
        weight_decay: float,
        alpha_lr: float,
        settings_lr: float,
        terms: int,
        seed: int,
    ) -> None:
        self.net = seeded_supernet(recipe, data.input, data.classes, seed)
        self.log_decay = torch.tensor(math.log(weight_decay), requires_grad=True)
        self.log_lr = torch.tensor(math.log(recipe.lr), requires_grad=True)
        self._terms = terms
        self._w = [p for p in self.net.parameters() if p is not self.net.alphas]
        self._sgd = torch.optim.SGD(self._w, recipe.lr, MOMENTUM)
        self._adams = (
            torch.optim.Adam([self.net.alphas], alpha_lr, (0.5, 0.999), weight_decay=1e-3),
            torch.optim.Adam([self.log_decay, self.log_lr], settings_lr, (0.5, 0.999)),
        )

    @property
    def lr(self) -> float:
        """Learning rate of w."""
        return math.exp(self.log_lr.item())

    def lower(self, train: Batch) -> None:
        """One step of w on a batch of the train split."""
        self._sgd.param_groups[0]["lr"] = self.lr
        descend(self.train_loss(train), self._sgd, clip=5.0)

    def upper(self, train: Batch, valid: Batch) -> None:
        """One step of alpha, weight decay and learning rate, after one of w on `train`."""
        slopes, v = implicit_gradient(
            lambda: self.train_loss(train),
            lambda: self.valid_loss(valid),
            self._w,
            [self.net.alphas, self.log_decay],
            terms=self._terms,
            step=self.lr,
        )
        self.net.alphas.grad, self.log_decay.grad = slopes
        lasts = [self._sgd.state[p]["momentum_buffer"] for p in self._w]
        along = sum(float((a * b).sum()) for a, b in zip(v, lasts, strict=True))
        self.log_lr.grad = self.log_lr.new_tensor(-self.lr * along)
        for adam in self._adams:
            adam.step()
        self.log_lr.data.clamp_(*map(math.log, LR))

    def train_loss(self, batch: Batch) -> Tensor:
        """Cross-entropy + d/2 |w|^2."""
        squares = torch.stack([p.square().sum() for p in self._w]).sum()
        return self.valid_loss(batch) + self.log_decay.exp() / 2 * squares

    def valid_loss(self, batch: Batch) -> Tensor:
        """Cross-entropy."""
        x, y = batch
        return cross_entropy(self.net(x), y)
