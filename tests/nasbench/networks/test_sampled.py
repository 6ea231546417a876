import itertools

import pytest
import torch

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks.cell201 import build
from nasbench.networks.sampled import sampled_logits
from nasbench.networks.supernet import MixedCell, seeded_supernet
from nasbench.spaces.cell201 import NAME, OPS

IMAGE = InputSpec("image", 3, 8, 8)
TOKENS = InputSpec("tokens", 4, 1, 12, vocabulary=9)
RECIPE = Recipe(channels=4)
CELLS = [
    (3, 3, 3, 3, 3, 3),
    (1, 2, 3, 4, 0, 2),
    (2, 4, 1, 0, 3, 1),
    (0, 0, 0, 0, 0, 0),
    (0, 2, 3, 1, 3, 0),  # node 1 gets nothing, so nothing comes from it
    (3, 0, 2, 2, 0, 0),  # nodes 1 and 2 lead nowhere
]


def inputs(spec):
    rng = torch.Generator().manual_seed(0)
    if spec.kind == "tokens":
        return torch.randint(spec.vocabulary, (5, spec.width), generator=rng)
    return torch.randn(5, spec.channels, spec.height, spec.width, generator=rng)


def alone(net, genes, spec):
    """The network of one architecture by `nasbench.networks.cell201`, with the weights of `net`."""
    plain = build(Architecture(NAME, genes), RECIPE, spec, 10)
    for own, shared in zip(plain.body, net.body, strict=True):
        if not isinstance(shared, MixedCell):
            own.load_state_dict(shared.state_dict())
            continue
        for e, gene in enumerate(genes):
            if OPS[gene].startswith("nor_conv"):
                source = getattr(shared.edges[e], OPS[gene].removeprefix("nor_"))
                own.ops[e].conv.weight = source.conv.weight
    for part in ("embed", "stem", "head"):
        getattr(plain, part).load_state_dict(getattr(net, part).state_dict())
    return plain


@pytest.mark.parametrize("spec", [IMAGE, TOKENS], ids=["image", "tokens"])
@pytest.mark.parametrize("genes", CELLS)
def test_it_computes_what_the_architectures_own_network_does(genes, spec):
    net, x = seeded_supernet(RECIPE, spec, 10, seed=1), inputs(spec)
    torch.testing.assert_close(sampled_logits(net, x, genes), alone(net, genes, spec)(x))


@pytest.mark.parametrize("genes", CELLS)
def test_it_is_the_mixture_with_all_weight_on_one_operation_of_each_edge(genes):
    net, x = seeded_supernet(RECIPE, IMAGE, 10, seed=1), inputs(IMAGE)
    with torch.no_grad():
        net.alphas.fill_(-1e9)
        net.alphas[range(6), genes] = 0
    torch.testing.assert_close(sampled_logits(net, x, genes), net(x))


@pytest.mark.parametrize("genes", CELLS)
def test_the_gradient_reaches_the_weights_of_the_path_and_no_others(genes):
    net, x = seeded_supernet(RECIPE, IMAGE, 10, seed=1), inputs(IMAGE)
    sampled_logits(net, x, genes).square().sum().backward()
    reached = {name for name, p in net.named_parameters() if p.grad is not None}
    cells = [f"body.{k}" for k, part in enumerate(net.body) if isinstance(part, MixedCell)]
    expected = {
        f"{cell}.edges.{e}.{OPS[gene].removeprefix('nor_')}.conv.weight"
        for cell, (e, gene) in itertools.product(cells, enumerate(genes))
        if OPS[gene].startswith("nor_conv") and e in live(genes)
    }
    assert {name for name in reached if ".edges." in name} == expected
    assert "alphas" not in reached
    assert "head.linear.weight" in reached


def live(genes):
    """Edges on a way from the input to the output, over all ways in a cell of four nodes."""
    edges = dict(zip([(0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3)], range(6), strict=True))
    ways = [[(0, 3)], [(0, 1), (1, 3)], [(0, 2), (2, 3)], [(0, 1), (1, 2), (2, 3)]]
    open_ways = [way for way in ways if all(genes[edges[edge]] for edge in way)]
    return {edges[edge] for way in open_ways for edge in way}
