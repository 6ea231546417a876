"""Weights of a network and their slopes in NumPy, each kind as one array with named views.

At the size of a predictor of architectures a step of training goes to calls, not to arithmetic; in
one array a step of Adam (Kingma & Ba, ICLR 2015, algorithm 1) is ten calls for all weights.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float32]
BETAS = (0.9, 0.999)


class Parameters:
    """Arrays of 0 with these names and shapes; whoever trains writes their slopes."""

    def __init__(self, shapes: Mapping[str, tuple[int, ...]]) -> None:
        sizes = [math.prod(shape) for shape in shapes.values()]
        arrays = np.zeros((4, sum(sizes)), dtype=np.float32)
        self._flat, self._slope, self._mean, self._square = arrays
        self._steps = 0
        self.value, self.slope = (
            {
                name: part.reshape(shape)
                for (name, shape), part in zip(
                    shapes.items(), np.split(flat, np.cumsum(sizes)[:-1]), strict=True
                )
            }
            for flat in (self._flat, self._slope)
        )

    def linear(self, name: str, x: Array) -> Array:
        """What the linear layer `name` makes of `x` (..., inputs).

        Its weight is (inputs, outputs), or (members, inputs, outputs) for a stack of layers.
        """
        y: Array = x @ self.value[f"{name}.weight"]
        y += self.value[f"{name}.bias"]
        return y

    def back(self, name: str, x: Array, delta: Array) -> Array:
        """Slopes to the input `x` of a linear layer, from those to its output; writes its own."""
        self.write(name, x, delta)
        below: Array = delta @ self.value[f"{name}.weight"].swapaxes(-1, -2)
        return below

    def write(self, name: str, x: Array, delta: Array) -> None:
        """Write the slopes of a linear layer, from its input and the slopes to its output."""
        weight, bias = self.slope[f"{name}.weight"], self.slope[f"{name}.bias"]
        *stack, inputs, outputs = weight.shape
        rows = delta.reshape(*stack, -1, outputs)
        np.matmul(x.reshape(*stack, -1, inputs).swapaxes(-1, -2), rows, out=weight)
        bias[:] = rows.sum(axis=-2).reshape(bias.shape)

    def adam(
        self, lr: float, *, decay: float = 0.0, shrink: float = 0.0, longest: float = math.inf
    ) -> None:
        """One step down the slopes, to which `decay` times the weights is added.

        Slopes of a norm above `longest` are scaled to it first. With `shrink` the weights lose that
        share, times `lr`, before the step (Loshchilov & Hutter, ICLR 2019).
        """
        self._steps += 1
        slope = self._slope + np.float32(decay) * self._flat
        if longest < math.inf:
            slope *= min(1.0, longest / (math.sqrt(float(slope @ slope)) + 1e-6))
        self._mean += (1 - BETAS[0]) * (slope - self._mean)
        self._square += (1 - BETAS[1]) * (slope**2 - self._square)
        self._flat *= np.float32(1 - lr * shrink)
        rate = lr / (1 - BETAS[0] ** self._steps)
        scale = math.sqrt(1 - BETAS[1] ** self._steps)
        self._flat -= rate * self._mean / (np.sqrt(self._square) / scale + np.float32(1e-8))
