"""Graph isomorphism networks as in `gin`, trained by slopes written out by hand, in NumPy.

The same layers, initial distribution and statistics. A step takes a fifth of the time that
automatic derivatives take, which at this size goes to calls; torch need not be there.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from nasbench.core import LabeledGraph
from nasbench.networks.parameters import Array, Parameters

MOMENTUM, EPSILON, DECAY = 0.1, 1e-5, 1e-4
"""Of batch normalization, the last one of the weights."""


@dataclass(frozen=True, slots=True, eq=False)
class GraphArrays:
    """n graphs of at most v nodes, whose labels are among d."""

    nodes: Array
    """(n, v, d) one-hot labels; 0 for padding and for other labels."""
    edges: Array
    """(n, v, v) multiplicity of the edge to a node (axis 1) from another (axis 2)."""
    real: Array
    """(n, v, 1) whether it is a node (1) or padding (0)."""

    def take(self, rows: NDArray[np.int64]) -> GraphArrays:
        """The graphs of these rows."""
        return GraphArrays(self.nodes[rows], self.edges[rows], self.real[rows])


def graph_arrays(graphs: Sequence[LabeledGraph], labels: Sequence[str]) -> GraphArrays:
    """The graphs as one batch; their nodes' features are which of `labels` they have."""
    n, v = len(graphs), max(len(graph.labels) for graph in graphs)
    column = {label: k for k, label in enumerate(labels)}
    nodes = np.zeros((n, v, len(labels)), dtype=np.float32)
    edges, real = np.zeros((n, v, v), dtype=np.float32), np.zeros((n, v, 1), dtype=np.float32)
    for row, graph in enumerate(graphs):
        real[row, : len(graph.labels)] = 1
        for node, label in enumerate(graph.labels):
            if label in column:
                nodes[row, node, column[label]] = 1
        for source, target, multiplicity in graph.edges:
            edges[row, target, source] = multiplicity
    return GraphArrays(nodes, edges, real)


@dataclass(frozen=True, slots=True)
class _Layer:
    """What a layer computed, of which `_backward` makes use; (n v, features)."""

    sums: Array
    first: Array
    second: Array
    normal: Array
    scale: Array
    """(width,) factor of the normalization."""


@dataclass(slots=True)
class _Tape:
    """What `_forward` computed."""

    real: Array
    """(n v, 1)."""
    count: np.float32
    """Real nodes."""
    sizes: Array
    """(n, 1) real nodes of each graph."""
    layers: list[_Layer] = field(default_factory=list)
    mean: Array = field(init=False)
    hidden: Array = field(init=False)


class FastGin:
    """A network with one output, on graphs with `labels` different labels.

    Weights start He-uniform (He et al., ICCV 2015), biases at 0.
    """

    def __init__(self, labels: int, rng: np.random.Generator, *, width: int, layers: int) -> None:
        self.layers, inputs = layers, labels
        shapes: dict[str, tuple[int, ...]] = {}
        names = [f"{k}.{part}" for k in range(layers) for part in ("first", "second")]
        for name in (*names, "hidden", "out"):
            outputs = {"hidden": max(1, width // 2), "out": 1}.get(name, width)
            shapes[f"{name}.weight"] = (inputs, outputs)
            shapes[f"{name}.bias"] = (outputs,)
            inputs = outputs
        for k in range(layers):
            shapes[f"{k}.gain"] = shapes[f"{k}.shift"] = (width,)
        self.parameters = Parameters(shapes)
        for name, value in self.parameters.value.items():
            if name.endswith("weight"):
                value[:] = rng.uniform(-1, 1, value.shape) * math.sqrt(6 / value.shape[0])
            elif name.endswith("gain"):
                value[:] = 1
        self.means = np.zeros((layers, width), dtype=np.float32)
        self.variances = np.ones_like(self.means)

    def __call__(self, graphs: GraphArrays) -> Array:
        """Outputs (n,), with the statistics of training."""
        return self._forward(graphs, training=False)[0]

    def fit(
        self,
        graphs: GraphArrays,
        y: NDArray[np.float64],
        rng: np.random.Generator,
        *,
        steps: int,
        batch: int,
        lr: float,
    ) -> None:
        """Lower the mean squared error on targets `y` (n,).

        `steps` of Adam on batches drawn with replacement, at a rate that falls to 0 on a cosine.
        """
        targets = y.astype(np.float32)
        drawn = rng.integers(len(y), size=(steps, batch))
        for step, rows in enumerate(drawn):
            self.backward(graphs.take(rows), targets[rows])
            self.parameters.adam(lr * (1 + math.cos(math.pi * step / steps)) / 2, decay=DECAY)

    def backward(self, graphs: GraphArrays, y: Array) -> None:
        """Write the slopes of the mean squared error on targets `y` (n,).

        Statistics are those of the batch, and those of training move toward them.
        """
        found, tape = self._forward(graphs, training=True)
        self._backward(graphs, tape, (found - y) * np.float32(2 / len(y)))

    def _forward(self, graphs: GraphArrays, *, training: bool) -> tuple[Array, _Tape]:
        (n, v, _), value = graphs.nodes.shape, self.parameters.value
        h, real = graphs.nodes, graphs.real.reshape(n * v, 1)
        tape = _Tape(real, real.sum(), graphs.real.sum(axis=1))
        for k in range(self.layers):
            sums = (h + graphs.edges @ h).reshape(n * v, -1)
            first = np.maximum(self.parameters.linear(f"{k}.first", sums), 0)
            second = np.maximum(self.parameters.linear(f"{k}.second", first), 0)
            second *= real
            normal, scale = self._normalize(k, second, tape, training=training)
            tape.layers.append(_Layer(sums, first, second, normal, scale))
            h = normal * value[f"{k}.gain"] + value[f"{k}.shift"]
            h *= real
            h = h.reshape(n, v, -1)
        tape.mean = h.sum(axis=1) / tape.sizes
        tape.hidden = np.maximum(self.parameters.linear("hidden", tape.mean), 0)
        return self.parameters.linear("out", tape.hidden)[..., 0], tape

    def _normalize(
        self, k: int, second: Array, tape: _Tape, *, training: bool
    ) -> tuple[Array, Array]:
        """Standardized features and the factor that they were multiplied by; 0 for padding."""
        if not training:
            scale = 1 / np.sqrt(self.variances[k] + EPSILON)
            return (second - self.means[k]) * tape.real * scale, scale
        mean = second.sum(axis=0) / tape.count
        centered = (second - mean) * tape.real
        squares = np.einsum("rw,rw->w", centered, centered)
        scale = 1 / np.sqrt(squares / tape.count + EPSILON)
        self.means[k] += MOMENTUM * (mean - self.means[k])
        self.variances[k] += MOMENTUM * (squares / (tape.count - 1) - self.variances[k])
        return centered * scale, scale

    def _backward(self, graphs: GraphArrays, tape: _Tape, delta: Array) -> None:
        """Write the slopes of the weights, from those of the outputs (n,)."""
        value, slope = self.parameters.value, self.parameters.slope
        n, v, _ = graphs.nodes.shape
        d = self.parameters.back("out", tape.hidden, delta[..., None]) * (tape.hidden > 0)
        d = self.parameters.back("hidden", tape.mean, d) / tape.sizes
        d = np.broadcast_to(d[:, None], (n, v, d.shape[-1]))
        for k, layer in reversed(list(enumerate(tape.layers))):
            d = d.reshape(n * v, -1) * tape.real
            gain, shift = slope[f"{k}.gain"], slope[f"{k}.shift"]
            np.einsum("rw,rw->w", d, layer.normal, out=gain)
            d.sum(axis=0, out=shift)
            # the batch's statistics depend on all of its nodes
            d -= (shift / tape.count + layer.normal * (gain / tape.count)) * tape.real
            d *= value[f"{k}.gain"] * layer.scale
            d = self.parameters.back(f"{k}.second", layer.first, d * (layer.second > 0))
            d = self.parameters.back(f"{k}.first", layer.sums, d * (layer.first > 0)).reshape(
                n, v, -1
            )
            d = d + graphs.edges.swapaxes(-1, -2) @ d
