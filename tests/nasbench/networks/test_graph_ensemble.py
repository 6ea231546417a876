from __future__ import annotations

import numpy as np
import pytest
import torch

from nasbench.core import LabeledGraph
from nasbench.networks import graph_ensemble
from nasbench.networks.gin import padded
from nasbench.networks.graph_ensemble import regress, seeded_ensemble
from nasbench.spaces.cell201 import Cell201

SMALL = LabeledGraph(("input", "a", "output"), ((0, 1, 1), (0, 2, 2), (1, 2, 1)))
LARGE = LabeledGraph(
    ("input", "a", "b", "new", "output"), ((0, 1, 1), (1, 2, 3), (1, 3, 1), (2, 4, 1), (3, 4, 1))
)
LABELS = ("a", "b", "input", "output")
SHAPE = {"members": 3, "width": 8, "layers": 2, "outputs": 2}


def by_hand(net, member, graph):
    """The docstring's equations node by node, in float64."""

    def linear(layer, x):
        weight, bias = layer.weight[member].detach().double(), layer.bias[member].detach().double()
        return x @ weight.numpy() + bias.numpy()[0]

    def normalized(x):
        return (x - x.mean()) / np.sqrt(x.var() + 1e-5)

    h = [linear(net.embed, np.array([float(a == b) for b in LABELS])) for a in graph.labels]
    for read, write in zip(net.read, net.write, strict=True):
        u = [normalized(x) for x in h]
        sums = [np.zeros(8) for _ in h]
        for source, target, multiplicity in graph.edges:
            sums[target] = sums[target] + multiplicity * u[source]
        inner = [linear(read, np.concatenate(pair)) for pair in zip(u, sums, strict=True)]
        h = [x + linear(write, np.maximum(y, 0)) for x, y in zip(h, inner, strict=True)]
    total = np.sum(h, axis=0)
    summary = np.concatenate([total / 4, total / len(h)])
    return linear(net.out, np.maximum(linear(net.hidden, summary), 0))


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("few", [0, 16])
def test_outputs_are_those_of_the_equations_for_graphs_of_any_size(monkeypatch, training, few):
    monkeypatch.setattr(graph_ensemble, "FEW", few)
    net = seeded_ensemble(len(LABELS), 1, **SHAPE).train(training)
    with torch.no_grad():
        for bias in (layer.bias for layer in (net.embed, *net.read, *net.write, net.hidden)):
            bias += torch.linspace(-1, 1, bias.numel()).reshape(bias.shape)
        net.out.weight += torch.linspace(-1, 1, net.out.weight.numel()).reshape(3, 8, 2)
    found = net(padded([SMALL, LARGE], LABELS)).detach().numpy()
    expected = [[by_hand(net, k, graph) for graph in (SMALL, LARGE)] for k in range(3)]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_bits_do_not_depend_on_the_batch():
    space = Cell201()
    drawn = [space.graph(arch) for arch in space.sample(300, np.random.default_rng(0))]
    graphs = [graph for graph in drawn if len(graph.labels) == 6]
    net = seeded_ensemble(5, 1, members=3, width=32, layers=3)
    with torch.no_grad():
        net.out.weight += torch.linspace(-1, 1, 96).reshape(3, 32, 1)
    labels = ("avg_pool_3x3", "input", "nor_conv_1x1", "nor_conv_3x3", "output")
    together = net(padded(graphs, labels))
    for k in (1, 2, 15, 16, 17, 40):  # on both sides of FEW
        assert torch.equal(net(padded(graphs[3 : 3 + k], labels)), together[:, 3 : 3 + k])


def test_seeds_decide_the_weights_and_global_generators_nothing():
    weights = []
    for seed, other in ((3, 0), (3, 1), (4, 0)):
        torch.manual_seed(other)
        before = torch.get_rng_state()
        weights.append(seeded_ensemble(4, seed, **SHAPE).read[0].weight)
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
    assert not torch.equal(weights[0][0], weights[0][1])  # members differ


def test_untrained_networks_predict_the_mean_of_the_targets():
    found = seeded_ensemble(len(LABELS), 1, **SHAPE)(padded([SMALL, LARGE], LABELS))
    assert torch.equal(found, torch.zeros(3, 2, 2))


def test_the_ranking_loss_counts_pairs_in_the_wrong_order():
    found = torch.tensor([[[0.0], [2.0], [1.0]]])
    wanted = torch.tensor([[[1.0], [1.0], [5.0]]])
    # the third is ahead of both others: it is 1 above the first and 1 below the second
    pairs = (np.log1p(np.exp(-1.0)) + np.log1p(np.exp(1.0))) / 2
    squared = (1 + 1 + 16) / 3
    loss = graph_ensemble._ranking(found, wanted)
    assert loss.item() == pytest.approx(pairs + graph_ensemble.CALIBRATING * squared)


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["squared", "ranking"])
def test_it_learns_to_count_operations(loss):
    space, rng = Cell201(), np.random.default_rng(0)
    graphs = [space.graph(arch) for arch in space.sample(250, rng)]
    counts = np.array([[float(graph.labels.count("nor_conv_3x3"))] for graph in graphs])
    y = (counts - counts.mean()) / counts.std()
    labels = sorted({label for graph in graphs for label in graph.labels})
    net = seeded_ensemble(len(labels), 0, members=2, width=16, layers=2)
    data, unseen = padded(graphs[:150], labels), padded(graphs[150:], labels)
    regress(net, data, y[:150], rng, steps=150, batch=32, lr=5e-3, decay=1e-2, loss=loss)
    predicted = net(unseen)[..., 0].mean(dim=0).detach().numpy()
    assert np.corrcoef(predicted, y[150:, 0])[0, 1] > 0.95
