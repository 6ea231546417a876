"""Searchers that do what a test tells them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import pytest

from nasbench.core import Candidate
from nasbench.testing.toy import ToyBenchmark


@dataclass(frozen=True, slots=True)
class NoConfig:
    """Nothing to set."""


@pytest.fixture
def toy():
    return ToyBenchmark()


@pytest.fixture
def scripted():
    """Makes searchers that propose a list in order, then nothing, and keep what they are told."""

    def make(candidates):
        class Scripted:
            Config = NoConfig
            told: ClassVar = []

            def __init__(self, problem, rng, config=None):
                self.left = list(candidates)

            def ask(self, n=1):
                return [self.left.pop(0) for _ in range(min(n, len(self.left)))]

            def tell(self, observations):
                self.told.extend(observations)

        return Scripted

    return make


@pytest.fixture
def uniform():
    """A searcher that draws uniformly, with one setting: the epochs."""

    @dataclass(frozen=True, slots=True)
    class Config:
        """What can be set."""

        epochs: int | None = None
        """Of every candidate."""
        share: float = 0.5
        """Unused."""

        def __post_init__(self):
            if not 0 <= self.share <= 1:
                raise ValueError("share is a fraction")

    class Uniform:
        def __init__(self, problem, rng, config=None):
            self.problem, self.rng, self.config = problem, rng, config

        def ask(self, n=1):
            return [
                Candidate(arch, self.config.epochs)
                for arch in self.problem.space.sample(n, self.rng)
            ]

        def tell(self, observations):
            pass

    Uniform.Config = Config
    return Uniform
