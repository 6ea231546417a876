import numpy as np
import pytest
import torch

from nasbench.core import Recipe
from nasbench.networks.supernet import seeded_supernet
from nasbench.searchers import drnas
from nasbench.searchers.drnas import Config
from nasbench.testing.games import noise_data


@pytest.fixture
def net():
    data = noise_data()
    return seeded_supernet(Recipe(channels=2), data.input, data.classes, seed=0)


def test_the_concentration_is_elu_plus_one(net):
    with torch.no_grad():
        net.alphas[0] = torch.tensor([0.0, 1.5, -1.0, -3.0, 0.2])
    expected = [1, 2.5, np.exp(-1), np.exp(-3), 1.2]
    np.testing.assert_allclose(drnas._concentration(net)[0].detach(), expected, rtol=1e-5)


def test_the_mixture_is_a_draw_of_the_dirichlet(net, monkeypatch):
    seen = []
    monkeypatch.setattr(
        type(net), "forward", lambda self, x, theta: seen.append(theta) or x @ theta
    )
    with torch.no_grad():
        net.alphas.fill_(0)
        net.alphas[:, 3] = 4
    x, y = torch.ones(2, 6), torch.tensor([0, 1])
    rng = np.random.default_rng(0)
    for _ in range(400):
        drnas._loss(net, x, y, rng)
    theta = torch.stack(seen).detach()
    torch.testing.assert_close(theta.sum(dim=2), torch.ones(400, 6))
    expected = torch.tensor([1, 1, 1, 5, 1]) / 9
    torch.testing.assert_close(theta.mean(dim=(0, 1)), expected, atol=0.02, rtol=0)


def test_descent_on_a_drawn_mixture_raises_the_mean_of_the_better_operation(net):
    """A linear loss, whose optimum is all weight on operation 2."""
    from nasbench.networks.dirichlet import draw_dirichlet
    from nasbench.training.one_shot import descend

    adam, rng = torch.optim.Adam([net.alphas], 0.1), np.random.default_rng(0)
    price = torch.tensor([1.0, 1.0, 0.0, 1.0, 1.0])
    for _ in range(100):
        descend((draw_dirichlet(drnas._concentration(net), rng) * price).sum(), adam)
    beta = drnas._concentration(net).detach()
    assert (beta[:, 2] / beta.sum(dim=1)).min() > 0.5


def test_without_a_slope_the_distance_draws_the_concentration_to_one(rng, monkeypatch):
    def level(net, x, y, rng):
        return sum(0 * p.square().sum() for p in net.parameters())

    monkeypatch.setattr(drnas, "_loss", level)
    shared = {"epochs": 15, "batch_size": 32, "channels": 2, "alpha_lr": 4e-3}
    far = [
        list(drnas._means(noise_data(), np.random.default_rng(0), Config(**shared, distance=d)))[-1]
        for d in (0.0, 1.0)
    ]
    assert np.abs(far[1] - 0.2).max() < 0.5 * np.abs(far[0] - 0.2).max()
