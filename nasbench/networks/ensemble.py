"""Small feed-forward networks that learn the same data from different initial weights, in NumPy.

All members train at once, as one stack of matrices: at a width of 20 the time of a step goes to
calls, not to arithmetic.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

_Stack = NDArray[np.float32]
BETAS = (0.9, 0.999)


class Ensemble:
    """`members` networks with rectified hidden layers of the given `widths` and one output.

    Weights start uniform with variance 2 / (inputs + outputs) (Glorot & Bengio, AISTATS 2010),
    biases at 0.
    """

    def __init__(
        self, inputs: int, widths: Sequence[int], members: int, rng: np.random.Generator
    ) -> None:
        sizes = [inputs, *widths, 1]
        shapes = list(pairwise(sizes))
        ends = np.cumsum([(a + 1) * b * members for a, b in shapes])
        self._flat = np.zeros(ends[-1], dtype=np.float32)  # one array for one step of Adam
        self._slope = np.zeros_like(self._flat)
        self._weights = _views(self._flat, shapes, members)
        self._slopes = _views(self._slope, shapes, members)
        for (weight, _), (a, b) in zip(self._weights, shapes, strict=True):
            weight[:] = rng.uniform(-1, 1, weight.shape) * np.sqrt(6 / (a + b))

    def __call__(self, x: NDArray[np.float32]) -> _Stack:
        """Outputs (members, n) for `x` (n, inputs), or for one of its own for each member."""
        return self._layers(x)[-1][..., 0]

    def fit(
        self,
        x: NDArray[np.float32],
        y: NDArray[np.float32],
        rng: np.random.Generator,
        *,
        steps: int,
        batch: int,
        lr: float,
    ) -> None:
        """Lower the mean absolute error on `x` (n, inputs) and `y` (n,) by `steps` steps of Adam.

        Each member draws batches of its own, with replacement.
        """
        members = len(self._weights[0][0])
        rows = rng.integers(len(x), size=(steps, members, batch))
        m, v = np.zeros_like(self._flat), np.zeros_like(self._flat)
        for t, some in enumerate(rows, 1):
            self.backward(x[some], y[some])
            m += (1 - BETAS[0]) * (self._slope - m)
            v += (1 - BETAS[1]) * (self._slope**2 - v)
            rate = lr * np.sqrt(1 - BETAS[1] ** t) / (1 - BETAS[0] ** t)
            self._flat -= np.float32(rate) * m / (np.sqrt(v) + np.float32(1e-8))

    def backward(self, x: _Stack, y: _Stack) -> list[tuple[_Stack, _Stack]]:
        """Slopes of each member's mean absolute error on its own `x` (members, n, inputs), `y`.

        They are those of weight and bias of each layer, and views of arrays that the next call
        overwrites.
        """
        layers = [x, *self._layers(x)]
        delta = np.sign(layers[-1] - y[..., None]) / np.float32(y.shape[-1])
        for k in reversed(range(len(self._weights))):
            weight, bias = self._slopes[k]
            np.matmul(layers[k].swapaxes(1, 2), delta, out=weight)
            delta.sum(axis=1, keepdims=True, out=bias)
            if k:
                delta = (delta @ self._weights[k][0].swapaxes(1, 2)) * (layers[k] > 0)
        return self._slopes

    def _layers(self, x: _Stack) -> list[_Stack]:
        """What each layer puts out, (members, n, width)."""
        outputs = []
        for k, (weight, bias) in enumerate(self._weights, 1):
            x = x @ weight + bias
            if k < len(self._weights):
                np.maximum(x, 0, out=x)
            outputs.append(x)
        return outputs


def _views(
    flat: _Stack, shapes: Sequence[tuple[int, int]], members: int
) -> list[tuple[_Stack, _Stack]]:
    """Weight (members, a, b) and bias (members, 1, b) of each layer as parts of one array."""
    views, start = [], 0
    for a, b in shapes:
        middle, end = start + members * a * b, start + members * (a + 1) * b
        weight = flat[start:middle].reshape(members, a, b)
        views.append((weight, flat[middle:end].reshape(members, 1, b)))
        start = end
    return views
