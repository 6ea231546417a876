"""Every registered benchmark, put through the shipped conformance class."""

import pytest

from nasbench import registry
from nasbench.testing.benchmarks import BenchmarkConformance

NAMES = registry.names(registry.BENCHMARKS)


def test_the_embedded_benchmarks_are_registered():
    assert "cell201/digits-on-photos" in NAMES


class TestRegisteredBenchmarks(BenchmarkConformance):
    @pytest.fixture(params=NAMES)
    def subject(self, request):
        return registry.benchmark(request.param)

    def test_the_benchmark_is_registered_under_its_name(self, subject):
        assert registry.benchmark(subject.name) is subject
