"""The embedded table, and what its networks are."""

import pytest

from nasbench import registry


@pytest.fixture(scope="session")
def table():
    return registry.benchmark("cell201/digits-on-photos")


@pytest.fixture(scope="session")
def workload(table):
    from hardware.workload import workload_of

    return workload_of(table)
