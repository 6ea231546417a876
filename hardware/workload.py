"""What is measured: the network of an architecture at some size, and its batch of inputs."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from nasbench import registry
from nasbench.core import (
    Architecture,
    Benchmark,
    InputSpec,
    Recipe,
    Space,
    SupportsRetraining,
)
from nasbench.errors import InvalidConfig

if TYPE_CHECKING:
    from torch import Tensor, nn

SIZES = ("table", "full")
"""`table`: the network that the table trained. `full`: the published network on CIFAR-10."""
CIFAR = InputSpec("image", 3, 32, 32)
CIFAR_CLASSES = 10
_REFERENCE_DRAWS = 15


@dataclass(frozen=True, slots=True)
class Workload:
    """Everything about a network and its inputs but the architecture."""

    space: str
    size: str
    """One of `SIZES`."""
    recipe: Recipe
    input: InputSpec
    classes: int
    """Labels."""
    batch: int = 1
    """Inputs at once; a latency is that of the whole batch."""

    def __post_init__(self) -> None:
        if self.size not in SIZES:
            raise InvalidConfig(f"a network's size is one of {', '.join(SIZES)}, got {self.size!r}")
        if isinstance(self.batch, bool) or not isinstance(self.batch, int) or self.batch < 1:
            raise InvalidConfig(f"a batch is a whole number >= 1, got {self.batch!r}")

    def network(self, arch: Architecture) -> nn.Module:
        """The network in evaluation mode; its weights do not matter, but are always the same."""
        from nasbench.training.trainers import network_of

        build = network_of(self.space)
        return build(arch, self.recipe, self.input, self.classes, 0).eval()

    def inputs(self) -> Tensor:
        """A batch: standard normal pixels, or uniform tokens."""
        import torch

        rng = torch.Generator().manual_seed(0)
        if self.input.kind == "tokens":
            size = (self.batch, self.input.width)
            return torch.randint(self.input.vocabulary, size, generator=rng)
        shape = (self.batch, self.input.channels, self.input.height, self.input.width)
        return torch.randn(shape, generator=rng)

    def reference(self) -> Architecture:
        """The architecture whose network is timed again and again: of middling MACs."""
        from nasbench.training.trainers import trainer_of

        space, count = registry.space(self.space), trainer_of(self.space).count
        drawn = space.sample(_REFERENCE_DRAWS, np.random.default_rng(0))
        drawn.sort(key=lambda arch: count(arch, self.recipe, self.input, self.classes))
        return space.canonical(drawn[_REFERENCE_DRAWS // 2])

    def label(self, device: str) -> str:
        """Name of the column of a device: `torch-cpu-1`, or `torch-cpu-1/full/batch-8`."""
        size = "" if self.size == "table" else f"/{self.size}"
        return device + size + (f"/batch-{self.batch}" if self.batch > 1 else "")

    def memory_metric(self) -> str:
        """Name of the metric of peak memory: `peak_memory_mb`, or `peak_memory_mb[full/batch-8]`.

        It has no device in it, because memory is that of the network.
        """
        size = self.label("").strip("/")
        return f"peak_memory_mb[{size}]" if size else "peak_memory_mb"

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Workload:
        """The workload that `to_json` wrote.

        Raises:
            InvalidConfig: a value is out of range.
            TypeError, KeyError: a field is missing or unknown.
        """
        recipe, shape = Recipe(**data["recipe"]), InputSpec(**data["input"])
        return cls(**{**data, "recipe": recipe, "input": shape})


def workload_of(benchmark: Benchmark, *, size: str = "table", batch: int = 1) -> Workload:
    """The networks of a benchmark's architectures.

    Raises:
        InvalidConfig: no network of this size can be built for the benchmark's space.
    """
    from nasbench.training.trainers import spaces_with_networks

    space = benchmark.space
    if size == "full":
        return Workload(space.name, size, _full(space), CIFAR, CIFAR_CLASSES, batch)
    known = spaces_with_networks()
    if space.name not in known:
        raise InvalidConfig(
            f"networks of {space.name} cannot be built, so {benchmark.name} cannot be measured; "
            f"expected a benchmark of {' or '.join(known)}"
        )
    if not (isinstance(benchmark, SupportsRetraining) and benchmark.task):
        raise InvalidConfig(
            f"{benchmark.name} was not trained by this project, so the size of its networks is not "
            "known; pass --size full to measure the published network instead"
        )
    data = registry.task(benchmark.task).load()
    return Workload(space.name, size, benchmark.recipe, data.input, data.classes, batch)


def is_label(text: str) -> bool:
    """Whether a text can be the label of a column: no spaces, commas or brackets."""
    return re.fullmatch(r"[\w.@+/-]{1,80}", text) is not None


def _full(space: Space) -> Recipe:
    if space.name != "cell201-v1":
        raise InvalidConfig(
            f"the published network is known for cell201-v1, not for {space.name}; "
            "measure the table's size"
        )
    from nasbench.networks.cell201 import FULL_SIZE

    return FULL_SIZE
