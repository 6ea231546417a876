"""The policy of reinforcement-learning searchers: an LSTM that writes an architecture gene by gene.

Zoph & Le, "Neural Architecture Search with Reinforcement Learning", ICLR 2017, sec. 3.1: every
decision is a softmax of its own on the LSTM's state, and what was decided is embedded as the next
input. ENAS (Pham et al., ICML 2018) bounds the logits: c tanh(logits / T).
"""

from __future__ import annotations

import math
from collections.abc import Sequence

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn


class Controller(nn.Module):
    """A distribution over p genes with `arity` choices each; A is the largest arity.

    Its methods take `allowed`, an optional mask (n, p, A) of the choices that there are in each row
    beside `arity`: a decision with one choice left has the log-probability and the entropy 0.
    `squash` is (T, c) of ENAS' bounded logits.
    """

    def __init__(
        self,
        arity: Sequence[int],
        hidden: int,
        layers: int,
        squash: tuple[float, float] | None = None,
    ) -> None:
        super().__init__()
        choices = np.array(arity)
        self.squash = squash
        self.exists = torch.from_numpy(np.arange(choices.max()) < choices[:, None])
        self.offsets = torch.from_numpy(1 + np.cumsum(choices) - choices)
        self.embedding = nn.Embedding(1 + int(choices.sum()), hidden)  # the first one: the start
        self.lstm = nn.LSTM(hidden, hidden, layers, batch_first=True)
        self.weight = nn.Parameter(torch.empty(len(choices), hidden, int(choices.max())))
        self.bias = nn.Parameter(torch.empty(len(choices), int(choices.max())))

    def forward(self, genes: Tensor, allowed: Tensor | None = None) -> tuple[Tensor, Tensor]:
        """Log-probability of each decision that made `genes` (n, p), and its entropy, both (n, p).

        Each is given the decisions before it; entropies are in nats.
        """
        written = (self.offsets + genes)[:, :-1]
        start = torch.zeros_like(genes[:, :1])
        hidden, _ = self.lstm(self.embedding(torch.cat([start, written], dim=1)))
        logits = torch.einsum("nph,pha->npa", hidden, self.weight) + self.bias
        exists = self.exists if allowed is None else self.exists & allowed
        log_pi = self._log_softmax(logits, exists)
        entropies = -(log_pi.exp() * log_pi.masked_fill(~exists, 0)).sum(dim=2)
        return log_pi.gather(2, genes[:, :, None]).squeeze(2), entropies

    @torch.no_grad()
    def sample(
        self, n: int, rng: np.random.Generator, allowed: Tensor | None = None
    ) -> NDArray[np.int64]:
        """`n` draws of genes, (n, p)."""
        genes = np.zeros((n, len(self.exists)), np.int64)
        token, state = torch.zeros(n, 1, dtype=torch.long), None
        for i, uniform in enumerate(rng.random((len(self.exists), n, 1))):
            hidden, state = self.lstm(self.embedding(token), state)
            exists = self.exists[i] if allowed is None else self.exists[i] & allowed[:, i]
            log_pi = self._log_softmax(hidden[:, 0] @ self.weight[i] + self.bias[i], exists)
            cumulated = log_pi.exp().double().numpy().cumsum(axis=1)
            cumulated /= cumulated[:, -1:]  # exactly 1 at the end, whatever the rounding
            genes[:, i] = (cumulated <= uniform).sum(axis=1)
            token = self.offsets[i] + torch.from_numpy(genes[:, i : i + 1])
        return genes

    @torch.no_grad()
    def likeliest(self) -> NDArray[np.int64]:
        """All genes there are, the likeliest first, (product of the arity, p)."""
        arity = self.exists.sum(dim=1).tolist()
        everything = np.ascontiguousarray(np.indices(arity).reshape(len(arity), -1).T)
        log_pi, _ = self(torch.from_numpy(everything))
        order = np.argsort(-log_pi.sum(dim=1).numpy(), kind="stable")
        return everything[order]

    def _log_softmax(self, logits: Tensor, exists: Tensor) -> Tensor:
        if self.squash is not None:
            temperature, constant = self.squash
            logits = constant * (logits / temperature).tanh()
        return logits.masked_fill(~exists, -math.inf).log_softmax(dim=-1)


def seeded_controller(
    arity: Sequence[int],
    seed: int,
    *,
    hidden: int,
    layers: int,
    span: float,
    squash: tuple[float, float] | None = None,
) -> Controller:
    """A controller on the CPU whose weights are uniform in [-span, span].

    Torch's global generator is neither read nor changed.
    """
    with torch.device("meta"):
        controller = Controller(arity, hidden, layers, squash)
    controller.to_empty(device="cpu")
    rng = torch.Generator().manual_seed(seed)
    for parameter in controller.parameters():
        nn.init.uniform_(parameter, -span, span, generator=rng)
    return controller
