"""The fast network against the plain one: the same function, gradient and running statistics."""

import numpy as np
import pytest
import torch
from torch.nn import functional as F

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks.fast import FastNetwork, live_edges
from nasbench.networks.weights import seeded_network
from nasbench.spaces.cell201 import Cell201

IMAGE = InputSpec("image", 3, 16, 16)
SPECS = [
    pytest.param(IMAGE, id="image"),
    pytest.param(InputSpec("image", 24, 1, 43), id="sequence"),
    pytest.param(InputSpec("tokens", 16, 1, 24, vocabulary=50), id="tokens"),
]
ZERO = Architecture("cell201-v1", (0,) * 6)


def inputs(spec: InputSpec, n: int = 12) -> torch.Tensor:
    rng = torch.Generator().manual_seed(1)
    if spec.kind == "tokens":
        return torch.randint(spec.vocabulary, (n, spec.width), generator=rng)
    return torch.randn(n, spec.channels, spec.height, spec.width, generator=rng)


def pair(arch: Architecture, spec: InputSpec, recipe: Recipe):
    plain = seeded_network(arch, recipe, spec, 10, 0)
    return plain, FastNetwork(arch, recipe, spec, plain, "cpu")


def fast_gradients(fast: FastNetwork, x: torch.Tensor, y: torch.Tensor):
    logits = fast.logits(x)
    return logits, fast.gradient(F.cross_entropy(logits, y))


@pytest.mark.parametrize("spec", SPECS)
def test_logits_gradient_and_evaluation_agree_with_the_plain_network(rng, spec):
    recipe = Recipe(stages=2, cells=2)
    y = torch.arange(12) % 10
    x = inputs(spec)
    for arch in [*Cell201().sample(12, rng), ZERO]:
        plain, fast = pair(arch, spec, recipe)
        expected = plain(x)
        F.cross_entropy(expected, y).backward()
        logits, gradient = fast_gradients(fast, x, y)
        torch.testing.assert_close(logits, expected, rtol=1e-4, atol=1e-4)
        norm = sum(float(p.grad.square().sum()) for p in plain.parameters() if p.grad is not None)
        assert float(gradient.square().sum()) == pytest.approx(norm, rel=1e-3)
        torch.testing.assert_close(
            fast.evaluator()(x), plain.eval()(x).detach(), rtol=1e-4, atol=1e-4
        )


def test_every_single_gradient_agrees_with_the_plain_network():
    arch = Architecture("cell201-v1", (3, 3, 2, 2, 3, 2))  # pieces of one, two and three edges
    plain, fast = pair(arch, IMAGE, Recipe())
    x, y = inputs(IMAGE), torch.arange(12) % 10
    F.cross_entropy(plain(x), y).backward()
    gradient = fast_gradients(fast, x, y)[1]
    values = np.sort(gradient.numpy())
    expected = np.sort(torch.cat([p.grad.reshape(-1) for p in plain.parameters()]).numpy())
    np.testing.assert_allclose(values, expected, rtol=1e-3, atol=1e-5)


def test_live_edges_are_those_on_a_path_of_operations_from_input_to_output(rng):
    import networkx as nx

    from nasbench.spaces.cell201 import EDGES

    for genes in rng.integers(0, 5, (200, 6)):
        graph = nx.DiGraph([EDGES[e] for e in range(6) if genes[e]])
        graph.add_nodes_from(range(4))
        paths = nx.all_simple_edge_paths(graph, 0, 3)
        on_a_path = {edge for path in paths for edge in path}
        assert [EDGES[e] for e in live_edges(genes)] == [e for e in EDGES if e in on_a_path]
