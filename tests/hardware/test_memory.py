import math
from dataclasses import replace

import pytest
import torch
from torch import nn

from hardware.benchmark import with_latencies
from hardware.columns import Column, Row, read_document
from hardware.measure import classes, measure
from hardware.memory import peak_memory_mb
from nasbench.core import Architecture, Candidate

from .fake_device import FakeDevice

MAP = 4 * 32 * 32
"""Bytes of one channel."""


def test_memory_by_hand():
    network = nn.Sequential(
        nn.Conv2d(3, 8, 3, padding=1, bias=False), nn.ReLU(), nn.Conv2d(8, 4, 1, bias=False)
    )
    weights = 4 * (8 * 3 * 9 + 4 * 8)
    at_the_activation = 3 + 8 + 8  # inputs are the caller's, and stay
    assert peak_memory_mb(network, torch.zeros(1, 3, 32, 32)) * 1e6 == pytest.approx(
        weights + at_the_activation * MAP
    )


def test_what_lives_on_beside_a_branch_counts_and_what_is_dropped_does_not():
    class Branches(nn.Module):
        def __init__(self, keep):
            super().__init__()
            self.keep = keep

        def forward(self, x):
            first = x + 1
            kept = first if self.keep else first.sum()
            second = x * 2
            del first
            return second + kept

    x = torch.zeros(1, 1, 32, 32)
    assert peak_memory_mb(Branches(True), x) * 1e6 == 4 * MAP  # input, both branches and the sum
    peak = peak_memory_mb(Branches(False), x) * 1e6
    assert peak == 3 * MAP + 4  # and the sum of a branch, which is one number


def test_views_and_changes_in_place_take_nothing():
    class Views(nn.Module):
        def forward(self, x):
            return x.flatten().relu_().reshape(2, -1)

    assert peak_memory_mb(Views(), torch.zeros(1, 1, 32, 32)) * 1e6 == MAP


def test_memory_is_the_same_again_under_inference_and_grows_with_the_batch(table, workload):
    arch = table.space.arch(9930)
    network, inputs = workload.network(arch), workload.inputs()
    once = peak_memory_mb(network, inputs)
    with torch.inference_mode():
        assert peak_memory_mb(network, inputs) == once
    weights = sum(4 * w.numel() for w in network.parameters()) / 1e6
    many = replace(workload, batch=8)
    more = peak_memory_mb(many.network(arch), many.inputs())
    assert weights < once < more < 8 * once


def test_every_measured_class_has_its_memory_as_a_metric(tmp_path, table, workload):
    path = tmp_path / "mine.latency"
    for size in (workload, replace(workload, batch=2)):
        measure(path, table, FakeDevice(), size, limit=3)
    found = with_latencies(read_document(path), path)
    arch = Architecture("cell201-v1", classes(table)[0])
    metrics = found.query([Candidate(arch)])[0].metrics
    network = workload.network(arch)
    expected = peak_memory_mb(network, workload.inputs())
    assert metrics["peak_memory_mb"] == pytest.approx(expected, rel=1e-4)
    assert metrics["peak_memory_mb[batch-2]"] > expected
    other = Architecture("cell201-v1", classes(table)[9])
    assert math.isnan(found.query([Candidate(other)])[0].metrics["peak_memory_mb"])


def test_a_second_device_takes_over_the_memory_of_the_first(tmp_path, table, workload, monkeypatch):
    path = tmp_path / "mine.latency"
    first = measure(path, table, FakeDevice("fake-a"), workload, limit=3)
    counted = []
    monkeypatch.setattr("hardware.memory.peak_memory_mb", lambda *_: counted.append(1) or 7.0)
    second = measure(path, table, FakeDevice("fake-b"), workload, limit=4)
    measure(path, table, FakeDevice("fake-b"), replace(workload, batch=2), limit=1)
    assert len(counted) == 2  # of the fourth class, and of the other batch
    for genes, row in first.rows.items():
        assert second.rows[genes].peak_memory_mb == pytest.approx(row.peak_memory_mb, rel=1e-4)


def test_a_file_of_before_has_no_memory_and_opens(tmp_path, table, workload):
    path = tmp_path / "old.latency"
    document_of = measure(path, table, FakeDevice(), workload, limit=2)
    rows = {
        genes: Row(genes, row.median_ms, row.low_ms, row.high_ms, tight=True)
        for genes, row in document_of.rows.items()
    }
    old = read_document(path).having(Column(document_of.about, rows, document_of.sessions))
    names = [metric.name for metric in with_latencies(old, path).metrics]
    assert "peak_memory_mb" not in names
