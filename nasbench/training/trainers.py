"""What trains the networks of a space, looked up by its name: a plug-in brings its own.

A table is built, measured, counted and checked, and winners are verified, by the trainer that is
registered for their space in the group `nasbench.trainers`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from nasbench import registry
from nasbench.core import Architecture, InputSpec, LearningCurve, Recipe, TaskData
from nasbench.errors import UnknownName

if TYPE_CHECKING:
    from torch import nn

Builder = Callable[[Architecture, Recipe, InputSpec, int, int], "nn.Module"]


@dataclass(frozen=True, slots=True)
class SpaceTrainer:
    """The functions that make a table of a space; all of them by one recipe."""

    modules: tuple[str, ...]
    """Where the code that decides a trained number begins, see `nasbench.training.version`."""
    train: Callable[[Architecture, TaskData, Recipe, int, str], LearningCurve]
    """The learning curve of a seed on a device, bit for bit the same on one machine."""
    measure_cost: Callable[[Architecture, TaskData, Recipe, str], float]
    """Seconds of the training steps of one full training on a device."""
    count: Callable[[Architecture, Recipe, InputSpec, int], tuple[int, int]]
    """Parameters, and multiply-accumulates of one input, with so many labels."""
    network: Builder | None = None
    """The untrained network on the CPU, with so many labels and weights drawn from a seed, for
    zero-cost proxies and latencies. Its module `embed` turns inputs into images, as the first."""

    def train_repeats(
        self,
        arch: Architecture,
        data: TaskData,
        recipe: Recipe,
        seeds: Sequence[int],
        device: str,
    ) -> list[LearningCurve]:
        """The learning curves of several seeds, in their order."""
        return [self.train(arch, data, recipe, seed, device) for seed in seeds]


def trainer_of(space: str) -> SpaceTrainer:
    """The trainer of a space's architectures.

    Raises:
        UnknownName: none is registered, as for spaces that exist for imported tables.
    """
    made: SpaceTrainer = registry.resolve(registry.TRAINERS, space)()
    return made


def modules_of(space: str) -> tuple[str, ...]:
    """Where the code of a space's trainer begins; nothing if none is registered."""
    known = space in registry.names(registry.TRAINERS)
    return trainer_of(space).modules if known else ()


def cell201() -> SpaceTrainer:
    """The trainer of `cell201-v1`."""
    from nasbench.networks.count import count
    from nasbench.networks.weights import seeded_network
    from nasbench.training.train import measure_cost, train

    return SpaceTrainer(("nasbench.training.train",), train, measure_cost, count, seeded_network)


def darts() -> SpaceTrainer:
    """The trainer of `darts-v1`."""
    from nasbench.networks.darts import count_darts, seeded_darts
    from nasbench.training.modules import measure_darts, train_darts

    modules = ("nasbench.training.modules",)
    return SpaceTrainer(modules, train_darts, measure_darts, count_darts, seeded_darts)


def network_of(space: str) -> Builder:
    """What builds the untrained networks of a space.

    Raises:
        UnknownName: no trainer is registered for it, or it brings none.
    """
    found = trainer_of(space).network
    if found is None:
        known = spaces_with_networks()
        raise registry.unknown(UnknownName, "space with untrained networks", space, known)
    return found


def spaces_with_networks() -> list[str]:
    """Spaces whose untrained networks can be built."""
    return [name for name in registry.names(registry.TRAINERS) if trainer_of(name).network]
