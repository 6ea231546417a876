"""A searcher that tries the architectures one after the other."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from nasbench.core import Candidate, Observation, Problem


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the sweep."""

    stride: int = 5
    """Indices from one architecture to the next."""


class Sweep:
    """Walks through the indices of the space, from a random one on."""

    Config = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space = problem.space
        self._stride = config.stride
        self._next = int(rng.integers(len(problem.space)))

    def ask(self, n: int = 1) -> list[Candidate]:
        return [Candidate(self._space.arch(self._step())) for _ in range(n)]

    def tell(self, observations: Sequence[Observation]) -> None:
        pass

    def _step(self) -> int:
        now, self._next = self._next, (self._next + self._stride) % len(self._space)
        return now
