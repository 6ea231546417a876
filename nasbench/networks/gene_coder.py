"""An autoencoder of architectures as sequences of genes, with a predictor on its latent space.

Luo, Tian, Qin, Chen & Liu, "Neural Architecture Optimization", NeurIPS 2018, sec. 3.2: an LSTM
encodes the sequence as its states, a feed-forward network predicts from their mean, and an LSTM
that attends to them writes the sequence again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn


class GeneCoder(nn.Module):
    """Encoder, predictor and decoder of p genes with `arity` choices each; H units in a layer.

    A latent (p, H) is one vector of length 1 for each gene.
    """

    def __init__(self, arity: Sequence[int], hidden: int) -> None:
        super().__init__()
        choices = np.array(arity)
        self.exists = torch.from_numpy(np.arange(choices.max()) < choices[:, None])
        self.offsets = torch.from_numpy(1 + np.cumsum(choices) - choices)
        self.embedding = nn.Embedding(1 + int(choices.sum()), hidden)  # the first one: the start
        self.encoder = nn.LSTM(hidden, hidden, batch_first=True)
        self.predictor = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.decoder = nn.LSTM(hidden, hidden, batch_first=True)
        self.out = nn.Linear(2 * hidden, int(choices.max()))

    def encode(self, genes: Tensor) -> Tensor:
        """Latents (n, p, H) of `genes` (n, p)."""
        states, _ = self.encoder(self.embedding(self.offsets + genes))
        return nn.functional.normalize(states, dim=-1)

    def predict(self, latents: Tensor) -> Tensor:
        """Predicted target (n,) of latents (n, p, H)."""
        return cast(Tensor, self.predictor(latents.mean(dim=1))[:, 0])

    def log_likelihood(self, latents: Tensor, genes: Tensor) -> Tensor:
        """Log-probability (n, p) of writing each of `genes` (n, p), given those before it."""
        written = (self.offsets + genes)[:, :-1]
        tokens = torch.cat([torch.zeros_like(genes[:, :1]), written], dim=1)
        states, _ = self.decoder(self.embedding(tokens), self._start(latents))
        logits = self._logits(states, latents).masked_fill(~self.exists, -math.inf)
        return logits.log_softmax(dim=-1).gather(2, genes[:, :, None]).squeeze(2)

    @torch.no_grad()
    def decode(self, latents: Tensor) -> Tensor:
        """The genes (n, p) that the decoder writes, always taking the likeliest."""
        token, state = torch.zeros(len(latents), 1, dtype=torch.long), self._start(latents)
        genes = []
        for offset, exists in zip(self.offsets, self.exists, strict=True):
            hidden, state = self.decoder(self.embedding(token), state)
            logits = self._logits(hidden, latents)[:, 0].masked_fill(~exists, -math.inf)
            genes.append(logits.argmax(dim=1))
            token = (offset + genes[-1])[:, None]
        return torch.stack(genes, dim=1)

    def _start(self, latents: Tensor) -> tuple[Tensor, Tensor]:
        """The decoder's first state: what the encoder wrote last."""
        last = latents[:, -1].contiguous()[None]
        return last, torch.zeros_like(last)

    def _logits(self, states: Tensor, latents: Tensor) -> Tensor:
        """Logits (n, q, A) at decoder states (n, q, H), by attention to the latents (n, p, H)."""
        attention = (states @ latents.transpose(1, 2)).softmax(dim=-1)
        return cast(Tensor, self.out(torch.cat([states, attention @ latents], dim=-1)))


def seeded_gene_coder(arity: Sequence[int], seed: int, *, hidden: int) -> GeneCoder:
    """A coder on the CPU whose weights are uniform within 1 / sqrt(H), torch's rule for an LSTM.

    Torch's global generator is neither read nor changed.
    """
    with torch.device("meta"):
        coder = GeneCoder(arity, hidden)
    coder.to_empty(device="cpu")
    rng = torch.Generator().manual_seed(seed)
    for parameter in coder.parameters():
        nn.init.uniform_(parameter, -(hidden**-0.5), hidden**-0.5, generator=rng)
    return coder


def train(
    coder: GeneCoder,
    genes: Tensor,
    y: Tensor,
    rng: np.random.Generator,
    *,
    steps: int,
    batch: int,
    lr: float,
    trade_off: float,
) -> None:
    """Lower trade_off * squared error of predictions + (1 - trade_off) * -log-likelihood of genes.

    `steps` of Adam on batches of `genes` (n, p) and targets `y` (n,), drawn with replacement.
    """
    adam = torch.optim.Adam(coder.parameters(), lr, fused=True)
    for some in torch.from_numpy(rng.integers(len(y), size=(steps, batch))):
        latents = coder.encode(genes[some])
        error = ((coder.predict(latents) - y[some]) ** 2).mean()
        rewriting = -coder.log_likelihood(latents, genes[some]).mean()
        adam.zero_grad()
        torch.autograd.backward(trade_off * error + (1 - trade_off) * rewriting)
        nn.utils.clip_grad_norm_(coder.parameters(), 5.0)
        adam.step()
