"""The fast network against the plain one: the same function, gradient and running statistics."""

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


class Named(FastNetwork):
    """Knows which parameters of the plain network each piece of its vector holds."""

    def __init__(self, *args):
        self.names = []
        super().__init__(*args)

    def _piece(self, *names):
        self.names.append(names)
        return super()._piece(*names)


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
    plain = seeded_network(arch, Recipe(), IMAGE, 10, 0)
    fast = Named(arch, Recipe(), IMAGE, plain, "cpu")
    x, y = inputs(IMAGE), torch.arange(12) % 10
    F.cross_entropy(plain(x), y).backward()
    slopes = {name: p.grad for name, p in plain.named_parameters()}
    assert sorted(name for names in fast.names for name in names) == sorted(slopes)
    left = fast_gradients(fast, x, y)[1]
    for names in fast.names:
        whole = torch.cat([slopes[name] for name in names])
        expected = (whole.permute(0, 2, 3, 1) if whole.dim() == 4 else whole).reshape(-1)
        found, left = left[: len(expected)], left[len(expected) :]
        torch.testing.assert_close(
            found, expected, rtol=1e-3, atol=1e-5, msg=lambda text, of=names: f"{of}: {text}"
        )
    assert not len(left)


def test_live_edges_are_those_on_a_path_of_operations_from_input_to_output(rng):
    import networkx as nx

    from nasbench.spaces.cell201 import EDGES

    for genes in rng.integers(0, 5, (200, 6)):
        graph = nx.DiGraph([EDGES[e] for e in range(6) if genes[e]])
        graph.add_nodes_from(range(4))
        paths = nx.all_simple_edge_paths(graph, 0, 3)
        on_a_path = {edge for path in paths for edge in path}
        assert [EDGES[e] for e in live_edges(genes)] == [e for e in EDGES if e in on_a_path]
