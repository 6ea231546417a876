"""An autoencoder of architectures as sequences of genes, with a predictor on its latent space.

Luo, Tian, Qin, Chen & Liu, "Neural Architecture Optimization", NeurIPS 2018, sec. 3.2: an LSTM
encodes the sequence as its states, a feed-forward network predicts from their mean, and an LSTM
that attends to them writes the sequence again. In NumPy, with slopes written out by hand: at this
size automatic derivatives spend their time on calls.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from nasbench.networks.lstm import Lstm, Pass
from nasbench.networks.parameters import Array, Parameters

Genes = NDArray[np.int64]
LONGEST = 5.0
"""Norm to which longer slopes are scaled."""


class GeneCoder:
    """Encoder, predictor and decoder of p genes with `arity` choices each; H units in a layer.

    A latent (p, H) is one vector of length 1 for each gene. Weights start uniform within
    1 / sqrt(H), torch's rule for an LSTM.
    """

    def __init__(self, arity: Sequence[int], rng: np.random.Generator, *, hidden: int) -> None:
        choices = np.array(arity)
        widest = int(choices.max())
        self._absent = np.arange(widest) >= choices[:, None]
        self._offsets = 1 + np.cumsum(choices) - choices  # token 0 is the start
        self.parameters = Parameters(
            {
                "tokens": (1 + int(choices.sum()), hidden),
                **Lstm.shapes("encoder", hidden),
                **Lstm.shapes("decoder", hidden),
                "inner.weight": (hidden, hidden),
                "inner.bias": (hidden,),
                "outer.weight": (hidden, 1),
                "outer.bias": (1,),
                "out.weight": (2 * hidden, widest),
                "out.bias": (widest,),
            }
        )
        for value in self.parameters.value.values():
            value[:] = rng.uniform(-1, 1, value.shape) * hidden**-0.5
        self._tokens = self.parameters.value["tokens"]
        self._encoder = Lstm(self.parameters, "encoder")
        self._decoder = Lstm(self.parameters, "decoder")

    def encode(self, genes: Genes) -> Array:
        """Latents (n, p, H) of `genes` (n, p)."""
        return _normalized(self._encoded(genes).states)

    def predict(self, latents: Array) -> Array:
        """Predicted target (n,) of latents (n, p, H)."""
        inner = np.maximum(self.parameters.linear("inner", latents.mean(axis=1)), 0)
        return self.parameters.linear("outer", inner)[:, 0]

    def slopes(self, latents: Array) -> Array:
        """Slopes (n, p, H) of each prediction to its latent."""
        mean = latents.mean(axis=1)
        inner = np.maximum(self.parameters.linear("inner", mean), 0)
        ones = np.ones((len(latents), 1), dtype=np.float32)
        return self._predictor_back(latents.shape[1], mean, inner, ones)

    def log_likelihood(self, latents: Array, genes: Genes) -> Array:
        """Log-probability (n, p) of writing each of `genes` (n, p), given those before it."""
        done = self._decoded(latents, genes)
        logits = self._logits(_attended(done.states, latents), self._absent)
        return np.take_along_axis(_log_softmax(logits), genes[..., None], axis=2)[..., 0]

    def decode(self, latents: Array) -> Genes:
        """The genes (n, p) that the decoder writes, always taking the likeliest."""
        state, memory = latents[:, -1], np.zeros_like(latents[:, -1])
        tokens, genes = np.zeros(len(latents), dtype=np.int64), []
        for offset, absent in zip(self._offsets, self._absent, strict=True):
            done = self._decoder(self._tokens[tokens][:, None], state, memory)
            logits = self._logits(_attended(done.states, latents), absent)
            genes.append(logits[:, 0].argmax(axis=1))
            tokens = offset + genes[-1]
            state, memory = done.states[:, -1], done.memories[:, -1]
        return np.stack(genes, axis=1)

    def fit(
        self,
        genes: Genes,
        y: NDArray[np.float64],
        rng: np.random.Generator,
        *,
        steps: int,
        batch: int,
        lr: float,
        trade_off: float,
    ) -> None:
        """Lower trade_off * squared error of predictions + (1 - trade_off) * -log-likelihood.

        `steps` of Adam on batches of `genes` (n, p) and targets `y` (n,), drawn with replacement.
        """
        targets = y.astype(np.float32)
        for some in rng.integers(len(y), size=(steps, batch)):
            self.backward(genes[some], targets[some], trade_off)
            self.parameters.adam(lr, longest=LONGEST)

    def backward(self, genes: Genes, y: Array, trade_off: float) -> None:
        """Write the slopes of the loss on `genes` (n, p) and targets `y` (n,)."""
        n, p = genes.shape
        encoded = self._encoded(genes)
        latents = _normalized(encoded.states)
        mean = latents.mean(axis=1)
        inner = np.maximum(self.parameters.linear("inner", mean), 0)
        errors = self.parameters.linear("outer", inner) - y[:, None]
        delta = self._predictor_back(p, mean, inner, errors * np.float32(2 * trade_off / n))
        to_latents, to_written = self._decoder_back(latents, genes, (1 - trade_off) / (n * p))
        delta += to_latents
        lengths = np.maximum(np.linalg.norm(encoded.states, axis=2, keepdims=True), 1e-12)
        delta = (delta - latents * (delta * latents).sum(axis=2, keepdims=True)) / lengths
        to_read, _ = self._encoder.backward(encoded, delta)
        tokens = np.concatenate([(self._offsets + genes).ravel(), self._written(genes).ravel()])
        chosen = (tokens == np.arange(len(self._tokens))[:, None]).astype(np.float32)
        both = np.concatenate([to_read, to_written]).reshape(len(tokens), -1)
        self.parameters.slope["tokens"][:] = chosen @ both

    def _predictor_back(self, p: int, mean: Array, inner: Array, delta: Array) -> Array:
        """Slopes to latents (n, p, H), from those to predictions (n, 1)."""
        d = self.parameters.back("outer", inner, delta) * (inner > 0)
        d = self.parameters.back("inner", mean, d) / np.float32(p)
        return np.repeat(d[:, None], p, axis=1)

    def _decoder_back(self, latents: Array, genes: Genes, weight: float) -> tuple[Array, Array]:
        """Slopes of the summed negative log-likelihood times `weight`.

        To the latents, and to the embedded genes that the decoder is told.
        """
        done = self._decoded(latents, genes)
        seen = _attended(done.states, latents)
        d = np.exp(_log_softmax(self._logits(seen, self._absent)))
        d -= genes[..., None] == np.arange(d.shape[2])
        h = latents.shape[2]
        d = self.parameters.back("out", seen.both, d * np.float32(weight))
        to_states, to_context = d[..., :h], d[..., h:]
        a = seen.attention
        da = to_context @ latents.swapaxes(1, 2)
        ds = a * (da - (a * da).sum(axis=2, keepdims=True))
        to_latents = a.swapaxes(1, 2) @ to_context + ds.swapaxes(1, 2) @ done.states
        to_written, first = self._decoder.backward(done, to_states + ds @ latents)
        to_latents[:, -1] += first
        return to_latents, to_written

    def _encoded(self, genes: Genes) -> Pass:
        start = np.zeros((len(genes), self._tokens.shape[1]), dtype=np.float32)
        return self._encoder(self._tokens[self._offsets + genes], start, start)

    def _decoded(self, latents: Array, genes: Genes) -> Pass:
        """The decoder's pass, told the genes; its first state is what the encoder wrote last."""
        start = latents[:, -1]
        return self._decoder(self._tokens[self._written(genes)], start, np.zeros_like(start))

    def _written(self, genes: Genes) -> Genes:
        """Tokens (n, p) before each gene."""
        return np.concatenate(
            [np.zeros_like(genes[:, :1]), (self._offsets + genes)[:, :-1]], axis=1
        )

    def _logits(self, seen: _Attended, absent: NDArray[np.bool_]) -> Array:
        return np.where(absent, np.float32(-np.inf), self.parameters.linear("out", seen.both))


class _Attended(NamedTuple):
    attention: Array
    """(n, q, p) shares of the latents."""
    both: Array
    """(n, q, 2 H) states beside what they attend to."""


def _attended(states: Array, latents: Array) -> _Attended:
    """States (n, q, H) that attend to latents (n, p, H)."""
    attention = np.exp(_log_softmax(states @ latents.swapaxes(1, 2)))
    return _Attended(attention, np.concatenate([states, attention @ latents], axis=2))


def _normalized(states: Array) -> Array:
    result: Array = states / np.maximum(np.linalg.norm(states, axis=-1, keepdims=True), 1e-12)
    return result


def _log_softmax(x: Array) -> Array:
    x = x - x.max(axis=-1, keepdims=True)
    result: Array = x - np.log(np.exp(x).sum(axis=-1, keepdims=True))
    return result
