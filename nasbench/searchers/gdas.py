"""GDAS: a network of all architectures, of which every step samples one, differentiably.

Dong & Yang, "Searching for a Robust Neural Architecture in Four GPU Hours", CVPR 2019, algorithm 1,
on the cells of NAS-Bench-201 (Dong & Yang, ICLR 2020). (A: logits of the operations of each edge,
o: noise of Gumbel(0, 1), tau: temperature, w: all other weights, L: cross-entropy)::

    for every epoch, tau falling linearly:
        for every batch of the train split, and a random batch of the valid split:
            1. w = w - SGD(grad_w L_train(w, h)),  h sampled
            2. A = A - Adam(grad_A L_valid(w, h)), h sampled anew
        propose the operation of largest A on each edge
        (of a restricted space: its architecture whose A have the largest sum)
    h: on each edge                                                                      (eqs. 4-7)
        h~ = softmax((log softmax(A) + o) / tau);  h = one-hot(argmax h~) forwards, h~ backwards

Only the sampled operations are computed, and as in the paper the gradient reaches A through the
sampled entries of h~ alone. As in NAS-Bench-201 the argmax includes `none`, and all cells share
A and h. Training is charged as overhead.

Deviations:
- After the last epoch the other architectures are proposed, the likeliest under softmax(A) first,
  so that all of an evaluation budget is used. Observations, and so objectives and constraints, are
  not listened to.
- 30 epochs instead of 250 and a supernet of the embedded tables' width and depth, for runs that
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
    """Settings of GDAS; rates and temperatures are the paper's."""

    epochs: int = 30
    """Of the supernet's training."""
    batch_size: int = 64
    """Examples in a step, of w or of A."""
    lr: float = 0.025
    """Learning rate of w at the first epoch; falls to 0.001 on a cosine schedule."""
    alpha_lr: float = 3e-4
    """Adam's learning rate for A."""
    hottest: float = 10.0
    """Temperature at the first epoch."""
    coldest: float = 0.1
    """Temperature at the last epoch."""
    channels: int = 8
    """Width of the supernet's first stage."""
    cells: int = 1
    """Cells in each of its two stages."""

    def __post_init__(self) -> None:
        Recipe(channels=self.channels, cells=self.cells, epochs=self.epochs, lr=self.lr)
        if not (self.batch_size > 1 and 0 < self.alpha_lr < math.inf):
            raise InvalidConfig(f"expected batch_size > 1 and alpha_lr > 0, got {self}")
        if not 0 < self.coldest <= self.hottest < math.inf:
            raise InvalidConfig(f"expected 0 < coldest <= hottest, got {self}")


class Gdas:
    """Proposes what its supernet prefers after each epoch, then the rest in order of likelihood."""

    Config: TypeAlias = Config
    needs_task = True

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        data = require_task("gdas", problem)
        self._proposals = preferred(problem.space, _logits(data, rng, config), rng)

    def ask(self, n: int = 1) -> list[Candidate]:
        """The next `n` cells, the first ones at an epoch of training each; [] after the last."""
        return [Candidate(arch) for arch in islice(self._proposals, n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Nothing is learned."""


def _logits(
    data: SearchData, rng: np.random.Generator, config: Config
) -> Iterator[NDArray[np.float32]]:
    """A (edges, operations) after each epoch; ends early if it is not finite."""
    import torch

    from nasbench.networks.supernet import seeded_supernet
    from nasbench.training.train import deterministic

    turns = Turns(data, config.batch_size, rng)
    recipe = Recipe(channels=config.channels, cells=config.cells)
    net = seeded_supernet(recipe, data.input, data.classes, seed=int(rng.integers(2**63)))
    w = [p for p in net.parameters() if p is not net.alphas]
    sgd = torch.optim.SGD(w, momentum=0.9, weight_decay=5e-4, nesterov=True)
    adam = torch.optim.Adam([net.alphas], config.alpha_lr, (0.5, 0.999), weight_decay=1e-3)
    for epoch in range(config.epochs):
        sgd.param_groups[0]["lr"] = cosine(config.lr, 0.001, epoch, config.epochs)
        done = epoch / max(config.epochs - 1, 1)
        tau = config.hottest + (config.coldest - config.hottest) * done
        with deterministic("cpu"):  # on one thread; not across the yield, whose reader has its own
            for train, valid in turns.epoch():
                descend(_loss(net, *train, tau, rng), sgd, clip=5.0)
                descend(_loss(net, *valid, tau, rng), adam)
        if not net.alphas.isfinite().all():
            return
        yield net.alphas.detach().numpy().copy()


def _loss(net: Supernet, x: Tensor, y: Tensor, tau: float, rng: np.random.Generator) -> Tensor:
    """Cross-entropy of a batch, of one sampled architecture."""
    import torch

    from nasbench.networks.sampled import sampled_logits

    o = torch.from_numpy(rng.gumbel(size=net.alphas.shape)).to(net.alphas.dtype)
    genes, scales = sample(net.alphas, o, tau)
    return torch.nn.functional.cross_entropy(sampled_logits(net, x, genes.tolist(), scales), y)


def sample(logits: Tensor, noise: Tensor, tau: float) -> tuple[Tensor, Tensor]:
    """The index of the one of h on each edge, (edges,), and its value.

    The value is 1 forwards; backwards it is that of h~. `logits` and `noise` (edges, operations).
    """
    soft = ((logits.log_softmax(dim=1) + noise) / tau).softmax(dim=1)
    chosen = soft.argmax(dim=1)
    value = soft.gather(1, chosen.unsqueeze(1)).squeeze(1)
    return chosen, 1 + value - value.detach()
