from __future__ import annotations

import numpy as np
import pytest
import torch

from nasbench.networks.gene_ensemble import GeneEnsemble
from nasbench.networks.gin import Graphs
from nasbench.networks.graph_ensemble import regress, seeded_ensemble

EDGES = np.tri(5, k=-1, dtype=np.float32)
OPTIONS = {"steps": 10, "batch": 16, "lr": 5e-3}


@pytest.fixture
def data(rng):
    nodes = rng.uniform(size=(40, 5, 7)).astype(np.float32)
    return nodes, rng.normal(size=40)


def made(seed=0, members=2):
    options = {"members": members, "width": 8, "layers": 2}
    return GeneEnsemble(EDGES, 7, np.random.default_rng(seed), **options)


def trained(data, members=2):
    net = made(members=members)
    net.fit(*data, np.random.default_rng(1), **OPTIONS)
    return net


def twin(net):
    """The networks that torch differentiates, with the same weights, and these by name."""
    plain = seeded_ensemble(7, 0, members=net.members, width=8, layers=2)
    parts = {"embed": plain.embed, "hidden": plain.hidden, "out": plain.out}
    for k in range(2):
        parts |= {f"{k}.read": plain.read[k], f"{k}.write": plain.write[k]}
    for name, part in parts.items():
        part.weight.data = torch.from_numpy(net.parameters.value[f"{name}.weight"].copy())
        part.bias.data = torch.from_numpy(net.parameters.value[f"{name}.bias"].copy())
    weights = {f"{name}.weight": part.weight for name, part in parts.items()}
    return plain, weights | {f"{name}.bias": part.bias for name, part in parts.items()}


def graphs_of(nodes):
    edges = np.broadcast_to(EDGES, (*nodes.shape[:-2], 5, 5)).copy()
    real = torch.ones(nodes.shape[:-1], dtype=torch.bool)
    return Graphs(torch.from_numpy(nodes), torch.from_numpy(edges), real)


def test_outputs_are_those_of_the_networks_in_torch(data):
    net = trained(data)
    expected = twin(net)[0](graphs_of(data[0]))[..., 0].detach()
    np.testing.assert_allclose(net(data[0]), expected, rtol=1e-4, atol=1e-5)


def test_slopes_of_the_weights_are_those_that_torch_derives(data):
    net, rows = trained(data), np.random.default_rng(2).integers(40, size=(2, 16))
    plain, weights = twin(net)
    nodes, y = data[0][rows], data[1][rows].astype(np.float32)
    net.backward(nodes, y)
    errors = plain.train()(graphs_of(nodes))[..., 0] - torch.from_numpy(y)
    (errors**2).mean(dim=1).sum().backward()
    for name, weight in weights.items():
        found = net.parameters.slope[name]
        np.testing.assert_allclose(found, weight.grad, rtol=1e-3, atol=1e-5, err_msg=name)


def test_slopes_of_the_nodes_are_those_that_torch_derives(data):
    net, graphs = trained(data), graphs_of(data[0])
    graphs.nodes.requires_grad_()
    for found, outputs in zip(net.slopes(data[0]), twin(net)[0](graphs)[..., 0], strict=True):
        (expected,) = torch.autograd.grad(outputs.sum(), graphs.nodes, retain_graph=True)
        np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5)


def test_training_takes_the_steps_that_torch_takes(data):
    net = made()
    plain, _ = twin(net)
    net.fit(*data, np.random.default_rng(1), **OPTIONS)
    targets = data[1][:, None]
    regress(plain, graphs_of(data[0]), targets, np.random.default_rng(1), **OPTIONS)
    expected = plain(graphs_of(data[0]))[..., 0].detach()
    np.testing.assert_allclose(net(data[0]), expected, atol=2e-3)
    assert expected.std() > 0.02


def test_an_untrained_network_predicts_the_mean(data):
    assert not made()(data[0]).any()


def test_the_generator_decides_the_weights():
    weights = [made(seed).parameters.value["embed.weight"] for seed in (3, 3, 4)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])
