"""Random search: independent uniform draws, the baseline that every other method has to beat.

Bergstra & Bengio, "Random Search for Hyper-Parameter Optimization", JMLR 2012; for architectures:
Li & Talwalkar, "Random Search and Reproducibility for Neural Architecture Search", UAI 2019::

    repeat until the budget is spent:
        a ~ Uniform(A)           (A: the space, twins counted; draws are with replacement)
        evaluate a

Deviations: none from the former. Of the latter it is the baseline without shared weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np

from nasbench.core import Candidate, Observation, Problem


@dataclass(frozen=True, slots=True)
class Config:
    """Random search has no settings."""


class RandomSearch:
    """Draws architectures uniformly and independently; observations and objectives play no part."""

    Config: TypeAlias = Config

    def __init__(
        self, problem: Problem, rng: np.random.Generator, config: Config = Config()
    ) -> None:
        self._space = problem.space
        self._rng = rng

    def ask(self, n: int = 1) -> list[Candidate]:
        """`n` uniform draws, always with the full training."""
        return [Candidate(arch) for arch in self._space.sample(n, self._rng)]

    def tell(self, observations: Sequence[Observation]) -> None:
        """Nothing is learned."""
