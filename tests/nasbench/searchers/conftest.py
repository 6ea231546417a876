"""A problem on the toy space, and an exact evaluator that plays the harness."""

import numpy as np
import pytest

from nasbench.core import Budget, Metric, Observation, Problem
from nasbench.testing.toy import ToySpace


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def make_problem():
    """A problem on a toy space; without arguments on the default one."""

    def make(*arity):
        space = ToySpace(arity) if arity else ToySpace()
        accuracy = Metric("valid_accuracy", "%", "higher", "valid")
        return Problem(space, epochs=(8,), objectives=(accuracy,), budget=Budget(200))

    return make


@pytest.fixture
def problem(make_problem):
    return make_problem()


@pytest.fixture
def loss():
    """A rugged landscape on the default toy space: values 0..119 in random order."""
    values = np.random.default_rng(1).permutation(len(ToySpace())).astype(float)
    return lambda arch: float(values[ToySpace().index(arch)])


@pytest.fixture
def observe():
    """An observation of a candidate."""

    def make(candidate, *values, feasible=True):
        return Observation(candidate, values, cost_s=1.0, feasible=feasible)

    return make


@pytest.fixture
def search(loss, observe):
    """Ask and tell one by one; returns what was evaluated, in order."""

    def play(searcher, evaluations):
        history = []
        for _ in range(evaluations):
            (candidate,) = searcher.ask()
            searcher.tell([observe(candidate, loss(candidate.arch))])
            history.append(candidate.arch)
        return history

    return play
