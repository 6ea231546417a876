"""Every registered searcher, put through the shipped conformance class."""

import pytest

from nasbench import registry
from nasbench.testing.searchers import SearcherConformance


@pytest.fixture(params=registry.names(registry.SEARCHERS))
def registered(request):
    return registry.searcher(request.param)


class TestRegisteredSearchers(SearcherConformance):
    @pytest.fixture
    def factory(self, registered):
        return registered
