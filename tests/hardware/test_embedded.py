"""The latencies that ship with the package."""

from __future__ import annotations

import numpy as np
import pytest

from hardware.benchmark import file_of
from hardware.checks import checks
from hardware.embedded import path_of
from nasbench import registry
from nasbench.core import Candidate

NAME = "cell201/digits-on-photos+latency"
MS = "latency_ms[torch-cpu-1]"


@pytest.fixture(scope="module")
def measured():
    return registry.benchmark(NAME)


def test_every_class_was_measured_while_the_machine_was_quiet(measured):
    for column in measured.document.columns:
        assert len(column.rows) == len(measured.base.genes), column.about.label
        assert column.quiet, column.about.label
        assert len(column.measured) == len(column.rows), column.about.label


def test_the_file_passes_its_checks():
    failed = [text for passed, text in checks(path_of(NAME)) if not passed]
    assert failed == []


def test_it_answers_as_its_table_does_and_knows_what_a_cell_takes(measured):
    table = registry.benchmark(registry.table_of(NAME))
    arch = measured.space.arch(9930)
    seen, plain = (each.query([Candidate(arch)])[0] for each in (measured, table))
    assert seen.metrics[MS] > 0
    assert {name: seen.metrics[name] for name in plain.metrics} == plain.metrics
    assert seen.cost_s == plain.cost_s


def test_a_network_of_convolutions_takes_longer_than_one_without_any(measured):
    archs = [measured.space.arch(1462), measured.space.arch(1835)]  # all conv3x3, all skip
    slow, fast = (result.metrics[MS] for result in measured.query([Candidate(a) for a in archs]))
    assert slow > 1.5 * fast


def test_latency_grows_with_multiply_adds(measured):
    _, columns = measured.rows()
    assert np.corrcoef(columns[MS], columns["macs"])[0, 1] > 0.5


def test_its_file_is_found_by_its_name():
    assert file_of(NAME) == path_of(NAME)
