import math

import pytest
import torch

from nasbench.core import Recipe
from nasbench.testing.games import noise_data
from nasbench.training import levels
from nasbench.training.levels import Levels


@pytest.fixture
def data():
    return noise_data()


@pytest.fixture
def batches(data):
    return [
        (torch.from_numpy(split.x[:16]), torch.from_numpy(split.y[:16]))
        for split in (data.train, data.valid)
    ]


def make(data, **changes):
    settings = {"weight_decay": 0.01, "alpha_lr": 0.1, "settings_lr": 0.1, "terms": 2, "seed": 0}
    return Levels(data, Recipe(channels=2, lr=0.1), **settings | changes)


def test_the_lower_level_moves_the_weights_alone_by_the_regularized_loss(data, batches):
    both = make(data)
    before = {name: p.detach().clone() for name, p in both.net.named_parameters()}
    loss = both.valid_loss(batches[0])
    slope = torch.autograd.grad(loss, both.net.head.linear.weight)[0]
    both.lower(batches[0])
    moved = {n for n, p in both.net.named_parameters() if not torch.equal(p, before[n])}
    assert moved == set(before) - {"alphas"}
    old = before["head.linear.weight"]
    torch.testing.assert_close(
        both.net.head.linear.weight.detach(), old - 0.1 * (slope + 0.01 * old)
    )


def test_the_upper_level_moves_everything_but_the_weights(data, batches):
    both = make(data)
    both.lower(batches[0])
    before = {name: p.detach().clone() for name, p in both.net.named_parameters()}
    both.upper(*batches)
    moved = {n for n, p in both.net.named_parameters() if not torch.equal(p, before[n])}
    assert moved == {"alphas"}
    assert math.exp(float(both.log_decay.detach())) != pytest.approx(0.01)
    assert both.lr != pytest.approx(0.1)


def test_the_learning_rates_gradient_is_the_slope_of_the_valid_loss_along_the_last_step(
    data, batches
):
    """Against central differences of the loss after a step of another length."""
    train, valid = batches

    def loss(log_lr, both):
        with torch.no_grad():
            both.log_lr.fill_(log_lr)
        both.lower(train)
        return float(both.valid_loss(valid).detach())

    h, at = 0.05, math.log(1e-3)
    expected = (loss(at + h, make(data)) - loss(at - h, make(data))) / (2 * h)
    both = make(data, settings_lr=0.0)
    loss(at, both)
    both.upper(train, valid)
    assert float(both.log_lr.grad) == pytest.approx(expected, rel=0.05)


def test_settings_stay_at_a_rate_of_zero(data, batches):
    both = make(data, settings_lr=0.0)
    for _ in range(2):
        both.lower(batches[0])
        both.upper(*batches)
    assert both.lr == pytest.approx(0.1)
    assert float(both.log_decay.detach()) == pytest.approx(math.log(0.01))


def test_the_learning_rate_stays_within_its_bounds(data, batches):
    both = make(data, settings_lr=50.0)
    both.lower(batches[0])
    both.upper(*batches)
    assert both.lr == pytest.approx(levels.LR[0]) or both.lr == pytest.approx(levels.LR[1])
