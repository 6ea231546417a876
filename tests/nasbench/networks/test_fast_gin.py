from __future__ import annotations

import numpy as np
import pytest
import torch

from nasbench.networks.fast_gin import FastGin, graph_arrays
from nasbench.networks.gin import padded, regress, seeded_gin
from nasbench.spaces.cell201 import Cell201

SPACE = Cell201()
GRAPHS = [SPACE.graph(SPACE.canonical(a)) for a in SPACE.sample(40, np.random.default_rng(0))]
LABELS = sorted({label for graph in GRAPHS for label in graph.labels})
DATA = graph_arrays(GRAPHS, LABELS)
Y = np.array([float(len(graph.edges)) for graph in GRAPHS])
Y = (Y - Y.mean()) / Y.std()


def fast(seed=0):
    return FastGin(len(LABELS), np.random.default_rng(seed), width=8, layers=3)


def twin(net):
    """The network that torch differentiates, with the same weights and statistics."""
    plain = seeded_gin(len(LABELS), 0, width=8, layers=3)
    pairs = {"hidden": plain.head[0], "out": plain.head[2]}
    for k in range(3):
        pairs |= {f"{k}.first": plain.layers[k][0], f"{k}.second": plain.layers[k][2]}
    value = {name: torch.from_numpy(x.copy()) for name, x in net.parameters.value.items()}
    places = {}
    for name, layer in pairs.items():
        layer.weight.data = value[f"{name}.weight"].T.contiguous()
        layer.bias.data = value[f"{name}.bias"]
        places |= {f"{name}.weight": layer.weight, f"{name}.bias": layer.bias}
    for k, norm in enumerate(plain.norms):
        norm.weight.data, norm.bias.data = value[f"{k}.gain"], value[f"{k}.shift"]
        norm.running_mean = torch.from_numpy(net.means[k].copy())
        norm.running_var = torch.from_numpy(net.variances[k].copy())
        places |= {f"{k}.gain": norm.weight, f"{k}.shift": norm.bias}
    return plain, places


def trained():
    net = fast()
    net.fit(DATA, Y, np.random.default_rng(1), steps=30, batch=16, lr=5e-3)
    return net


def test_outputs_are_those_of_the_network_in_torch():
    net = trained()
    expected = twin(net)[0].eval()(padded(GRAPHS, LABELS))[:, 0].detach().numpy()
    np.testing.assert_allclose(net(DATA), expected, rtol=1e-4, atol=1e-5)


def test_slopes_of_the_weights_are_those_that_torch_derives():
    net, rows = trained(), np.random.default_rng(2).integers(40, size=16)
    plain, places = twin(net)
    net.backward(DATA.take(rows), Y[rows].astype(np.float32))
    graphs = padded(GRAPHS, LABELS).take(torch.from_numpy(rows))
    errors = plain.train()(graphs)[:, 0] - torch.from_numpy(Y[rows]).float()
    (errors**2).mean().backward()
    for name, parameter in places.items():
        found, expected = net.parameters.slope[name], parameter.grad.numpy().T
        np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-5, err_msg=name)


def test_training_takes_the_steps_that_torch_takes():
    net = fast()
    plain, _ = twin(net)
    options = {"steps": 10, "batch": 16, "lr": 5e-3}
    before = net(DATA)
    net.fit(DATA, Y, np.random.default_rng(1), **options)
    regress(plain, padded(GRAPHS, LABELS), Y, np.random.default_rng(1), **options)
    # not the weights: where a slope is 0, Adam takes steps along the rounding errors
    expected = plain(padded(GRAPHS, LABELS))[:, 0].detach().numpy()
    np.testing.assert_allclose(net(DATA), expected, atol=2e-2)
    assert np.abs(before - expected).max() > 0.1


def test_the_generator_decides_the_weights():
    weights = [fast(seed=seed).parameters.value["0.first.weight"] for seed in (3, 3, 4)]
    assert np.array_equal(weights[0], weights[1])
    assert not np.array_equal(weights[0], weights[2])


@pytest.mark.parametrize("n", [1, 2])
def test_the_smallest_batches_have_finite_slopes(n):
    net = fast()
    net.fit(DATA.take(np.arange(n)), Y[:n], np.random.default_rng(0), steps=2, batch=1, lr=0.1)
    assert np.isfinite(net(DATA)).all()
