from __future__ import annotations

import numpy as np
import pytest
import torch

from nasbench.core import LabeledGraph
from nasbench.networks.gin import padded, regress, seeded_gin
from nasbench.spaces.cell201 import Cell201

SMALL = LabeledGraph(("input", "a", "output"), ((0, 1, 1), (0, 2, 2), (1, 2, 1)))
LARGE = LabeledGraph(
    ("input", "a", "b", "new", "output"), ((0, 1, 1), (1, 2, 3), (1, 3, 1), (2, 4, 1), (3, 4, 1))
)
LABELS = ("a", "b", "input", "output")


@pytest.fixture
def net():
    net = seeded_gin(len(LABELS), seed=1, width=8, layers=2, outputs=3)
    with torch.no_grad():
        for norm in net.norms:  # statistics of a trained network
            norm.running_mean += torch.linspace(-1, 1, 8)
            norm.running_var *= torch.linspace(0.5, 2, 8)
            norm.weight *= torch.linspace(1, 2, 8)
    return net.eval()


def by_hand(net, graph):
    """Eq. 4.1 node by node, in NumPy."""

    def linear(layer, x):
        return layer.weight.detach().numpy() @ x + layer.bias.detach().numpy()

    h = [np.array([float(label == known) for known in LABELS]) for label in graph.labels]
    for layer, norm in zip(net.layers, net.norms, strict=True):
        sums = [np.array(x) for x in h]
        for source, target, multiplicity in graph.edges:
            sums[target] = sums[target] + multiplicity * h[source]
        h = [np.maximum(linear(layer[2], np.maximum(linear(layer[0], x), 0)), 0) for x in sums]
        deviation = np.sqrt(norm.running_var.numpy() + norm.eps)
        scaled = [(x - norm.running_mean.numpy()) / deviation for x in h]
        h = [x * norm.weight.detach().numpy() + norm.bias.detach().numpy() for x in scaled]
    hidden = np.maximum(linear(net.head[0], np.mean(h, axis=0)), 0)
    return linear(net.head[2], hidden)


def test_outputs_are_those_of_the_equation_for_graphs_of_any_size(net):
    found = net(padded([SMALL, LARGE], LABELS)).detach().numpy()
    expected = [by_hand(net, graph) for graph in (SMALL, LARGE)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_the_statistics_of_a_batch_do_not_count_padding():
    alone, beside = (seeded_gin(len(LABELS), 1, width=8, layers=1).train() for _ in range(2))
    alone(padded([SMALL, SMALL], LABELS))
    graphs = padded([SMALL, SMALL, LARGE], LABELS)
    beside(graphs.take(torch.tensor([0, 1])))  # padded to the size of the large one
    for name, value in alone.state_dict().items():
        torch.testing.assert_close(beside.state_dict()[name], value)


def test_seeds_decide_the_weights_and_global_generators_nothing():
    states = []
    for seed, other in ((3, 0), (3, 1), (4, 0)):
        torch.manual_seed(other)
        before = torch.get_rng_state()
        states.append(seeded_gin(4, seed, width=8, layers=2).state_dict())
        assert torch.equal(torch.get_rng_state(), before)
    weights = [state["layers.0.0.weight"] for state in states]
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])


@pytest.mark.slow
def test_it_learns_to_count_operations():
    space, rng = Cell201(), np.random.default_rng(0)
    graphs = [space.graph(arch) for arch in space.sample(250, rng)]
    y = np.array([float(graph.labels.count("nor_conv_3x3")) for graph in graphs])
    labels = sorted({label for graph in graphs for label in graph.labels})
    net = seeded_gin(len(labels), 0, width=32, layers=3)
    data, unseen = padded(graphs[:150], labels), padded(graphs[150:], labels)
    regress(net, data, y[:150], rng, steps=200, batch=32, lr=5e-3)
    predicted = net(unseen)[:, 0].detach().numpy()
    assert np.corrcoef(predicted, y[150:])[0, 1] > 0.9
