"""Surrogates of a toy benchmark, fitted once."""

import pytest

from nasbench.testing.toy import ToyBenchmark
from surrogates import fit as fitting
from surrogates.benchmark import surrogate


@pytest.fixture(scope="session")
def toy():
    return ToyBenchmark()


@pytest.fixture(scope="session")
def parts(toy):
    return fitting.fit(toy, fitting.Config("linear", 60, seed=2, components=3))


@pytest.fixture(scope="session")
def fitted(parts):
    return surrogate(parts)
