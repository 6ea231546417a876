"""Counts against the published ones, PyTorch's own counters and the built network."""

import pytest
from torch.utils.flop_counter import FlopCounterMode

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks.cell201 import FULL_SIZE, build
from nasbench.networks.count import count
from nasbench.spaces.cell201 import Cell201

CIFAR = InputSpec("image", 3, 32, 32)
SPECS = [
    pytest.param(InputSpec("image", 3, 16, 16), id="image"),
    pytest.param(InputSpec("image", 1, 1, 40), id="sequence"),
    pytest.param(InputSpec("image", 24, 1, 43), id="odd width"),
    pytest.param(InputSpec("tokens", 16, 1, 24, vocabulary=50), id="tokens"),
]


@pytest.fixture(scope="module")
def space() -> Cell201:
    return Cell201()


@pytest.mark.parametrize(
    ("index", "size", "classes", "params", "flops"),
    [
        (0, 32, 10, 0.129306, 15.64737),
        (0, 32, 100, 0.135156, 15.65322),
        (0, 16, 120, 0.136456, 3.91948),
        (11, 32, 10, 0.802426, 113.95137),
    ],
)
def test_full_size_network_has_the_published_counts(space, index, size, classes, params, flops):
    spec = InputSpec("image", 3, size, size)
    assert count(space.arch(index), FULL_SIZE, spec, classes) == (
        round(params * 1e6),
        round(flops * 1e6),
    )


@pytest.mark.parametrize("spec", SPECS)
def test_params_are_those_of_the_built_network(space, rng, spec):
    for arch in space.sample(10, rng):
        network = build(arch, Recipe(channels=8), spec, 10)
        built = sum(parameter.numel() for parameter in network.parameters())
        assert count(arch, Recipe(channels=8), spec, 10)[0] == built


@pytest.mark.parametrize("spec", SPECS)
def test_macs_are_half_of_pytorchs_flops_where_every_operation_runs(space, rng, spec):
    import torch

    genes = tuple(int(gene) for gene in rng.integers(2, 5, 6))  # no zero, so nothing is left out
    network = build(Architecture("cell201-v1", genes), Recipe(), spec, 10)
    if spec.kind == "tokens":
        x = torch.zeros(2, spec.width, dtype=torch.int64)
    else:
        x = torch.zeros(2, spec.channels, spec.height, spec.width)
    with FlopCounterMode(display=False) as counter:
        network(x)
    bias = 10  # of the classifier; PyTorch counts its multiplications alone
    macs = count(Architecture("cell201-v1", genes), Recipe(), spec, 10)[1]
    assert counter.get_total_flops() == 2 * 2 * (macs - bias)
