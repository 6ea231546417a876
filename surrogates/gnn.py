"""The model `gnn`: an ensemble of graph networks on the labeled graphs of operation instances.

The network is that of `nasbench/networks/graph_ensemble.py`; its settings were chosen once, see
`docs/gnn.md`. Equivalent cells have one graph, so twins predict the same; graphs of one
size are predicted together and without padding, so nothing depends on the rest of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, LabeledGraph, Space
from nasbench.errors import InvalidConfig
from surrogates import encodings
from surrogates.model import Scale, State, checked_targets

if TYPE_CHECKING:
    from nasbench.networks.graph_ensemble import GraphEnsemble

CHUNK = 256
"""Graphs predicted at once: their features stay in a core's cache."""
Loss = Literal["squared", "ranking"]
Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the graph networks."""

    members: int = 4
    """Networks that differ in initial weights and batches; their spread is the deviation."""
    width: int = 32
    """Features of a node."""
    layers: int = 3
    """Rounds of messages."""
    steps: int = 500
    """Of AdamW."""
    batch: int = 64
    """Graphs in a step, for each member."""
    lr: float = 5e-3
    """Learning rate at its highest."""
    decay: float = 1e-2
    """Weight decay."""
    loss: Loss = "squared"
    """`squared`, or `ranking`: pairs in the wrong order, and a tenth of the squared error."""

    def __post_init__(self) -> None:
        counts = (self.members, self.width, self.layers, self.steps, self.batch)
        if min(counts) < 1 or not 0 < self.lr < math.inf or not 0 <= self.decay < math.inf:
            raise InvalidConfig(f"expected counts >= 1, lr > 0 and decay >= 0, got {self}")
        if self.loss not in get_args(Loss):
            raise InvalidConfig(f"expected a loss of {get_args(Loss)}, got {self.loss!r}")


class Gnn:
    """Graph networks; the standard deviation is their disagreement, one for all of a single one."""

    name: ClassVar[str] = "gnn"
    Config: TypeAlias = Config

    def __init__(self, space: Space, config: Config = Config(), *, seed: int = 0) -> None:
        self.space, self.config, self.seed = space, config, seed
        self._labels: list[str]
        self._scale: Scale
        self._net: GraphEnsemble

    def fit(self, archs: Sequence[Architecture], targets: Floats) -> Self:
        from nasbench.networks.gin import padded
        from nasbench.networks.graph_ensemble import regress
        from nasbench.training.train import deterministic

        c, values = self.config, checked_targets(archs, targets)
        graphs = encodings.graphs(self.space, archs)
        self._labels = sorted({label for graph in graphs for label in graph.labels})
        self._scale = Scale.of(values, flat=np.ndim(targets) == 1)
        self._net = self._network()
        rng, y = np.random.default_rng(self.seed), self._scale.down(values)
        rates = {"lr": c.lr, "decay": c.decay}
        with deterministic("cpu"):
            data = padded(graphs, self._labels)
            regress(self._net, data, y, rng, steps=c.steps, batch=c.batch, loss=c.loss, **rates)
        return self

    def predict(self, archs: Sequence[Architecture]) -> tuple[Floats, Floats]:
        each = self._members(archs)
        mean = self._scale.up(each.mean(axis=0))
        spread = each.std(axis=0, ddof=1) if len(each) > 1 else np.ones(each.shape[1:])
        return mean, self._scale.shaped(np.maximum(spread, 1e-6) * self._scale.spread)

    def state(self) -> State:
        weights = {name: value.numpy().copy() for name, value in self._net.state_dict().items()}
        scale = {f"scale.{name}": each for name, each in self._scale.arrays().items()}
        settings = {"config": asdict(self.config), "seed": self.seed, "labels": self._labels}
        return State(settings, {**weights, **scale})

    @classmethod
    def restore(cls, space: Space, state: State) -> Self:
        import torch

        try:
            model = cls(space, Config(**state.settings["config"]), seed=state.settings["seed"])
            model._labels = list(state.settings["labels"])
            model._scale = Scale.restore(state.part("scale.").arrays)
            model._net = model._network()
            model._net.load_state_dict(
                {k: torch.tensor(v) for k, v in state.arrays.items() if not k.startswith("scale.")}
            )
        except (KeyError, TypeError, RuntimeError) as fault:
            raise InvalidConfig(
                f"expected a gnn's state, got one that does not fit: {fault}"
            ) from fault
        return model

    def _network(self) -> GraphEnsemble:
        from nasbench.networks.graph_ensemble import seeded_ensemble

        c, outputs = self.config, len(self._scale.center)
        shape = {"members": c.members, "width": c.width, "layers": c.layers, "outputs": outputs}
        return seeded_ensemble(len(self._labels), self.seed, **shape)

    def _members(self, archs: Sequence[Architecture]) -> Floats:
        """Scaled predictions (members, n, e); each class is predicted once."""
        import torch

        from nasbench.networks.gin import padded
        from nasbench.training.train import deterministic

        forms = encodings.canonical(self.space, archs)
        rows = {form: row for row, form in enumerate(dict.fromkeys(forms))}
        graphs = encodings.graphs(self.space, list(rows))
        found = np.empty((self.config.members, len(graphs), len(self._scale.center)))
        with deterministic("cpu"), torch.inference_mode():
            for some in _of_one_size(graphs):
                found[:, some] = self._net(padded([graphs[k] for k in some], self._labels)).numpy()
        return found[:, [rows[form] for form in forms]]


def _of_one_size(graphs: Sequence[LabeledGraph]) -> Iterator[list[int]]:
    """Positions of at most `CHUNK` graphs with equally many nodes, until all are named."""
    sizes: dict[int, list[int]] = {}
    for k, graph in enumerate(graphs):
        sizes.setdefault(len(graph.labels), []).append(k)
    for group in sizes.values():
        for start in range(0, len(group), CHUNK):
            yield group[start : start + CHUNK]
