"""The weights of all cell201 architectures in one network, trained and judged path by path.

Pham et al., "Efficient Neural Architecture Search via Parameters Sharing", ICML 2018. Batch norms
use the statistics of their batch, in training and in judgment.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional as F

from nasbench.core import Architecture, Recipe, SearchData
from nasbench.networks.sampled import sampled_logits
from nasbench.networks.supernet import seeded_supernet
from nasbench.training.examples import Batches


class SharedWeights:
    """Trains on the train split and judges on the valid split of a task; `rng` decides the batches.

    SGD with the settings of NAS-Bench-201's one-shot methods: Nesterov momentum 0.9, weight decay
    2.5e-4, gradients clipped at 5.
    """

    def __init__(
        self, data: SearchData, recipe: Recipe, batch_size: int, rng: np.random.Generator
    ) -> None:
        self._train, self._valid = (
            Batches(split, data.input, "cpu") for split in (data.train, data.valid)
        )
        self._size, self._rng = min(batch_size, len(self._train), len(self._valid)), rng
        seed = int(rng.integers(2**63))
        self.net = seeded_supernet(recipe, data.input, data.classes, seed)
        self._sgd = torch.optim.SGD(
            self.net.parameters(), recipe.lr, 0.9, weight_decay=2.5e-4, nesterov=True
        )

    def __len__(self) -> int:
        """Steps of an epoch; a last, incomplete batch is left out."""
        return len(self._train) // self._size

    def train(self, archs: Iterable[Architecture], lr: float) -> None:
        """One epoch, each step of which trains the weights of the next of `archs` and no others."""
        self._sgd.param_groups[0]["lr"] = lr
        order = self._rng.permutation(len(self._train))[: len(self) * self._size]
        batches = torch.from_numpy(order.reshape(len(self), self._size))
        for arch, batch in zip(archs, batches, strict=True):
            x, y = self._train.take(batch)
            self._sgd.zero_grad()
            torch.autograd.backward(F.cross_entropy(sampled_logits(self.net, x, arch.genes), y))
            torch.nn.utils.clip_grad_norm_(self.net.parameters(), 5.0)
            self._sgd.step()  # passes over whatever has no gradient, weight decay included

    def valid_batch(self) -> tuple[Tensor, Tensor]:
        """A random batch of the valid split."""
        chosen = self._rng.permutation(len(self._valid))[: self._size]
        return self._valid.take(torch.from_numpy(chosen))

    @torch.no_grad()
    def accuracy(self, arch: Architecture, batch: tuple[Tensor, Tensor]) -> float:
        """Of an architecture with the weights as they are, from 0 to 1."""
        x, y = batch
        hits = sampled_logits(self.net, x, arch.genes).argmax(dim=1) == y
        return int(hits.sum()) / len(y)
