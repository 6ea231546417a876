"""Every registered searcher, put through the shipped conformance class."""

import pytest

from nasbench import registry
from nasbench.testing.searchers import SearcherConformance

QUICK = {
    "Bananas": {"steps": 20},
    "Darts": {"epochs": 3},
    "DartsSecondOrder": {"epochs": 2},
    "DartsSurrogate": {"steps": 5, "descent": 5, "restarts": 4, "members": 1},
    "DrNas": {"epochs": 3},
    "Enas": {"epochs": 2, "steps": 1, "draws": 2, "derived": 4},
    "Gdas": {"epochs": 3},
    "ImplicitDarts": {"epochs": 2},
    "Nao": {"steps": 10, "further": 5},
    "Npenas": {"steps": 10},
    "PPO": {"epochs": 2},
    "PathTransform": {"rounds": 2},
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
