"""DrNAS: a network of all architectures at once, whose mixture is drawn from a learned Dirichlet.

Chen, Wang, Cheng, Tang & Hsieh, "DrNAS: Dirichlet Neural Architecture Search", ICLR 2021, sec. 3.1,
on the cells of NAS-Bench-201 (Dong & Yang, ICLR 2020). (theta: weights of the operations of an
edge, beta: concentration of their distribution, alpha: what is learned, w: all other weights)::

    beta = elu(alpha) + 1;  theta ~ Dirichlet(beta) on each edge, anew in every step
    for every epoch:
        for every batch of the train split, and a random batch of the valid split:
            1. alpha = alpha - Adam(grad_alpha (L_valid(w, theta) + lambda d(beta, 1)))      (eq. 2)
               where the gradient flows through theta, at fixed quantiles                    (eq. 4)
            2. w = w - SGD(grad_w L_train(w, theta))
        propose the operation of largest beta on each edge
        (of a restricted space: its architecture whose mean thetas have the largest product)

d is the squared distance of alpha from 0, where beta = 1: Adam's weight decay, as in the authors'
code. As in NAS-Bench-201 the argmax includes `none`, and all cells share theta. Training is charged
as overhead.

Deviations:
- No progressive search with partial channels (sec. 3.2), which saves memory in larger spaces.
- After the last epoch the other architectures are proposed, the largest product of mean thetas
  first, so that all of an evaluation budget is used. Observations, and so objectives and
  constraints, are not listened to.
- 10 epochs instead of 100 and a supernet of the embedded tables' width and depth, for runs that
  take as long as those of `darts`. The last, incomplete batch of an epoch is left out. It trains on
  the CPU.
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

    from nasbench.networks.supernet import Supernet


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of DrNAS; the rates are the paper's."""

    epochs: int = 10
    """Of the supernet's training."""
    batch_size: int = 64
    """Examples in a step, of w or of alpha."""
    lr: float = 0.025
    """Learning rate of w at the first epoch; falls to 0.001 on a cosine schedule."""
    alpha_lr: float = 3e-4
    """Adam's learning rate for alpha."""
    distance: float = 1e-3
    """Weight of the distance of beta from 1 (lambda)."""
    channels: int = 8
    """Width of the supernet's first stage."""
    cells: int = 1
    """Cells in each of its two stages."""

    def __post_init__(self) -> None:
        Recipe(channels=self.channels, cells=self.cells, epochs=self.epochs, lr=self.lr)
        if not (self.batch_size > 1 and 0 < self.alpha_lr < math.inf):
            raise InvalidConfig(f"expected batch_size > 1 and alpha_lr > 0, got {self}")
        if not 0 <= self.distance < math.inf:
            raise InvalidConfig(f"expected distance >= 0, got {self}")


class DrNas:
    """Proposes what its supernet prefers after each epoch, then the rest in order of likelihood."""

    Config: TypeAlias = Config
    needs_task = True

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        data = require_task("drnas", problem)
        means = _means(data, rng, config)
        self._proposals = preferred(problem.space, (np.log(mean) for mean in means), rng)

    def ask(self, n: int = 1) -> list[Candidate]:
        """The next `n` cells, the first ones at an epoch of training each; [] after the last."""
        return [Candidate(arch) for arch in islice(self._proposals, n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Nothing is learned."""


def _means(
    data: SearchData, rng: np.random.Generator, config: Config
) -> Iterator[NDArray[np.float32]]:
    """Mean of theta (edges, operations) after each epoch; ends early if it is not finite."""
    import torch

    from nasbench.networks.supernet import seeded_supernet
    from nasbench.training.train import deterministic

    turns = Turns(data, config.batch_size, rng)
    recipe = Recipe(channels=config.channels, cells=config.cells)
    net = seeded_supernet(recipe, data.input, data.classes, seed=int(rng.integers(2**63)))
    w = [p for p in net.parameters() if p is not net.alphas]
    sgd = torch.optim.SGD(w, momentum=0.9, weight_decay=3e-4)
    betas, decay = (0.5, 0.999), config.distance
    adam = torch.optim.Adam([net.alphas], config.alpha_lr, betas, weight_decay=decay)
    for epoch in range(config.epochs):
        sgd.param_groups[0]["lr"] = cosine(config.lr, 0.001, epoch, config.epochs)
        with deterministic("cpu"):  # on one thread; not across the yield, whose reader has its own
            for train, valid in turns.epoch():
                if not net.alphas.isfinite().all():
                    return
                descend(_loss(net, *valid, rng), adam)
                descend(_loss(net, *train, rng), sgd, clip=5.0)
        beta = _concentration(net)
        if not beta.isfinite().all():
            return
        yield (beta / beta.sum(dim=1, keepdim=True)).detach().numpy()


def _loss(net: Supernet, x: Tensor, y: Tensor, rng: np.random.Generator) -> Tensor:
    """Cross-entropy of a batch, with a mixture that is drawn."""
    import torch

    from nasbench.networks.dirichlet import draw_dirichlet

    return torch.nn.functional.cross_entropy(net(x, draw_dirichlet(_concentration(net), rng)), y)


def _concentration(net: Supernet) -> Tensor:
    """Beta (edges, operations) > 0."""
    import torch

    return (torch.nn.functional.elu(net.alphas) + 1).clamp_min(1e-6)
