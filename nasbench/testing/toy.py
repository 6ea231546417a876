"""A space of 120 architectures and a made-up benchmark on it: small enough to know every answer.

Nothing here was trained. The toys stand in for real spaces and tables in the tests of searchers,
harness and plug-ins; `ToySpace((1, 1))` is the space with a single architecture.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Candidate, LabeledGraph, Metric, Result, Space, Split
from nasbench.errors import InvalidArchitecture, UnknownSchedule, WrongSpace


@dataclass(frozen=True, slots=True)
class ToySpace:
    """All tuples of genes below `arity`; the second gene has no effect while the first is 0."""

    arity: tuple[int, ...] = (2, 3, 4, 5)

    @property
    def name(self) -> str:
        return _name(self.arity)

    def __len__(self) -> int:
        return math.prod(self.arity)

    def is_valid(self, arch: Architecture) -> bool:
        return (
            arch.space == self.name
            and len(arch.genes) == len(self.arity)
            and all(
                0 <= gene < choices for gene, choices in zip(arch.genes, self.arity, strict=True)
            )
        )

    def canonical(self, arch: Architecture) -> Architecture:
        genes = self._checked(arch)
        dead = len(genes) > 1 and genes[0] == 0
        return Architecture(self.name, (0, 0, *genes[2:])) if dead else arch

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        rows = rng.integers(self.arity, size=(n, len(self.arity))).tolist()
        return [Architecture(self.name, tuple(row)) for row in rows]

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        around = _around(self.arity, self._checked(arch))
        return around[int(rng.integers(len(around)))] if around else arch

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        pairs = zip(self._checked(a), self._checked(b), strict=True)
        from_a = rng.random(len(self.arity)) < 0.5
        genes = tuple(x if first else y for first, (x, y) in zip(from_a, pairs, strict=True))
        return Architecture(self.name, genes)

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        return list(_around(self.arity, self._checked(arch)))

    def encode(self, archs: Sequence[Architecture]) -> NDArray[np.float32]:
        genes = np.array([self._checked(a) for a in archs], dtype=np.intp)
        genes = genes.reshape(len(archs), len(self.arity))
        columns = [np.eye(n, dtype=np.float32)[genes[:, i]] for i, n in enumerate(self.arity)]
        return np.concatenate(columns, axis=1)

    def graph(self, arch: Architecture) -> LabeledGraph:
        """A chain of the genes that have an effect."""
        genes = self.canonical(arch).genes
        dead = len(genes) > 1 and genes[0] == 0
        inner = [f"gene{i}={gene}" for i, gene in enumerate(genes) if not (dead and i == 1)]
        labels = ("input", *inner, "output")
        return LabeledGraph(labels, tuple((i, i + 1, 1) for i in range(len(labels) - 1)))

    def parse(self, text: str) -> Architecture:
        parts = text.split("-")
        if not all(part.isascii() and part.isdigit() for part in parts):
            raise InvalidArchitecture(
                f"{self.name} writes genes as numbers joined by '-', such as "
                f"{'-'.join('0' for _ in self.arity)}; got {text!r}"
            )
        arch = Architecture(self.name, tuple(int(part) for part in parts))
        self._checked(arch)
        return arch

    def format(self, arch: Architecture) -> str:
        return "-".join(map(str, self._checked(arch)))

    def index(self, arch: Architecture) -> int:
        index = 0
        for gene, choices in zip(self._checked(arch), self.arity, strict=True):
            index = index * choices + gene
        return index

    def arch(self, index: int) -> Architecture:
        if not 0 <= index < len(self):
            raise InvalidArchitecture(
                f"{self.name} has the indices 0..{len(self) - 1}, got {index}"
            )
        genes: list[int] = []
        for choices in reversed(self.arity):
            index, gene = divmod(int(index), choices)
            genes.append(gene)
        return Architecture(self.name, tuple(reversed(genes)))

    def _checked(self, arch: Architecture) -> tuple[int, ...]:
        if arch.space != self.name:
            raise WrongSpace(f"expected an architecture of {self.name}, got one of {arch.space}")
        if not self.is_valid(arch):
            raise InvalidArchitecture(
                f"{self.name} has {len(self.arity)} genes below {self.arity}, got {arch.genes}"
            )
        return arch.genes


@lru_cache
def _name(arity: tuple[int, ...]) -> str:
    return f"toy-{'x'.join(map(str, arity))}-v1"


@lru_cache(1000)
def _around(arity: tuple[int, ...], genes: tuple[int, ...]) -> tuple[Architecture, ...]:
    """The neighbors, made once: searchers with a pool mutate some hundred thousand times."""
    return tuple(
        Architecture(_name(arity), (*genes[:i], choice, *genes[i + 1 :]))
        for i, choices in enumerate(arity)
        for choice in range(choices)
        if choice != genes[i]
    )


_SPLITS: tuple[Split, ...] = ("train", "valid", "test")


class ToyBenchmark:
    """A formula that looks like a table: learning curves, noise by seed, a test split, parameters.

    The best architecture takes every gene's last choice, but the last gene's middle one.
    """

    metrics: tuple[Metric, ...] = (
        *(Metric(f"{split}_loss", "nats", "lower", split) for split in _SPLITS),
        *(Metric(f"{split}_accuracy", "%", "higher", split) for split in _SPLITS),
        Metric("params", "parameters", "lower", "static"),
        Metric("macs", "multiply-adds", "lower", "static"),
    )
    epochs: tuple[int, ...] = (1, 2, 4, 8)

    def __init__(self, space: Space | None = None, *, noise: float = 0.5) -> None:
        self.space: Space = ToySpace() if space is None else space
        self.name = f"toy/{self.space.name}"
        self.noise = noise
        """Standard deviation between repeats, in percentage points of accuracy."""

    def query(
        self, candidates: Sequence[Candidate], *, noise_seed: int | None = None
    ) -> list[Result]:
        return [self._result(candidate, noise_seed) for candidate in candidates]

    def rows(self) -> tuple[NDArray[np.int16], Mapping[str, NDArray[np.float64]]]:
        """Genes (classes, p) and metric columns (classes,) of the full training."""
        archs = [self.space.arch(index) for index in range(len(self.space))]
        archs = [arch for arch in archs if self.space.canonical(arch) == arch]
        results = self.query([Candidate(arch) for arch in archs])
        columns = {
            metric.name: np.array([result.metrics[metric.name] for result in results])
            for metric in self.metrics
        }
        return np.array([arch.genes for arch in archs], dtype=np.int16), columns

    def _result(self, candidate: Candidate, noise_seed: int | None) -> Result:
        epochs = self.epochs[-1] if candidate.epochs is None else candidate.epochs
        if epochs not in self.epochs:
            raise UnknownSchedule(
                f"{self.name} has no {epochs}-epoch results; it offers {self.epochs}. "
                "Without epochs it is the full training."
            )
        genes = self.space.canonical(candidate.arch).genes
        noise = [0.0] * len(_SPLITS)
        if noise_seed is not None:
            drawn = np.random.default_rng([noise_seed, *genes]).normal(0, self.noise, len(_SPLITS))
            noise = [float(x) for x in drawn]
        params = 100.0 + 50 * sum(genes)
        metrics = {"params": params, "macs": 8 * params}
        learned, quality = 1 - 0.5 / epochs, _quality(self.space.arity, genes)
        for split, gap, error in zip(_SPLITS, (3.0, 0.0, -1.0), noise, strict=True):
            accuracy = min(max(10 + 80 * quality * learned + gap + error, 0.0), 100.0)
            metrics[f"{split}_accuracy"] = accuracy
            metrics[f"{split}_loss"] = 2.4 - accuracy / 50
        return Result(metrics, cost_s=epochs * (0.5 + params / 1000))


@lru_cache(1000)
def _quality(arity: tuple[int, ...], genes: tuple[int, ...]) -> float:
    """From 0 to 1; no two classes of the default space share it."""
    *first, last = zip(genes, arity, strict=True)
    worth, total = 0.0, 0.0
    for i, (gene, choices) in enumerate(first):
        weight = 1 / (1 + 0.37 * i)
        worth += weight * (gene / (choices - 1) if choices > 1 else 1.0)
        total += weight
    gene, choices = last
    middle = (choices - 1) / 2
    worth += 0.8 * (1 - abs(gene - middle - 0.1) / (middle + 0.1) if choices > 1 else 1.0)
    return worth / (total + 0.8)
