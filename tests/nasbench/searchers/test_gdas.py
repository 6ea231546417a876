import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from nasbench.core import Recipe
from nasbench.networks.sampled import sampled_logits
from nasbench.networks.supernet import seeded_supernet
from nasbench.searchers import gdas
from nasbench.searchers.gdas import Config
from nasbench.testing.games import noise_data


@pytest.fixture
def net():
    data = noise_data()
    return seeded_supernet(Recipe(channels=2), data.input, data.classes, seed=0)


@pytest.fixture
def batch():
    data = noise_data()
    return torch.from_numpy(data.train.x[:8]), torch.from_numpy(data.train.y[:8])


def gumbel(shape, rng):
    return torch.from_numpy(rng.gumbel(size=shape))


@pytest.mark.parametrize("tau", [0.1, 10.0])
def test_operations_are_sampled_by_their_chances_at_any_temperature(rng, tau):
    logits = torch.tensor([[0.0, 1.0, -1.0]], dtype=torch.float64).expand(30_000, 3)
    chosen, _ = gdas.sample(logits, gumbel((30_000, 3), rng), tau)
    shares = torch.bincount(chosen, minlength=3) / 30_000
    torch.testing.assert_close(shares.double(), logits[0].softmax(dim=0), atol=0.01, rtol=0)


def test_the_sample_is_one_forwards_and_the_relaxation_backwards(rng):
    logits = torch.randn(6, 5, generator=torch.Generator().manual_seed(0)).double()
    noise, tau, h = gumbel((6, 5), rng), 2.0, 1e-6
    leaf = logits.clone().requires_grad_()
    chosen, value = gdas.sample(leaf, noise, tau)
    assert torch.equal(value.detach(), torch.ones(6, dtype=torch.float64))
    slope = torch.autograd.grad(value.sum(), leaf)[0]

    def relaxed(edge, shift):
        moved = logits[edge].numpy() + shift
        z = np.exp((moved - np.log(np.exp(moved).sum()) + noise[edge].numpy()) / tau)
        return (z / z.sum())[chosen[edge]]

    for edge in range(6):
        expected = [
            (relaxed(edge, h * row) - relaxed(edge, -h * row)) / (2 * h) for row in np.eye(5)
        ]
        np.testing.assert_allclose(slope[edge], expected, atol=1e-7)


def test_the_gradient_reaches_the_logits_through_the_sampled_operations_alone(net, batch):
    """dL/dA = dL/dscale of each edge's operation, times the relaxation's own derivative."""
    x, y = batch
    tau = 3.0
    noise = torch.from_numpy(np.random.default_rng(4).gumbel(size=(6, 5))).float()
    found = torch.autograd.grad(gdas._loss(net, x, y, tau, np.random.default_rng(4)), net.alphas)[0]
    soft = ((net.alphas.log_softmax(1) + noise) / tau).softmax(1).detach()
    chosen = soft.argmax(1)
    scales = torch.ones(6, requires_grad=True)
    loss = cross_entropy(sampled_logits(net, x, chosen.tolist(), scales), y)
    slopes = torch.autograd.grad(loss, scales)[0]
    one_hot = torch.eye(5)[chosen]
    share = soft.gather(1, chosen[:, None])
    torch.testing.assert_close(found, slopes[:, None] * share * (one_hot - soft) / tau)


def test_a_step_trains_the_weights_of_the_sampled_operations_and_no_others(net, batch):
    noise = np.random.default_rng(4).gumbel(size=(6, 5))
    chosen = (net.alphas.detach().numpy() + noise).argmax(1)
    loss = gdas._loss(net, *batch, 1.0, np.random.default_rng(4))
    w = dict(net.named_parameters())
    slopes = torch.autograd.grad(loss, w.values(), allow_unused=True)
    reached = {name for name, slope in zip(w, slopes, strict=True) if slope is not None}
    for name in w:
        if ".edges." in name and name in reached:
            _, _, _, edge, operation, *_ = name.split(".")
            assert {"conv_1x1": 2, "conv_3x3": 3}[operation] == chosen[int(edge)]
    assert any(".edges." in name for name in reached)


def test_the_temperature_falls_linearly(rng, monkeypatch):
    seen = []

    def spy(net, x, y, tau, rng):
        seen.append(tau)
        return net(x).sum()

    monkeypatch.setattr(gdas, "_loss", spy)
    list(gdas._logits(noise_data(), rng, Config(epochs=3, batch_size=32, channels=2, lr=1e-6)))
    assert seen == pytest.approx([10, 10, 5.05, 5.05, 0.1, 0.1])
