from __future__ import annotations

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.networks.ensemble import Ensemble


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def twin(ensemble, member):
    """The same network in torch."""
    layers = []
    for weight, bias in ensemble._weights:
        layer = nn.Linear(*weight.shape[1:])
        layer.weight.data = torch.from_numpy(weight[member].T.copy())
        layer.bias.data = torch.from_numpy(bias[member, 0].copy())
        layers += [layer, nn.ReLU()]
    return nn.Sequential(*layers[:-1])


def test_outputs_and_slopes_are_those_of_torch(rng):
    ensemble = Ensemble(6, [5, 4], members=3, rng=rng)
    for _, bias in ensemble._weights:
        bias[:] = rng.standard_normal(bias.shape)
    x = rng.standard_normal((3, 8, 6)).astype(np.float32)
    y = rng.standard_normal((3, 8)).astype(np.float32)
    outputs, slopes = ensemble(x), ensemble.backward(x, y)
    for member in range(3):
        net = twin(ensemble, member)
        theirs = net(torch.from_numpy(x[member]))[:, 0]
        np.testing.assert_allclose(outputs[member], theirs.detach().numpy(), atol=1e-5)
        nn.functional.l1_loss(theirs, torch.from_numpy(y[member])).backward()
        for layer, (weight, bias) in zip(net[::2], slopes, strict=True):
            np.testing.assert_allclose(weight[member], layer.weight.grad.numpy().T, atol=1e-5)
            np.testing.assert_allclose(bias[member, 0], layer.bias.grad.numpy(), atol=1e-5)


def test_training_takes_the_steps_of_adam_in_torch(rng):
    x, y = np.ones((1, 4), dtype=np.float32), np.array([3.0], dtype=np.float32)
    ensemble = Ensemble(4, [3], members=2, rng=rng)
    nets = [twin(ensemble, member) for member in range(2)]
    ensemble.fit(x, y, rng, steps=25, batch=1, lr=0.05)
    for member, net in enumerate(nets):
        adam = torch.optim.Adam(net.parameters(), lr=0.05)
        for _ in range(25):
            adam.zero_grad()
            (net(torch.from_numpy(x))[:, 0] - 3).abs().mean().backward()
            adam.step()
        ours, theirs = ensemble(x)[member], net(torch.from_numpy(x)).item()
        assert ours[0] == pytest.approx(theirs, abs=1e-3)


def test_it_learns_a_function_and_is_sure_where_it_has_data(rng):
    x = rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    y = np.abs(x[:, 0]) - x[:, 1]
    ensemble = Ensemble(2, [20, 20, 20], members=5, rng=rng)
    ensemble.fit(x, y, rng, steps=400, batch=32, lr=0.01)
    assert np.abs(ensemble(x).mean(axis=0) - y).mean() < 0.05
    far = 6 * rng.uniform(-1, 1, (200, 2)).astype(np.float32)
    assert ensemble(x).std(axis=0).mean() < 0.3 * ensemble(far).std(axis=0).mean()
