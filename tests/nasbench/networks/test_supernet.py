import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks import supernet
from nasbench.networks.cell201 import build
from nasbench.networks.supernet import MixedCell, MixedOp, Supernet, seeded_supernet
from nasbench.spaces.cell201 import EDGES, OPS

IMAGE = InputSpec("image", 3, 16, 16)
TOKENS = InputSpec("tokens", 4, 1, 12, vocabulary=9)


@pytest.fixture
def weights():
    """Different weights for each edge and operation, drawn by a generator of the test's own."""
    return torch.rand(len(EDGES), len(OPS), generator=torch.Generator().manual_seed(0))


@pytest.fixture
def x():
    return torch.randn(4, 8, 6, 6, generator=torch.Generator().manual_seed(1))


def standardized(y):
    """Batch norm without affine parameters, written down by hand."""
    mean = y.mean(dim=(0, 2, 3), keepdim=True)
    variance = y.var(dim=(0, 2, 3), keepdim=True, unbiased=False)
    return (y - mean) / (variance + 1e-5).sqrt()


def mixture(edge, x, weights):
    """Weighted sum of the five operations, each by its definition, in the order of OPS."""
    ones = F.avg_pool2d(torch.ones_like(x), 3, 1, 1)
    outputs = {
        "none": torch.zeros_like(x),
        "skip_connect": x,
        "nor_conv_1x1": standardized(F.conv2d(F.relu(x), edge.conv_1x1.conv.weight)),
        "nor_conv_3x3": standardized(F.conv2d(F.relu(x), edge.conv_3x3.conv.weight, padding=1)),
        "avg_pool_3x3": F.avg_pool2d(x, 3, 1, 1) / ones,  # padding not counted
    }
    return sum(weight * outputs[op] for weight, op in zip(weights, OPS, strict=True))


def without_affine(module):
    cell = MixedCell(8, 6)
    return cell.edges[0] if module is MixedOp else cell


def test_a_mixed_operation_is_the_weighted_sum_of_the_five(x, weights):
    edge = without_affine(MixedOp)
    torch.testing.assert_close(edge(x, weights[0]), mixture(edge, x, weights[0]))


def test_a_cell_sums_its_mixed_edges_node_by_node(x, weights):
    cell = without_affine(MixedCell)
    nodes = {0: x}
    for target in (1, 2, 3):
        nodes[target] = sum(
            mixture(cell.edges[e], nodes[a], weights[e])
            for e, (a, b) in enumerate(EDGES)
            if b == target
        )
    torch.testing.assert_close(cell(x, weights), nodes[3], atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize("spec", [IMAGE, TOKENS])
def test_with_one_operation_an_edge_it_is_the_plain_network(spec):
    genes = (3, 2, 4, 1, 3, 0)
    supernet = seeded_supernet(Recipe(cells=2), spec, 10, seed=0)
    with torch.no_grad():
        supernet.alphas.fill_(-torch.inf)
        supernet.alphas[range(6), genes] = 0.0
    plain = build(Architecture("cell201-v1", genes), Recipe(cells=2), spec, 10)
    own = supernet.state_dict()
    rename = {"nor_conv_1x1": "conv_1x1", "nor_conv_3x3": "conv_3x3"}
    state = {}
    for key, value in plain.state_dict().items():
        parts = key.split(".")
        if parts[2:3] == ["ops"]:
            parts[2:4] = ["edges", parts[3], rename[OPS[genes[int(parts[3])]]]]
        state[key] = own.get(".".join(parts), value)  # affine parameters keep 1 and 0
    plain.load_state_dict(state)
    torch.manual_seed(0)
    n = 8
    inputs = (
        torch.randn(n, 3, 16, 16) if spec.kind == "image" else torch.randint(9, (n, spec.width))
    )
    torch.testing.assert_close(supernet(inputs), plain(inputs), atol=1e-5, rtol=1e-4)


def test_batch_norms_inside_cells_have_no_affine_parameters():
    net = Supernet(Recipe(), IMAGE, 10)
    inside = [m for c in net.body if isinstance(c, MixedCell) for m in c.modules()]
    norms = [m for m in inside if isinstance(m, torch.nn.BatchNorm2d)]
    assert len(norms) == 2 * 2 * len(EDGES)  # stages, convolutions
    assert not any(norm.affine for norm in norms)


def test_the_seed_decides_the_weights_and_the_global_generator_does_not():
    def parameters(seed):
        net = seeded_supernet(Recipe(), IMAGE, 10, seed)
        return np.concatenate([p.detach().numpy().ravel() for p in net.parameters()])

    torch.manual_seed(1)
    before = torch.get_rng_state()
    first = parameters(5)
    assert torch.equal(torch.get_rng_state(), before)
    torch.manual_seed(2)
    np.testing.assert_array_equal(parameters(5), first)
    assert (parameters(6) != first).any()


def test_who_draws_from_the_global_generator_meanwhile_is_not_disturbed(monkeypatch):
    expected = torch.rand(3, generator=torch.Generator().manual_seed(1))
    drawn = []

    def interrupted(*args):
        drawn.append(torch.rand(3, device="cpu"))  # as another thread would
        return Supernet(*args)

    alone = seeded_supernet(Recipe(), IMAGE, 10, seed=0).state_dict()
    torch.manual_seed(1)
    monkeypatch.setattr(supernet, "Supernet", interrupted)
    disturbed = seeded_supernet(Recipe(), IMAGE, 10, seed=0).state_dict()
    torch.testing.assert_close(drawn[0], expected, rtol=0, atol=0)
    torch.testing.assert_close(disturbed, alone, rtol=0, atol=0)


@pytest.mark.parametrize("spec", [IMAGE, TOKENS])
def test_initial_weights_are_distributed_as_pytorchs_own(spec):
    torch.manual_seed(0)
    own = seeded_supernet(Recipe(channels=32), spec, 10, seed=0).state_dict()
    default = Supernet(Recipe(channels=32), spec, 10).state_dict()
    nn.init.normal_(default["alphas"], std=1e-3)
    assert own.keys() == default.keys()
    for name, value in default.items():
        n, spread = value.numel(), float(value.double().std(correction=0))
        if n < 30:  # too few to tell a distribution
            assert own[name].abs().max() <= 1, name
            continue
        if spread == 0:
            assert torch.equal(own[name], value), name
            continue
        assert float(own[name].std()) == pytest.approx(spread, rel=6 / n**0.5), name
        assert float(own[name].mean()) == pytest.approx(0, abs=6 * spread / n**0.5), name
