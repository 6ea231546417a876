"""Zero-cost scores against their definitions, on networks small enough for pencil and paper."""

import itertools
import math

import numpy as np
import pytest
import torch
from torch import nn
from torch.nn import functional as F

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks import ops
from nasbench.networks.weights import seeded_network
from nasbench.training.proxy_scores import JITTER, grad_norm, jacob_cov, naswot, synflow

SPEC = InputSpec("image", 3, 8, 8)
CHAIN = Architecture("cell201-v1", (0, 0, 0, 3, 0, 0))
"""One convolution, from the cell's input to its output."""
MIXED = Architecture("cell201-v1", (3, 2, 1, 4, 3, 1))


def network_of(arch, stages=2):
    return seeded_network(arch, Recipe(channels=4, stages=stages), SPEC, classes=5, seed=0)


@pytest.fixture
def batch():
    rng = torch.Generator().manual_seed(0)
    return torch.randn(6, 3, 8, 8, generator=rng), torch.tensor([0, 1, 2, 3, 4, 0])


def linear(*rows):
    layer = nn.Linear(len(rows[0]), len(rows), bias=False)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(rows))
    return layer


def test_synflow_of_two_layers_is_twice_their_flow():
    network = nn.Sequential(linear([1.0, -2.0], [3.0, 4.0]), nn.ReLU(), linear([5.0, -6.0]))
    flow = 5 * (1 + 2) + 6 * (3 + 4)  # of an input of ones through absolute weights
    assert synflow(network, torch.zeros(1, 2), torch.zeros(1)) == 2 * flow


def test_synflow_is_conserved_in_every_layer_of_a_chain(batch):
    """Tanaka et al., 2020, theorem 1: each layer's sum is the flow that goes through it."""
    network = network_of(CHAIN, stages=1).double().eval()
    with torch.no_grad():
        weights = [network.stem.conv.weight, network.body[0].ops[3].conv.weight]
        x = torch.ones(1, 3, 8, 8, dtype=torch.float64)
        x = F.conv2d(x, weights[0].abs(), stride=2, padding=1)
        x = F.conv2d(x, weights[1].abs(), padding=1).mean(dim=(2, 3))
        flow = float((x @ network.head.linear.weight.abs().T).sum())
    score = synflow(network_of(CHAIN, stages=1), batch[0], batch[1])
    assert score == pytest.approx(3 * flow, rel=1e-12)


def test_synflow_does_not_see_neurons_rescaled(batch):
    network, rescaled = network_of(CHAIN), network_of(CHAIN)
    with torch.no_grad():
        factors = torch.tensor([0.5, 2.0, 8.0, 0.25])
        rescaled.stem.conv.weight *= factors.view(4, 1, 1, 1)
        rescaled.body[0].ops[3].conv.weight /= factors.view(1, 4, 1, 1)
    assert synflow(network, *batch) == pytest.approx(synflow(rescaled, *batch), rel=1e-12)


def test_synflow_sees_no_data(batch):
    x, y = batch
    assert synflow(network_of(MIXED), x, y) == synflow(network_of(MIXED), 7 - x, y)


def by_hand(codes):
    """log |det K| of binary codes (n, units), K filled in one pair at a time."""
    n, units = codes.shape
    kernel = np.zeros((n, n))
    for i, j in itertools.product(range(n), repeat=2):
        kernel[i, j] = units - sum(a != b for a, b in zip(codes[i], codes[j], strict=True))
    return math.log(abs(np.linalg.det(kernel)))


def test_naswot_is_the_log_determinant_of_the_kernel_by_brute_force(batch):
    x = batch[0].flatten(1)[:, :3]
    first, second = nn.Linear(3, 8), nn.Linear(8, 7)
    with torch.no_grad():
        for k, weight in enumerate([first.weight, second.weight]):
            nn.init.normal_(weight, generator=torch.Generator().manual_seed(k))
        hidden = F.relu(first(x))
        codes = torch.cat([first(x) > 0, second(hidden) > 0], dim=1).numpy()
    network = nn.Sequential(first, nn.ReLU(), second, nn.ReLU())
    assert naswot(network, x, batch[1]) == pytest.approx(by_hand(codes), rel=1e-9)


def test_naswot_counts_every_relu_of_a_cell(batch, monkeypatch):
    codes = []

    def recorded(x):
        codes.append((x > 0).flatten(1).numpy())
        return x.clamp(min=0)

    with monkeypatch.context() as patch, torch.no_grad():
        patch.setattr(ops.F, "relu", recorded)
        network_of(MIXED).train()(batch[0])
    assert len(codes) == 2 * 3 + 2 + 1  # convolutions of two cells, residual block, head
    brute = by_hand(np.concatenate(codes, axis=1))
    assert naswot(network_of(MIXED), *batch) == pytest.approx(brute, rel=1e-9)


def test_naswot_is_minus_infinity_where_all_images_look_the_same(batch):
    assert naswot(network_of(MIXED), batch[0][:1].expand(3, -1, -1, -1), batch[1]) == -math.inf


def test_grad_norm_of_a_linear_classifier_is_that_of_softmax_regression():
    weight = np.array([[0.2, -1.0], [0.5, 0.3], [-0.4, 0.8]])
    x, y = np.array([[1.0, 2.0], [-1.0, 0.5]]), [2, 0]
    p = np.exp(x @ weight.T)
    p /= p.sum(axis=1, keepdims=True)
    gradient = (p - np.eye(3)[y]).T @ x / 2
    score = grad_norm(linear(*weight.tolist()), torch.tensor(x).float(), torch.tensor(y))
    assert score == pytest.approx(np.linalg.norm(gradient), rel=1e-5)


def test_grad_norm_adds_up_the_norms_of_layers(batch):
    network = network_of(MIXED).train()
    torch.autograd.backward(F.cross_entropy(network(batch[0]), batch[1]))
    layers = [m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear)]
    norms = [np.linalg.norm(layer.weight.grad.numpy()) for layer in layers]
    assert grad_norm(network_of(MIXED), *batch) == pytest.approx(sum(norms), rel=1e-5)


class Square(nn.Module):
    """A network whose Jacobian by an image is the image."""

    def forward(self, x):
        return (x**2 / 2).flatten(1)


def test_jacob_cov_is_its_formula_on_known_jacobians(batch):
    x, y = batch
    v = np.linalg.eigvalsh(np.corrcoef(x.flatten(1).double().numpy())) + JITTER
    assert jacob_cov(Square(), x, y) == pytest.approx(-np.sum(np.log(v) + 1 / v), rel=1e-6)


def test_jacob_cov_prefers_uncorrelated_jacobians(batch):
    x, y = batch
    alike = x[:1] + 0.1 * x
    assert jacob_cov(Square(), alike, y) < jacob_cov(Square(), x, y)


def test_jacob_cov_is_minus_infinity_without_a_jacobian(batch):
    nothing = Architecture("cell201-v1", (0,) * 6)
    assert jacob_cov(network_of(nothing), *batch) == -math.inf
