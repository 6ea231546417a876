"""Searchers that do what a test tells them, and comparisons of them on the toy benchmark."""

from __future__ import annotations

from concurrent.futures import Executor, Future
from dataclasses import dataclass
from typing import ClassVar

import pytest

from nasbench import registry
from nasbench.core import Budget, Candidate
from nasbench.harness import compare as module
from nasbench.harness.compare import compare
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


SEARCHERS = """
from __future__ import annotations
import os, time
from dataclasses import dataclass
from nasbench.core import Candidate

@dataclass(frozen=True, slots=True)
class Config:
    "What can be set."
    epochs: int | None = None
    "Of every candidate."

class Uniform:
    Config = Config

    def __init__(self, problem, rng, config=Config()):
        self.problem, self.rng, self.config = problem, rng, config

    def ask(self, n=1):
        archs = self.problem.space.sample(n, self.rng)
        return [Candidate(arch, self.config.epochs) for arch in archs]

    def tell(self, observations):
        pass

class Sleepy(Uniform):
    def ask(self, n=1):
        time.sleep(0.01)
        return super().ask(n)

class Broken(Uniform):
    def ask(self, n=1):
        raise ZeroDivisionError("of a searcher")

class Crashing(Uniform):
    def ask(self, n=1):
        os._exit(3)
"""


class Inline(Executor):
    """Does the work at once, in this process, and counts it."""

    def __init__(self):
        self.count = 0

    def submit(self, function, /, *args, **kwargs):
        self.count += 1
        future = Future()
        future.set_result(function(*args, **kwargs))
        return future

    def shutdown(self, wait=True, *, cancel_futures=False):
        raise AssertionError("an executor that was given stays open")


@pytest.fixture
def inline():
    """Makes executors that do the work at once."""
    return Inline


@pytest.fixture
def registered(monkeypatch):
    """The toy benchmark, found under the name toy."""
    module._opened.cache_clear()
    toy = ToyBenchmark()
    monkeypatch.setattr(registry, "benchmark", {"toy": toy}.__getitem__)
    yield toy
    module._opened.cache_clear()


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "mine.py"
    path.write_text(SEARCHERS)
    return path


@pytest.fixture
def start(registered, file, tmp_path):
    """Calls compare with the test's changes to a small setting."""

    def call(**changes):
        setting = {
            "searchers": [f"{file}:Uniform"],
            "seeds": range(3),
            "budget": Budget(6),
            "out": tmp_path / "out",
            "executor": Inline(),
        }
        return compare("toy", **(setting | changes))

    return call
