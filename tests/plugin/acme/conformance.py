"""The tests of a plug-in: `pytest conformance.py`; everything comes from `nasbench.testing`."""

import pytest
from acme_nas.benchmark import Bowl
from acme_nas.searcher import Sweep
from acme_nas.space import Mlp

from nasbench.testing.benchmarks import BenchmarkConformance
from nasbench.testing.searchers import SearcherConformance
from nasbench.testing.spaces import SpaceConformance


class TestMlp(SpaceConformance):
    @pytest.fixture
    def space(self):
        return Mlp()


class TestBowl(BenchmarkConformance):
    @pytest.fixture
    def benchmark(self):
        return Bowl()


class TestSweep(SearcherConformance):
    @pytest.fixture
    def factory(self):
        return Sweep
