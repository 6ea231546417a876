"""The model `gnn`: an ensemble of graph networks on the labeled graphs of operation instances.

The network is that of `nasbench/networks/graph_ensemble.py`; its settings were chosen once, see
`docs/surrogates/gnn.md`. Equivalent cells have one graph, so twins predict the same; graphs of one
size are predicted together and without padding, so nothing depends on the rest of the batch.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, ClassVar, Self, TypeAlias, cast, get_args

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, LabeledGraph, Space
from nasbench.errors import InvalidConfig
from nasbench.networks.graph_ensemble import Loss
from surrogates.model import State, checked_targets

if TYPE_CHECKING:
    from nasbench.networks.graph_ensemble import GraphEnsemble

CHUNK = 256
"""Graphs predicted at once: their features stay in a core's cache."""
_Floats: TypeAlias = NDArray[np.float64]


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
    """Graph networks that predict one target or several at once."""

    name: ClassVar[str] = "gnn"
    Config: ClassVar[type] = Config

    def __init__(self, space: Space, config: Config | None = None, *, seed: int = 0) -> None:
        self._space, self._config, self._seed = space, config or Config(), seed
        self._graph = lru_cache(1 << 16)(space.graph)
        self._net: GraphEnsemble | None = None

    def fit(self, archs: Sequence[Architecture], targets: _Floats) -> Self:
        """Itself, fitted to targets (n,) or (n, e) of architectures."""
        from nasbench.networks.gin import padded
        from nasbench.networks.graph_ensemble import regress
        from nasbench.training.train import deterministic

        c, y = self._config, checked_targets(archs, targets)
        graphs = self._graphs(archs)
        self._flat = np.ndim(targets) == 1
        self._labels = sorted({label for graph in graphs for label in graph.labels})
        self._center, spread = y.mean(axis=0), y.std(axis=0)
        self._scale = np.where(spread > 0, spread, 1.0)
        standard = (y - self._center) / self._scale
        self._net = self._network(y.shape[1])
        rng = np.random.default_rng(self._seed)
        options = {"steps": c.steps, "batch": c.batch}
        with deterministic("cpu"):
            data = padded(graphs, self._labels)
            regress(
                self._net, data, standard, rng, lr=c.lr, decay=c.decay, loss=c.loss, **options
            )
        return self

    def predict(self, archs: Sequence[Architecture]) -> tuple[_Floats, _Floats]:
        """Mean and standard deviation over members, (n,) or (n, e) as the targets were.

        Raises:
            InvalidConfig: nothing was fitted.
        """
        each = self._members(archs)
        mean = self._center + self._scale * each.mean(axis=0)
        spread = each.std(axis=0, ddof=1) if len(each) > 1 else np.ones_like(mean)
        spread = self._scale * np.maximum(spread, np.finfo(np.float32).eps)
        return (mean[:, 0], spread[:, 0]) if self._flat else (mean, spread)

    def state(self) -> State:
        """The fitted model, its weights as arrays.

        Raises:
            InvalidConfig: nothing was fitted.
        """
        weights = {name: value.numpy().copy() for name, value in self._fitted().state_dict().items()}
        settings = {
            "config": asdict(self._config),
            "seed": self._seed,
            "labels": self._labels,
            "flat": self._flat,
        }
        return State(settings, {**weights, "center": self._center, "scale": self._scale})

    @classmethod
    def restore(cls, space: Space, state: State) -> Self:
        """The model of a state.

        Raises:
            InvalidConfig: settings or arrays that this model does not have.
        """
        try:
            return cls._restored(space, state.settings, dict(state.arrays))
        except (KeyError, TypeError, RuntimeError) as fault:
            raise InvalidConfig(
                f"expected the state of a gnn, got one that does not fit: {fault}; fit it again"
            ) from fault

    @classmethod
    def _restored(
        cls, space: Space, settings: Mapping[str, Any], arrays: dict[str, NDArray[Any]]
    ) -> Self:
        import torch

        model = cls(space, Config(**settings["config"]), seed=settings["seed"])
        model._labels, model._flat = list(settings["labels"]), bool(settings["flat"])
        model._center, model._scale = arrays.pop("center"), arrays.pop("scale")
        model._net = model._network(len(model._center))
        model._net.load_state_dict({k: torch.tensor(value) for k, value in arrays.items()})
        return model

    def _network(self, outputs: int) -> GraphEnsemble:
        from nasbench.networks.graph_ensemble import seeded_ensemble

        c = self._config
        shape = {"members": c.members, "width": c.width, "layers": c.layers, "outputs": outputs}
        return seeded_ensemble(len(self._labels), self._seed, **shape)

    def _fitted(self) -> GraphEnsemble:
        if self._net is None:
            raise InvalidConfig("this gnn was not fitted; call fit(archs, targets) first")
        return self._net

    def _graphs(self, archs: Sequence[Architecture]) -> list[LabeledGraph]:
        return [self._graph(self._space.canonical(arch)) for arch in archs]

    def _members(self, archs: Sequence[Architecture]) -> _Floats:
        """Standardized predictions (members, n, e); equal graphs are predicted once."""
        import torch

        from nasbench.networks.gin import padded
        from nasbench.training.train import deterministic

        net = self._fitted()
        forms = [self._space.canonical(arch) for arch in archs]
        rows = {form: row for row, form in enumerate(dict.fromkeys(forms))}
        graphs = [self._graph(form) for form in rows]
        found = np.empty((self._config.members, len(graphs), len(self._center)))
        with deterministic("cpu"), torch.inference_mode():
            for some in _of_one_size(graphs):
                batch = padded([graphs[k] for k in some], self._labels)
                found[:, some] = cast(torch.Tensor, net(batch)).numpy()
        return found[:, [rows[form] for form in forms]]


def _of_one_size(graphs: Sequence[LabeledGraph]) -> Iterator[list[int]]:
    """Positions of at most `CHUNK` graphs with equally many nodes, until all are named."""
    sizes: dict[int, list[int]] = {}
    for k, graph in enumerate(graphs):
        sizes.setdefault(len(graph.labels), []).append(k)
    for group in sizes.values():
        for start in range(0, len(group), CHUNK):
            yield group[start : start + CHUNK]
