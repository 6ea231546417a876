"""Every registered searcher, put through the shipped conformance class."""

import pytest

from nasbench import registry
from nasbench.testing.searchers import SearcherConformance

QUICK = {
    "DartsSurrogate": {"steps": 5, "descent": 5, "restarts": 4, "members": 1},
    "Enas": {"epochs": 2, "steps": 1, "draws": 2, "derived": 4},
    "Nao": {"steps": 10},
    "Npenas": {"steps": 10},
    "VaeBo": {"pool": 50, "steps": 10},
}
"""Settings that make a searcher that trains networks quick, by its class."""


@pytest.fixture(params=registry.names(registry.SEARCHERS))
def registered(request):
    return registry.searcher(request.param)


class TestRegisteredSearchers(SearcherConformance):
    @pytest.fixture
    def factory(self, registered):
        return registered

    @pytest.fixture
    def config(self, factory):
        return factory.Config(**QUICK.get(factory.__name__, {}))
