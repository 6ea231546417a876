"""The network of the DARTS space against its published size and against cells written by hand."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nasbench.core import InputSpec, Recipe
from nasbench.networks.darts import (
    FULL_SIZE,
    DartsNetwork,
    FactorizedReduce,
    Pool,
    count_darts,
    layout,
    seeded_darts,
)
from nasbench.spaces.darts import DartsCells

SPACE = DartsCells()
CIFAR = InputSpec("image", 3, 32, 32)
DARTS_V2 = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
    "('sep_conv_3x3', 1), ('sep_conv_3x3', 1), ('skip_connect', 0), ('skip_connect', 0), "
    "('dil_conv_3x3', 2)], normal_concat=[2, 3, 4, 5], reduce=[('max_pool_3x3', 0), "
    "('max_pool_3x3', 1), ('skip_connect', 2), ('max_pool_3x3', 1), ('max_pool_3x3', 0), "
    "('skip_connect', 2), ('skip_connect', 2), ('max_pool_3x3', 1)], "
    "reduce_concat=[2, 3, 4, 5])"
)
SKIPS = "Genotype(normal=[{0}], normal_concat=[2, 3, 4, 5], reduce=[{0}], reduce_concat=[2,3,4,5])"


def test_the_published_cell_has_the_published_size():
    params, macs = count_darts(SPACE.parse(DARTS_V2), FULL_SIZE, CIFAR, 10)
    assert params == 3_349_342  # the paper's 3.3 million; its code prints 3.349342MB
    assert 520e6 < macs < 540e6
    assert sum(layout(FULL_SIZE)) == 2
    assert [number for number, reduces in enumerate(layout(FULL_SIZE)) if reduces] == [6, 13]


@pytest.mark.parametrize(
    "spec",
    [
        InputSpec("image", 3, 16, 16),
        InputSpec("image", 1, 15, 13),
        InputSpec("image", 1, 1, 33),
        InputSpec("tokens", 4, 1, 20, vocabulary=30),
    ],
)
def test_every_shape_of_input_goes_through(spec):
    recipe = Recipe(channels=4, stages=3)
    for arch in SPACE.sample(3, np.random.default_rng(1)):
        network = seeded_darts(arch, recipe, spec, 7, seed=0)
        x = torch.zeros(2, spec.channels, spec.height, spec.width)
        logits = network(torch.zeros(2, spec.width, dtype=torch.int64) if spec.vocabulary else x)
        assert logits.shape == (2, 7)
        params = count_darts(arch, recipe, spec, 7)[0]
        assert params == sum(part.numel() for part in network.parameters())


def test_a_cell_of_skips_adds_up_its_inputs():
    edges = ", ".join(f"('skip_connect', {k})" for k in (0, 1, 1, 2, 0, 1, 3, 4))
    network = seeded_darts(
        SPACE.parse(SKIPS.format(edges)), Recipe(stages=1), CIFAR, 10, seed=3
    ).eval()
    assert isinstance(network, DartsNetwork)
    x = torch.randn(2, 3, 32, 32, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        stem = network.stem(x)
        a, b = network.cells[0].older(stem), network.cells[0].newer(stem)
        wanted = torch.cat([a + b, a + 2 * b, a + b, 2 * a + 3 * b], 1)
        logits = network.classifier(wanted.mean(dim=(2, 3)))
        torch.testing.assert_close(network(x), logits)


def test_pools_do_not_count_padding():
    x = torch.arange(6, dtype=torch.float32).reshape(1, 1, 2, 3) - 10
    assert Pool("avg", 2, 1)(x).flatten().tolist() == [-8, -7.5, -7, -8, -7.5, -7]
    assert Pool("max", 2, 1)(x).max() == -5  # and never the zeros of padding
    assert Pool("max", 2, 2)(x).shape == (1, 1, 1, 2)


def test_a_factorized_reduction_sees_every_pixel_of_even_sizes():
    part = FactorizedReduce(1, 2, 4).eval()
    x = torch.rand(1, 1, 4, 4, requires_grad=True)
    part(x).sum().backward()
    seen = x.grad[0, 0] != 0
    wanted = torch.zeros(4, 4, dtype=torch.bool)
    wanted[::2, ::2] = wanted[1::2, 1::2] = True
    assert torch.equal(seen, wanted)


def test_a_seed_decides_the_weights_and_the_global_generator_nothing():
    arch, recipe = SPACE.parse(DARTS_V2), Recipe(stages=2)
    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = seeded_darts(arch, recipe, CIFAR, 10, 5).state_dict()
    assert torch.equal(torch.get_rng_state(), before)
    again, other = (seeded_darts(arch, recipe, CIFAR, 10, seed).state_dict() for seed in (5, 6))
    assert all(torch.equal(value, again[name]) for name, value in first.items())
    assert not torch.equal(first["stem.0.weight"], other["stem.0.weight"])


def test_a_sep_conv_is_two_rounds():
    edges = ", ".join(f"('sep_conv_3x3', {k})" for k in (0, 1) * 4)
    arch = SPACE.parse(SKIPS.format(edges))
    network = seeded_darts(arch, Recipe(channels=2, stages=1), CIFAR, 10, 0).eval()
    op = network.cells[0].ops[0]
    x = torch.randn(1, 2, 8, 8, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        y = x
        for part in (op.first, op.second):
            y = F.conv2d(F.relu(y), part.depthwise.weight, padding=1, groups=2)
            y = part.bn(F.conv2d(y, part.pointwise.weight))
        torch.testing.assert_close(op(x), y)
