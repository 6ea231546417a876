import numpy as np
import pytest
import torch
from torch import nn

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks.fast import live_edges
from nasbench.networks.transform import inherit, preserves
from nasbench.networks.weights import seeded_network
from nasbench.spaces.cell201 import NAME, Cell201

RECIPE = Recipe(channels=4, cells=2)
IMAGE = InputSpec("image", 3, 8, 8)
TOKENS = InputSpec("tokens", 4, 1, 12, vocabulary=9)


def trained(genes, spec, seed=0):
    """A network as after training: no batch norm of a convolution in use is at its initial values.

    Those that are not in use had no gradient.
    """
    network = seeded_network(Architecture(NAME, genes), RECIPE, spec, 5, seed)
    rng = torch.Generator().manual_seed(seed)
    for name, module in network.named_modules():
        if not isinstance(module, nn.BatchNorm2d):
            continue
        edge = name.split(".")[2:]  # of a convolution in a cell: body, 0, ops, 2, bn
        if edge[:1] != ["ops"] or int(edge[1]) in live_edges(genes):
            for tensor in (module.weight, module.bias, module.running_mean):
                nn.init.normal_(tensor, generator=rng)
            nn.init.uniform_(module.running_var, 0.5, 2.0, generator=rng)
    return network


def inputs(spec):
    rng = torch.Generator().manual_seed(1)
    if spec.kind == "tokens":
        return torch.randint(spec.vocabulary, (6, spec.width), generator=rng)
    return torch.randn(6, spec.channels, spec.height, spec.width, generator=rng)


@torch.no_grad()
def distance(parent, child, spec):
    """Largest difference of logits at birth, with statistics of the batch and with running ones."""
    x = inputs(spec)
    differences = []
    for training in (False, True):  # the second changes the running statistics
        both = [network.train(training)(x) for network in (parent, child)]
        differences.append(float((both[0] - both[1]).abs().max()))
    return max(differences)


def birth(genes, child, spec=IMAGE):
    parent = trained(genes, spec)
    return distance(parent, inherit(parent, Architecture(NAME, child), RECIPE, spec, 7), spec)


@pytest.mark.parametrize("spec", [IMAGE, TOKENS], ids=["image", "tokens"])
@pytest.mark.parametrize(
    ("genes", "child"),
    [
        ((1, 2, 0, 4, 1, 3), (1, 3, 0, 4, 1, 3)),  # the kernel grows
        ((1, 2, 0, 4, 1, 3), (1, 2, 3, 4, 1, 3)),  # a path is added
        ((0, 1, 3, 0, 0, 1), (4, 1, 3, 0, 0, 1)),  # a pooling that a newborn convolution reads
        ((0, 1, 0, 0, 4, 1), (2, 1, 0, 0, 4, 1)),  # a pooling that reads zeros
        ((0, 0, 0, 0, 0, 0), (3, 0, 0, 0, 1, 0)),  # a parent that computes nothing
        ((3, 1, 0, 0, 0, 1), (0, 1, 0, 0, 0, 1)),  # what leads nowhere is dropped
    ],
)
def test_a_child_computes_its_parents_function_at_birth(genes, child, spec):
    assert preserves(genes, child)
    assert birth(genes, child, spec) < 1e-5


def test_the_rule_is_exact_for_all_neighbors(rng):
    """It holds if and only if the functions are the same, for generic weights."""
    space, seen = Cell201(), {True: 0, False: 0}
    for parent in space.sample(6, rng):
        for child in space.neighbors(parent)[:: int(rng.integers(1, 4))]:
            same = birth(parent.genes, child.genes) < 1e-5
            assert same == preserves(parent.genes, child.genes), (parent.genes, child.genes)
            seen[same] += 1
    assert min(seen.values()) > 10


@pytest.mark.parametrize(
    ("genes", "child"),
    [
        ((1, 2, 0, 4, 1, 3), (1, 2, 1, 4, 1, 3)),  # a new skip connection
        ((1, 2, 0, 4, 1, 3), (1, 0, 0, 4, 1, 3)),  # a path is cut
        ((1, 3, 0, 4, 1, 3), (1, 2, 0, 4, 1, 3)),  # the kernel shrinks
    ],
)
def test_what_changes_the_function_is_no_transformation(genes, child):
    assert not preserves(genes, child)
    assert birth(genes, child) > 1e-3


def test_a_newborn_convolution_learns():
    parent = trained((1, 2, 0, 4, 1, 3), IMAGE)
    child = inherit(parent, Architecture(NAME, (1, 2, 3, 4, 1, 3)), RECIPE, IMAGE, 7)
    newborn = child.body[0].ops[2]
    before = newborn.conv.weight.detach().clone()
    sgd = torch.optim.SGD(child.parameters(), 0.1)
    for _ in range(2):  # first the batch norm's weights, then what they let through
        sgd.zero_grad()
        child(inputs(IMAGE)).square().sum().backward()
        sgd.step()
    assert (newborn.bn.weight != 0).any()
    assert (newborn.conv.weight != before).any()


def test_the_parent_is_left_as_it_was():
    parent = trained((1, 2, 0, 4, 1, 3), IMAGE)
    before = {name: value.clone() for name, value in parent.state_dict().items()}
    child = inherit(parent, Architecture(NAME, (1, 3, 0, 4, 1, 3)), RECIPE, IMAGE, 7)
    with torch.no_grad():
        for p in child.parameters():
            p.add_(1)
    assert all(torch.equal(value, before[name]) for name, value in parent.state_dict().items())


@pytest.fixture
def rng():
    return np.random.default_rng(0)
