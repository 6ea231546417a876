"""DARTS, first order: a network of all architectures at once, and descent on how they are mixed.

Liu, Simonyan & Yang, "DARTS: Differentiable Architecture Search", ICLR 2019, algorithm 1 with
xi = 0; cells and evaluation as in NAS-Bench-201 (Dong & Yang, ICLR 2020). (alpha: weights of the
operations of each edge, mixed by a softmax; w: all other weights; L: cross-entropy)::

    for every epoch:
        for every batch of the train split, and a random batch of the valid split:
            1. alpha = alpha - Adam(grad_alpha L_valid(w, alpha))
            2. w = w - SGD(grad_w L_train(w, alpha))
        propose the operation of largest alpha on each edge
        (of a restricted space: its architecture whose alphas have the largest sum)

As in NAS-Bench-201 the argmax includes `none` (in the paper it does not) and all cells share their
alphas. Training is charged as overhead. On this space DARTS is known to collapse to skip
connections: its published accuracy on CIFAR-10 is 54.30 %.

Deviations:
- After the last epoch the other architectures are proposed, the likeliest under softmax(alpha)
  first, so that all of an evaluation budget is used. Observations, and so objectives and
  constraints, are not listened to: it is the supernet's validation loss that is lowered.
- 10 epochs instead of 50 and a supernet of the embedded tables' width and depth, for runs of some
  20 s on one core. The last, incomplete batch of an epoch is left out. It trains on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Candidate, Observation, Problem, Recipe, SearchData
from nasbench.errors import InvalidConfig
from nasbench.training.one_shot import Turns, cosine, descend, preferred, require_task

if TYPE_CHECKING:
    from torch import Tensor
    from torch.optim import Optimizer

    from nasbench.networks.supernet import Supernet


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of DARTS; the rates are the paper's."""

    epochs: int = 10
    """Of the supernet's training."""
    batch_size: int = 64
    """Examples in a step, of w or of alpha."""
    lr: float = 0.025
    """Learning rate of w at the first epoch; falls to 0.001 on a cosine schedule."""
    alpha_lr: float = 3e-4
    """Adam's learning rate for alpha."""
    channels: int = 8
    """Width of the supernet's first stage."""
    cells: int = 1
    """Cells in each of its two stages."""

    def __post_init__(self) -> None:
        Recipe(channels=self.channels, cells=self.cells, epochs=self.epochs, lr=self.lr)
        if not (self.batch_size > 1 and 0 < self.alpha_lr < math.inf):
            raise InvalidConfig(f"expected batch_size > 1 and alpha_lr > 0, got {self}")


class Darts:
    """Proposes what its supernet prefers after each epoch, then the rest in order of likelihood."""

    Config: TypeAlias = Config
    needs_task = True

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        data = require_task("darts", problem)
        self._proposals = preferred(problem.space, _alphas(data, rng, config), rng)

    def ask(self, n: int = 1) -> list[Candidate]:
        """The next `n` cells, the first ones at an epoch of training each; [] after the last."""
        return [Candidate(arch) for arch in islice(self._proposals, n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Nothing is learned."""


def _alphas(
    data: SearchData, rng: np.random.Generator, config: Config
) -> Iterator[NDArray[np.float32]]:
    """Alphas (edges, operations) after each epoch; ends early if they are not finite."""
    import torch

    from nasbench.networks.supernet import seeded_supernet
    from nasbench.training.train import deterministic

    turns = Turns(data, config.batch_size, rng)
    recipe = Recipe(channels=config.channels, cells=config.cells)
    net = seeded_supernet(recipe, data.input, data.classes, seed=int(rng.integers(2**63)))
    w = [p for p in net.parameters() if p is not net.alphas]
    sgd = torch.optim.SGD(w, momentum=0.9, weight_decay=3e-4)
    adam = torch.optim.Adam([net.alphas], config.alpha_lr, (0.5, 0.999), weight_decay=1e-3)
    for epoch in range(config.epochs):
        sgd.param_groups[0]["lr"] = cosine(config.lr, 0.001, epoch, config.epochs)
        with deterministic("cpu"):  # on one thread; not across the yield, whose reader has its own
            for train, valid in turns.epoch():
                _descend(net, adam, *valid)
                _descend(net, sgd, *train, clip=5.0)
        if not net.alphas.isfinite().all():
            return
        yield net.alphas.detach().numpy().copy()


def _descend(
    net: Supernet, optimizer: Optimizer, x: Tensor, y: Tensor, clip: float = math.inf
) -> None:
    """One step on the cross-entropy of a batch, of the parameters of `optimizer` alone."""
    from torch.nn.functional import cross_entropy

    descend(cross_entropy(net(x), y), optimizer, clip)
