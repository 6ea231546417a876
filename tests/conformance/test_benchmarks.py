"""Every registered benchmark, put through the shipped conformance class."""

import pytest

from nasbench import registry
from nasbench.testing.benchmarks import BenchmarkConformance


@pytest.fixture(params=registry.names(registry.BENCHMARKS))
def registered(request):
    return registry.benchmark(request.param)


class TestRegisteredBenchmarks(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self, registered):
        return registered

    def test_the_benchmark_is_registered_under_its_name(self, subject):
        assert registry.benchmark(subject.name) is subject
