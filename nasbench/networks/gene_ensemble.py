"""The networks of `graph_ensemble` for graphs of genes, with slopes written out by hand, in NumPy.

All graphs have the same edges and no padding. Layers, initial distribution, batches and steps are
those of `graph_ensemble`; a step takes a fifth of the time that automatic derivatives take, which
at this size goes to calls, and torch need not be there.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from nasbench.networks.parameters import Array, Parameters

EPSILON, DECAY, WARM_UP = 1e-5, 1e-2, 0.1
"""Of the normalization; of the weights; share of the steps in which the learning rate rises."""
TYPICAL = np.float32(4)
"""Nodes by which the sum over nodes is divided."""


class GeneEnsemble:
    """`members` networks with one output each, on graphs of v nodes with d features.

    `edges` (v, v) says what each node (axis 0) reads. Weights start uniform with variance
    1 / inputs, biases and the last layer at 0.
    """

    def __init__(
        self,
        edges: Array,
        d: int,
        rng: np.random.Generator,
        *,
        members: int,
        width: int,
        layers: int,
    ) -> None:
        self.edges, self.members, self.layers = edges, members, layers
        sizes = {"embed": (d, width)}
        for k in range(layers):
            sizes |= {f"{k}.read": (2 * width, width), f"{k}.write": (width, width)}
        sizes |= {"hidden": (2 * width, width), "out": (width, 1)}
        shapes = {f"{name}.weight": (members, a, b) for name, (a, b) in sizes.items()}
        shapes |= {f"{name}.bias": (members, 1, b) for name, (_, b) in sizes.items()}
        self.parameters = Parameters(shapes)
        for name, (a, b) in sizes.items():
            if name != "out":
                drawn = rng.uniform(-1, 1, (members, a, b)) * math.sqrt(3 / a)
                self.parameters.value[f"{name}.weight"][:] = drawn

    def __call__(self, nodes: Array) -> Array:
        """Outputs (members, n) for `nodes` (n, v, d), or for some of its own for each member."""
        return self._forward(nodes)[0]

    def fit(
        self,
        nodes: Array,
        y: NDArray[np.float64],
        rng: np.random.Generator,
        *,
        steps: int,
        batch: int,
        lr: float,
    ) -> None:
        """Lower the mean squared error on `nodes` (n, v, d) and targets `y` (n,).

        Each member draws its own batches, with replacement. Decay is apart from the slopes
        (Loshchilov & Hutter, ICLR 2019); the rate rises and falls on a cosine.
        """
        targets = y.astype(np.float32)
        for step, rows in enumerate(rng.integers(len(y), size=(steps, self.members, batch))):
            self.backward(nodes[rows], targets[rows])
            self.parameters.adam(lr * _rate(step / steps), shrink=DECAY)

    def backward(self, nodes: Array, y: Array) -> None:
        """Write the slopes of each member's mean squared error on its own `y` (members, n)."""
        found, tape = self._forward(nodes)
        self._backward(tape, (found - y) * np.float32(2 / y.shape[1]))

    def slopes(self, nodes: Array) -> Array:
        """Slopes (members, n, v, d) of each output to the nodes of its graph."""
        found, tape = self._forward(nodes)
        d = self._backward(tape, np.ones_like(found))
        slopes: Array = d @ self.parameters.value["embed.weight"].swapaxes(1, 2)
        return slopes.reshape(self.members, *nodes.shape[-3:])

    def _forward(self, nodes: Array) -> tuple[Array, list[Array]]:
        """Outputs, and what `_backward` takes from the end."""
        m, (n, v, d) = self.members, nodes.shape[-3:]
        rows = np.broadcast_to(nodes, (m, n, v, d)).reshape(m, n * v, d)
        h = self.parameters.linear("embed", rows)
        tape = [rows]
        for k in range(self.layers):
            centered = h - h.mean(axis=2, keepdims=True)
            variance = np.einsum("mrw,mrw->mr", centered, centered)[..., None] / h.shape[2]
            scale = 1 / np.sqrt(variance + np.float32(EPSILON))
            u = centered * scale
            read = (self.edges @ u.reshape(m, n, v, -1)).reshape(u.shape)
            both = np.concatenate([u, read], axis=2)
            inner = np.maximum(self.parameters.linear(f"{k}.read", both), 0)
            h = h + self.parameters.linear(f"{k}.write", inner)
            tape += [scale, both, inner]
        total = h.reshape(m, n, v, -1).sum(axis=2)
        summary = np.concatenate([total / TYPICAL, total / np.float32(v)], axis=2)
        hidden = np.maximum(self.parameters.linear("hidden", summary), 0)
        return self.parameters.linear("out", hidden)[..., 0], [*tape, summary, hidden]

    def _backward(self, tape: list[Array], delta: Array) -> Array:
        """Slopes to the embedded nodes (members, n v, width); writes those to the weights."""
        *tape, summary, hidden = tape
        m, v, width = self.members, len(self.edges), hidden.shape[2]
        d = self.parameters.back("out", hidden, delta[..., None]) * (hidden > 0)
        d = self.parameters.back("hidden", summary, d)
        d = d[..., :width] / TYPICAL + d[..., width:] / np.float32(v)
        d = np.repeat(d, v, axis=1)
        for k in reversed(range(self.layers)):
            *tape, scale, both, inner = tape
            e = self.parameters.back(f"{k}.write", inner, d) * (inner > 0)
            e = self.parameters.back(f"{k}.read", both, e)
            read = e[..., width:].reshape(m, -1, v, width)
            e = e[..., :width] + (self.edges.T @ read).reshape(d.shape)
            u = both[..., :width]
            along = np.einsum("mrw,mrw->mr", e, u)[..., None] / np.float32(width)
            d = d + scale * (e - e.mean(axis=2, keepdims=True) - u * along)
        self.parameters.write("embed", tape[0], d)
        return d


def _rate(done: float) -> float:
    """Share of the full learning rate after a share of the steps."""
    rising = done < WARM_UP
    phase = done / WARM_UP - 1 if rising else (done - WARM_UP) / (1 - WARM_UP)
    return max((1 + math.cos(math.pi * phase)) / 2, 1e-3)
