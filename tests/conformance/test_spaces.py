"""Every registered space, put through the shipped conformance class."""

import pytest

from nasbench import registry
from nasbench.testing.spaces import SpaceConformance


@pytest.fixture(params=registry.names(registry.SPACES))
def registered(request):
    return registry.space(request.param)


class TestRegisteredSpaces(SpaceConformance):
    @pytest.fixture
    def space(self, registered):
        return registered

    def test_the_space_is_registered_under_its_name(self, space):
        assert registry.space(space.name) is space
