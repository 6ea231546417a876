"""Networks of cell201 that descend from one another: trained, judged, and inherited from.

SGD with the settings of the benchmark's own trainings; every training has a learning rate that
falls on a half cosine of its own (Loshchilov & Hutter, ICLR 2017).
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch.nn.functional import cross_entropy

from nasbench.core import Architecture, Recipe, SearchData
from nasbench.networks.cell201 import Network
from nasbench.networks.transform import inherit
from nasbench.networks.weights import seeded_network
from nasbench.training.examples import Batches
from nasbench.training.train import evaluate, learning_rate, sgd


class Lineage:
    """Trains on the train split and judges on the valid split; `rng` decides weights and batches.

    The `recipe` says how networks are built and with which settings they are trained.
    """

    def __init__(self, data: SearchData, recipe: Recipe, rng: np.random.Generator) -> None:
        self._train, self._valid = (
            Batches(split, data.input, "cpu") for split in (data.train, data.valid)
        )
        self._data, self._recipe, self._rng = data, recipe, rng

    def founder(self, arch: Architecture) -> Network:
        """A network with random weights."""
        return seeded_network(
            arch, self._recipe, self._data.input, self._data.classes, self._seed()
        )

    def child(self, parent: Network, arch: Architecture) -> Network:
        """A network with the weights of its parent, of which it is a transformation."""
        return inherit(parent, arch, self._recipe, self._data.input, self._seed())

    def train(self, network: Network, epochs: int) -> float:
        """Train for this long; the accuracy on the valid split after it, in percent."""
        recipe = replace(self._recipe, epochs=epochs)
        network.train()
        optimizer = sgd(list(network.parameters()), recipe, fused=False)
        size = min(recipe.batch_size, len(self._train))
        steps = len(self._train) // size  # a last, incomplete batch is left out
        for step in range(steps * epochs):
            if step % steps == 0:
                order = torch.from_numpy(self._rng.permutation(len(self._train)))
            start = step % steps * size
            x, y = self._train.take(order[start : start + size])
            optimizer.param_groups[0]["lr"] = learning_rate(recipe, step, steps)
            optimizer.zero_grad()
            torch.autograd.backward(cross_entropy(network(x), y))
            torch.nn.utils.clip_grad_norm_(network.parameters(), 5.0)
            optimizer.step()
        network.eval()
        with torch.inference_mode():
            return evaluate(network, self._valid)[1]

    def _seed(self) -> int:
        return int(self._rng.integers(2**63))
