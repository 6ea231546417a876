"""Zero-cost proxies: numbers about an untrained network that are to rank architectures.

An architecture's canonical form is built at the width of the task's recipe, its weights are drawn
as for a training, and the proxy is computed on one minibatch of the train split, on the CPU. The
seed decides weights and minibatch, and with them every value bit for bit on one machine; the
seconds, of building the network and of scoring it, are measured each time. Higher is better of all
of them, for parameters and multiply-accumulates as well: they are proxies like the others here.

Tokens are embedded first, by the embedding that a training would start with. For synflow, jacob-cov
and grad-norm the network begins behind it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from functools import cache
from time import perf_counter
from typing import cast

import numpy as np
import torch
from torch import Tensor, nn

from nasbench import registry
from nasbench.core import (
    Architecture,
    CostModel,
    Estimate,
    InputSpec,
    Metric,
    ProxyFactory,
    Recipe,
    SearchData,
)
from nasbench.errors import InvalidConfig, UnknownName, WrongSpace
from nasbench.networks.weights import seeded_network
from nasbench.training import proxy_scores
from nasbench.training.proxy_scores import ProxyScore
from nasbench.training.train import deterministic
from nasbench.training.trainers import network_of, spaces_with_networks, trainer_of


class NetworkProxy:
    """A score of seeded networks on a minibatch."""

    def __init__(
        self, name: str, score: ProxyScore, data: SearchData, *, seed: int, batch_size: int
    ) -> None:
        preload()
        self.metric = Metric(name, "1", "higher", "train")
        self._score, self._data, self._seed = score, data, seed
        self._x, self._y = _minibatch(data, seed, batch_size)

    def estimate(self, archs: Sequence[Architecture]) -> list[Estimate]:
        """Scores of new networks."""
        _refuse_others(archs, spaces_with_networks(), f"{self.metric.name} scores networks")
        with deterministic("cpu"):
            return [_timed(self._value, arch) for arch in archs]

    def _value(self, arch: Architecture) -> float:
        data = self._data
        form = registry.space(arch.space).canonical(arch)
        network = network_of(arch.space)(form, data.recipe, data.input, data.classes, self._seed)
        with torch.no_grad():
            x = cast("nn.Module", network.embed)(self._x)
        network.embed = nn.Identity()
        return self._score(network, x, self._y)


class CountProxy:
    """Parameters or multiply-accumulates of the network that a table trains."""

    def __init__(self, name: str, unit: str, place: int, data: SearchData) -> None:
        self.metric = Metric(name, unit, "higher", "static")
        self._place, self._data = place, data

    def estimate(self, archs: Sequence[Architecture]) -> list[Estimate]:
        """Counts of the canonical forms."""
        known = registry.names(registry.TRAINERS)
        _refuse_others(archs, known, f"{self.metric.name} are counted for networks")
        return [_timed(self._value, arch) for arch in archs]

    def _value(self, arch: Architecture) -> float:
        data = self._data
        form = registry.space(arch.space).canonical(arch)
        counted = trainer_of(arch.space).count(form, data.recipe, data.input, data.classes)
        return float(counted[self._place])


def proxy(name: str) -> ProxyFactory:
    """The factory of a registered zero-cost proxy.

    Raises:
        UnknownName: none has this name.
    """
    known = registry.names(registry.PROXIES)
    if name not in known:
        raise registry.unknown(UnknownName, "zero-cost proxy", name, known)
    return cast("ProxyFactory", registry.resolve(registry.PROXIES, name))


@cache
def preload() -> None:
    """Make a network, so that what torch loads for its first one is on nobody's clock."""
    smallest = Recipe(channels=1, stages=1)
    tokens = InputSpec("tokens", 1, 1, 4, vocabulary=2)
    seeded_network(Architecture("cell201-v1", (3,) * 6), smallest, tokens, classes=2, seed=0)


def _of_network(name: str, score: ProxyScore) -> ProxyFactory:
    def make(data: SearchData, *, seed: int = 0, batch_size: int = 64) -> CostModel:
        return NetworkProxy(name, score, data, seed=seed, batch_size=batch_size)

    return make


def _of_count(name: str, unit: str, place: int) -> ProxyFactory:
    def make(data: SearchData, *, seed: int = 0, batch_size: int = 64) -> CostModel:
        return CountProxy(name, unit, place, data)

    return make


synflow = _of_network("synflow", proxy_scores.synflow)
naswot = _of_network("naswot", proxy_scores.naswot)
grad_norm = _of_network("grad-norm", proxy_scores.grad_norm)
jacob_cov = _of_network("jacob-cov", proxy_scores.jacob_cov)
params = _of_count("params", "parameters", 0)
macs = _of_count("macs", "multiply-adds", 1)


def _refuse_others(archs: Sequence[Architecture], known: Sequence[str], what: str) -> None:
    for arch in archs:
        if arch.space not in known:
            raise WrongSpace(
                f"{what} that are trained here, those of {', '.join(known)}; got an architecture "
                f"of {arch.space}"
            )


def _minibatch(data: SearchData, seed: int, size: int) -> tuple[Tensor, Tensor]:
    """Inputs (size, ...) and labels (size,) of the train split, without replacement."""
    if not 2 <= size <= len(data.train):
        raise InvalidConfig(
            f"a proxy's minibatch has 2 to {len(data.train)} examples of {data.task}, got {size!r}"
        )
    chosen = np.random.default_rng(seed).permutation(len(data.train))[:size]
    x, y = data.train.x[chosen], data.train.y[chosen]
    return torch.from_numpy(np.array(x)), torch.from_numpy(np.array(y))


def _timed(value_of: Callable[[Architecture], float], arch: Architecture) -> Estimate:
    before = perf_counter()
    value = value_of(arch)
    spent = perf_counter() - before
    return Estimate(-math.inf if math.isnan(value) else value, spent)
