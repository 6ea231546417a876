"""A layer of long short-term memory in NumPy, with slopes written out by hand.

Hochreiter & Schmidhuber, Neural Computation 1997, with forget gates; the equations are those of
`torch.nn.LSTM`, as are its two biases, which double what a step of Adam moves their sum.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from nasbench.networks.parameters import Array, Parameters


@dataclass(frozen=True, slots=True)
class Pass:
    """What a pass over n sequences of p inputs computed."""

    inputs: Array
    states: Array
    """(n, p, H)."""
    before: Array
    """(n, p, H) the state before each."""
    tanhs: Array
    """(n, p, 4 H) hyperbolic tangents behind the gates."""
    memories: Array
    """(n, p + 1, H), the first one of the start."""


class Lstm:
    """One layer of H units on H inputs, whose weights are in `parameters` under `name`."""

    def __init__(self, parameters: Parameters, name: str) -> None:
        parts = [f"{name}.{part}" for part in ("input", "state", "bias")]
        self._input, self._state, self._bias = (parameters.value[part] for part in parts)
        self._slopes = [parameters.slope[part] for part in parts]
        h = self._hidden = len(self._state)
        # sigmoid(x) = (1 + tanh(x / 2)) / 2, so all gates are one call: input, forget, new, output
        self._scale = np.repeat(np.array([0.5, 0.5, 1, 0.5], dtype=np.float32), h)
        self._shift = np.repeat(np.array([0.5, 0.5, 0, 0.5], dtype=np.float32), h)

    @staticmethod
    def shapes(name: str, hidden: int) -> dict[str, tuple[int, ...]]:
        """Of the arrays that the layer needs."""
        square = (hidden, 4 * hidden)
        return {f"{name}.input": square, f"{name}.state": square, f"{name}.bias": (2, 4 * hidden)}

    def __call__(self, x: Array, state: Array, memory: Array) -> Pass:
        """The pass over `x` (n, p, H) from a `state` and a `memory` (n, H)."""
        n, p, h = x.shape
        drive = x @ self._input + self._bias.sum(axis=0)
        states, tanhs = np.empty((n, p + 1, h), np.float32), np.empty_like(drive)
        memories = np.empty_like(states)
        states[:, 0], memories[:, 0] = state, memory
        for t in range(p):
            z = drive[:, t] + states[:, t] @ self._state
            tanhs[:, t] = np.tanh(z * self._scale)
            gates = tanhs[:, t] * self._scale + self._shift
            i, f, g, o = (gates[:, k * h : (k + 1) * h] for k in range(4))
            memories[:, t + 1] = f * memories[:, t] + i * g
            states[:, t + 1] = o * np.tanh(memories[:, t + 1])
        return Pass(x, states[:, 1:], states[:, :-1], tanhs, memories)

    def backward(self, done: Pass, delta: Array) -> tuple[Array, Array]:
        """Slopes to the inputs and to the first state, from those to the states (n, p, H).

        Writes those to the weights.
        """
        n, p, h = delta.shape
        gates = done.tanhs * self._scale + self._shift
        local = (1 - done.tanhs**2) * self._scale**2
        outer = np.tanh(done.memories[:, 1:])
        dz, back = np.empty_like(gates), np.zeros((n, h), np.float32)
        held = np.zeros_like(back)  # slope to the memory
        for t in reversed(range(p)):
            i, f, g, o = (gates[:, t, k * h : (k + 1) * h] for k in range(4))
            ds = delta[:, t] + back
            held = held + ds * o * (1 - outer[:, t] ** 2)
            parts = [held * g, held * done.memories[:, t], held * i, ds * outer[:, t]]
            dz[:, t] = np.concatenate(parts, axis=1) * local[:, t]
            back, held = dz[:, t] @ self._state.T, held * f
        flat = dz.reshape(n * p, -1)
        self._slopes[0][:] = done.inputs.reshape(n * p, -1).T @ flat
        self._slopes[1][:] = done.before.reshape(n * p, -1).T @ flat
        self._slopes[2][:] = flat.sum(axis=0)
        below: Array = dz @ self._input.T
        return below, back
