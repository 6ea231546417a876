"""ENAS: a controller and one network that holds the weights of all architectures, trained in turns.

Pham, Guan, Zoph, Le & Dean, "Efficient Neural Architecture Search via Parameters Sharing", ICML
2018, sec. 2.2, with the controller and optimizers that NAS-Bench-201 gives it (Dong & Yang, ICLR
2020). (w: the shared weights, theta: the controller's, L: cross-entropy, b: the baseline, c: weight
of the entropy H)::

    for every epoch:
        for every batch of the train split:                                      theta stays
            a ~ pi(theta);  w = w - SGD(grad_w L_train(a; w))
        repeat S times:                                                          w stays
            a^1 ... a^m ~ pi(theta)
            R_k = accuracy of (a^k; w) on a batch of the valid split, + c H(a^k)
            b = moving average of the rewards before R_k
            theta = Adam(theta, -1/m sum_k (R_k - b) grad log pi(a^k; theta))
        derive: of D draws from pi(theta), propose the most accurate on a batch of the valid split

A step trains the weights of the sampled path and no others. Batch norms use the statistics of their
batch. Training is charged as overhead. On this space ENAS is known to collapse to skip connections:
its published accuracy on CIFAR-10 is 54.30 %.

Deviations:
- After the last epoch the other draws of its derivation are proposed, the most accurate first, then
  all other architectures, the likeliest under the controller first, so that all of an evaluation
  budget is used. Observations, and so objectives and constraints, are not listened to.
- 30 epochs instead of 310, one half cosine instead of warm restarts, and shared weights of the
  embedded tables' width and depth, for runs of some 40 s on one core. S is 8 instead of 50, which
  keeps the ratio of the controller's draws to the steps of w.
- For so few updates the controller's rate is that of the authors' own search for cells, 0.0035
  instead of 0.001, and Adam's epsilon is 1e-8 instead of 0.001: with the latter the controller is
  as good as uniform after the 240 updates of a run.
- The last, incomplete batch of an epoch is left out. It trains on the CPU.
- Invalid draws are drawn again, and uniformly from the space after 100 attempts.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, islice
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nasbench.core import Architecture, Candidate, Observation, Problem, Recipe, SearchData, Space
from nasbench.errors import InvalidConfig
from nasbench.training.one_shot import require_task
from nasbench.training.rollouts import Baseline, draw

if TYPE_CHECKING:
    from torch.optim import Optimizer

    from nasbench.networks.controller import Controller


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of ENAS."""

    epochs: int = 30
    """Turns of shared weights and controller."""
    batch_size: int = 64
    """Examples in a step of w, and in a reward."""
    lr: float = 0.05
    """Learning rate of w at the first epoch; falls to 0.0005 on a cosine schedule."""
    controller_lr: float = 3.5e-3
    """Adam's learning rate for the controller."""
    steps: int = 8
    """Updates of the controller in an epoch (S)."""
    draws: int = 20
    """Architectures in an update (m)."""
    momentum: float = 0.99
    """Of the baseline's moving average."""
    entropy: float = 1e-4
    """Weight of the entropy bonus (c), for accuracies from 0 to 1."""
    derived: int = 100
    """Draws that compete to be proposed after an epoch (D)."""
    channels: int = 8
    """Width of the first stage of the shared network."""
    cells: int = 1
    """Cells in each of its two stages."""

    def __post_init__(self) -> None:
        Recipe(channels=self.channels, cells=self.cells, epochs=self.epochs, lr=self.lr)
        rates = 0 < self.controller_lr < math.inf and 0 <= self.entropy < math.inf
        if not (rates and 0 <= self.momentum < 1):
            raise InvalidConfig(
                f"expected controller_lr > 0, 0 <= momentum < 1 and entropy >= 0, got {self}"
            )
        if self.batch_size < 2 or min(self.steps, self.draws, self.derived) < 1:
            raise InvalidConfig(
                f"expected batch_size > 1 and steps, draws and derived >= 1, got {self}"
            )


class Enas:
    """Proposes what it derives after each epoch, then the rest by accuracy and by likelihood."""

    Config: TypeAlias = Config
    needs_task = True

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        data = require_task("enas", problem)
        self._proposals = _proposals(problem.space, data, rng, config)

    def ask(self, n: int = 1) -> list[Candidate]:
        """The next `n` cells, the first ones at an epoch of training each; [] after the last."""
        return [Candidate(arch) for arch in islice(self._proposals, n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Nothing is learned."""


def _proposals(
    space: Space, data: SearchData, rng: np.random.Generator, config: Config
) -> Iterator[Architecture]:
    """What is derived after each epoch, the last epoch's other draws, then everything else."""
    from nasbench.networks.controller import seeded_controller
    from nasbench.training.train import deterministic

    seed = int(rng.integers(2**63))
    policy = seeded_controller(space.arity, seed, hidden=32, layers=2, span=0.1, squash=(5.0, 2.5))
    proposed: set[Architecture] = set()
    derived: list[Architecture] = []
    for derived in _turns(policy, space, data, rng, config):
        proposed.add(derived[0])
        yield derived[0]
    with deterministic("cpu"):
        genes = policy.likeliest().tolist()
    everything = (Architecture(space.name, tuple(row)) for row in genes)
    for arch in chain(derived, everything):
        if arch not in proposed and space.is_valid(arch):
            proposed.add(arch)
            yield arch


def _turns(
    policy: Controller, space: Space, data: SearchData, rng: np.random.Generator, config: Config
) -> Iterator[list[Architecture]]:
    """Trains weights and controller in turns; gives the draws that compete after each epoch."""
    import torch

    from nasbench.training.shared_weights import SharedWeights
    from nasbench.training.train import deterministic

    recipe = Recipe(channels=config.channels, cells=config.cells, lr=config.lr)
    shared = SharedWeights(data, recipe, config.batch_size, rng)
    adam = torch.optim.Adam(policy.parameters(), config.controller_lr, (0.0, 0.999))
    baseline = Baseline(config.momentum)
    for epoch in range(config.epochs):
        cosine = (1 + math.cos(math.pi * epoch / config.epochs)) / 2
        with deterministic("cpu"):  # on one thread; not across the yield, whose reader has its own
            lr = 5e-4 + (config.lr - 5e-4) * cosine
            shared.train(draw(policy.sample, space, len(shared), rng), lr)
            for _ in range(config.steps):
                archs = draw(policy.sample, space, config.draws, rng)
                accuracies = [shared.accuracy(arch, shared.valid_batch()) for arch in archs]
                _reinforce(policy, adam, baseline, archs, accuracies, config.entropy)
            archs, batch = draw(policy.sample, space, config.derived, rng), shared.valid_batch()
            derived = sorted(archs, key=lambda arch: -shared.accuracy(arch, batch))
        yield derived


def _reinforce(
    policy: Controller,
    optimizer: Optimizer,
    baseline: Baseline,
    archs: Sequence[Architecture],
    accuracies: Sequence[float],
    entropy: float,
) -> None:
    """One step of the controller."""
    import torch

    log_pi, entropies = policy(torch.tensor([arch.genes for arch in archs]))
    rewards = torch.tensor(accuracies) + entropy * entropies.detach().sum(dim=1)
    advantages = torch.from_numpy(baseline.advantages(rewards.tolist()))
    optimizer.zero_grad()
    torch.autograd.backward(-(advantages * log_pi.sum(dim=1)).mean())
    torch.nn.utils.clip_grad_norm_(policy.parameters(), 5.0)
    optimizer.step()
