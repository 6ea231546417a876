import random

import pytest

from nasbench.core import Result
from nasbench.testing.benchmarks import BenchmarkConformance
from nasbench.testing.toy import ToyBenchmark


class TestToyBenchmark(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self):
        return ToyBenchmark()


class Loud(ToyBenchmark):
    """Draws its noise from the global generator."""

    def query(self, candidates, *, noise_seed=None):
        return [
            Result({**r.metrics, "params": random.random()}, r.cost_s)
            for r in super().query(candidates, noise_seed=noise_seed)
        ]


class Shared(ToyBenchmark):
    """Hands out the very objects that it answers from."""

    def __init__(self):
        super().__init__()
        self._kept = {}

    def query(self, candidates, *, noise_seed=None):
        found = super().query(candidates, noise_seed=noise_seed)
        pairs = zip(candidates, found, strict=True)
        return [self._kept.setdefault((c, noise_seed), result) for c, result in pairs]


class Forgetful(ToyBenchmark):
    """Takes architectures of any space."""

    def query(self, candidates, *, noise_seed=None):
        from nasbench.core import Architecture, Candidate

        own = [Candidate(Architecture(self.space.name, c.arch.genes), c.epochs) for c in candidates]
        return super().query(own, noise_seed=noise_seed)


def conformance(benchmark):
    test = BenchmarkConformance()
    archs = BenchmarkConformance.archs.__wrapped__(test, benchmark)
    return test, archs, BenchmarkConformance.candidates.__wrapped__(test, benchmark, archs)


def test_noise_from_the_global_generator_is_found():
    loud = Loud()
    test, _, candidates = conformance(loud)
    with pytest.raises(AssertionError):
        test.test_the_same_question_has_the_same_answer(loud, candidates, None)
    with pytest.raises(AssertionError):
        test.test_global_generators_are_neither_used_nor_changed(loud, candidates)


def test_shared_mutable_results_are_found():
    shared = Shared()
    test, _, candidates = conformance(shared)
    with pytest.raises(AssertionError):
        test.test_results_cannot_be_used_to_change_the_benchmark(shared, candidates)


def test_architectures_of_other_spaces_that_are_taken_are_found():
    forgetful = Forgetful()
    test, archs, _ = conformance(forgetful)
    with pytest.raises(pytest.fail.Exception):
        test.test_architectures_of_another_space_are_refused(forgetful, archs)
