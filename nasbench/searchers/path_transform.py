"""Path-level transformation: networks that grow, each starting as the function of its parent.

Cai, Yang, Zhang, Han & Yu, "Path-Level Network Transformation for Efficient Architecture Search",
ICML 2018, and Chen, Goodfellow & Shlens, "Net2Net", ICLR 2016, for the transformations; Elsken,
Metzen & Hutter, "Simple and Efficient Architecture Search for Convolutional Neural Networks", 2017,
algorithm 1, for the search::

    train a founder; it is the parent
    repeat R times:
        the parent and C of its transformations (with its weights and function) are contestants
        train each of them on for E epochs
        the most accurate on the valid split is proposed, and is the next parent

Networks only grow. All training is charged as overhead, that of discarded contestants too.

Deviations:
- Hill climbing instead of the reinforcement learning of Cai et al.; their replication and split of
  layers need parallel paths, which this space lacks.
- The founder has the fewest convolutions of 10 draws. When nothing can grow, another one is drawn.
- A cell is proposed once. After R rounds the others are, the nearest to the last parent in genes
  first, to use all of a budget. Observations, objectives and constraints are not listened to.
- Few epochs at a time, and networks of the tables' width and depth. It trains on the CPU.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, TypeAlias

import numpy as np

from nasbench.core import Architecture, Candidate, Observation, Problem, Recipe, SearchData, Space
from nasbench.errors import InvalidConfig
from nasbench.spaces.cell201 import OPS
from nasbench.training.one_shot import require_task

if TYPE_CHECKING:
    from nasbench.networks.cell201 import Network
    from nasbench.training.lineage import Lineage

FOUNDERS = 10
CONVOLUTIONS = [gene for gene, op in enumerate(OPS) if op.startswith("nor_conv")]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the search by transformations."""

    founding: int = 5
    """Epochs of the founder's training."""
    rounds: int = 8
    """Times that a parent and its children compete (R)."""
    children: int = 4
    """Transformations in a round (C)."""
    epochs: int = 1
    """Of each contestant's training in a round (E)."""
    batch_size: int = 64
    """Examples in a step."""
    lr: float = 0.05
    """Learning rate at the first step of each training; falls to 0 on a cosine schedule."""
    channels: int = 8
    """Width of the networks' first stage."""
    cells: int = 1
    """Cells in each of their two stages."""

    def __post_init__(self) -> None:
        Recipe(channels=self.channels, cells=self.cells, epochs=self.epochs, lr=self.lr)
        if self.batch_size < 2 or min(self.founding, self.rounds, self.children) < 1:
            raise InvalidConfig(
                f"expected batch_size > 1 and founding, rounds and children >= 1, got {self}"
            )


class PathTransform:
    """Proposes the winner of each round, then the rest by nearness to the last."""

    Config: TypeAlias = Config
    needs_task = True

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        data = require_task("path-transform", problem)
        self._proposals = _proposals(problem.space, data, rng, config)

    def ask(self, n: int = 1) -> list[Candidate]:
        """The next `n` cells, the first ones at a round of training each; [] after the last."""
        return [Candidate(arch) for arch in islice(self._proposals, n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Nothing is learned."""


def _proposals(
    space: Space, data: SearchData, rng: np.random.Generator, config: Config
) -> Iterator[Architecture]:
    """The founder, every new winner, then everything else."""
    proposed: set[Architecture] = set()
    last = Architecture(space.name, ())
    for last in _winners(space, data, rng, config):
        if last not in proposed:
            proposed.add(last)
            yield last
    genes = np.indices(space.arity).reshape(len(space.arity), -1).T
    distances = (genes != last.genes).sum(axis=1)
    for row in genes[np.argsort(distances, kind="stable")].tolist():
        arch = Architecture(space.name, tuple(row))
        if arch not in proposed and space.is_valid(arch):
            yield arch


def _winners(
    space: Space, data: SearchData, rng: np.random.Generator, config: Config
) -> Iterator[Architecture]:
    from nasbench.training.lineage import Lineage
    from nasbench.training.train import deterministic

    recipe = Recipe(
        channels=config.channels, cells=config.cells, batch_size=config.batch_size, lr=config.lr
    )
    lineage, parent = Lineage(data, recipe, rng), None
    for _ in range(config.rounds + 1):
        with deterministic("cpu"):  # on one thread; not across the yield, whose reader has its own
            parent = _compete(space, lineage, rng, config, parent)
        yield parent[0]


def _compete(
    space: Space,
    lineage: Lineage,
    rng: np.random.Generator,
    config: Config,
    parent: tuple[Architecture, Network] | None,
) -> tuple[Architecture, Network]:
    """The winner of a round; a founder if there is no parent, or none that can grow."""
    from nasbench.networks.transform import transformations

    able = [] if parent is None else transformations(space, parent[0])
    if parent is None or not able:
        drawn = space.sample(FOUNDERS, rng)
        arch = min(drawn, key=lambda arch: sum(gene in CONVOLUTIONS for gene in arch.genes))
        network = lineage.founder(arch)
        lineage.train(network, config.founding)
        return arch, network
    children = [able[k] for k in rng.permutation(len(able))[: config.children]]
    contestants = [(arch, lineage.child(parent[1], arch)) for arch in (parent[0], *children)]
    scores = [lineage.train(network, config.epochs) for _, network in contestants]
    return contestants[int(np.argmax(scores))]
