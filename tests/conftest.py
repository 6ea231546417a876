"""Fixtures that every test may use."""

import gc

import numpy as np
import pytest


def pytest_collection_finish() -> None:
    """Collect garbage less often: with all that is imported it takes a tenth of the tests' time."""
    gc.set_threshold(100_000, 20, 100)


@pytest.fixture
def rng() -> np.random.Generator:
    """A fresh generator of a fixed seed."""
    return np.random.default_rng(0)
