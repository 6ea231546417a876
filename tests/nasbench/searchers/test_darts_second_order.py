import numpy as np
import torch
from torch.func import functional_call
from torch.nn.functional import cross_entropy

from nasbench.core import Recipe
from nasbench.networks.supernet import seeded_supernet
from nasbench.searchers import darts_second_order
from nasbench.searchers.darts_second_order import Config
from nasbench.testing.games import noise_data
from nasbench.training import hypergradients
from nasbench.training.hypergradients import unrolled_gradient


def test_in_the_supernet_the_gradient_is_autograds_of_the_unrolled_step(monkeypatch):
    """With a difference short enough to cross no kink of a ReLU."""
    monkeypatch.setattr(hypergradients, "RADIUS", 1e-6)
    data = noise_data()
    net = seeded_supernet(Recipe(channels=2), data.input, data.classes, seed=0).double()
    x, y = torch.from_numpy(data.train.x[:16]).double(), torch.from_numpy(data.train.y[:16])
    vx, vy = torch.from_numpy(data.valid.x[:16]).double(), torch.from_numpy(data.valid.y[:16])
    w = {name: p for name, p in net.named_parameters() if name != "alphas"}
    slopes = torch.autograd.grad(cross_entropy(net(x), y), w.values(), create_graph=True)
    after = {
        name: p - 0.1 * (slope + 3e-4 * p)
        for (name, p), slope in zip(w.items(), slopes, strict=True)
    }
    loss = cross_entropy(functional_call(net, after, (vx,)), vy)
    expected = torch.autograd.grad(loss, net.alphas)[0]
    sgd = torch.optim.SGD(w.values(), 0.1, 0.9, weight_decay=3e-4)
    found = unrolled_gradient(
        lambda: cross_entropy(net(x), y), lambda: cross_entropy(net(vx), vy), net.alphas, sgd
    )
    first_order = torch.autograd.grad(cross_entropy(net(vx), vy), net.alphas)[0]
    assert (found - expected).norm() < 1e-3 * expected.norm()
    assert (first_order - expected).norm() > 0.1 * expected.norm()


def test_alpha_moves_by_the_unrolled_gradient_of_train_and_valid_batches(rng, monkeypatch):
    seen = []

    def spy(train, valid, alphas, sgd):
        seen.append((train().item(), valid().item(), sgd.param_groups[0]["lr"]))
        return torch.zeros_like(alphas).index_fill_(1, torch.tensor([3]), -1.0)

    monkeypatch.setattr(hypergradients, "unrolled_gradient", spy)
    config = Config(epochs=2, batch_size=16, channels=2, alpha_lr=0.1)
    *_, last = darts_second_order._alphas(noise_data(), rng, config)
    assert len(seen) == 2 * 2
    assert all(train != valid for train, valid, _ in seen)
    np.testing.assert_allclose([lr for *_, lr in seen], [0.025] * 2 + [0.013] * 2)
    assert (last.argmax(axis=1) == 3).all()
