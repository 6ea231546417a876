import numpy as np
import pytest
import torch
from scipy import stats
from scipy.special import gammainc, gammaincinv

from nasbench.networks.dirichlet import _Pathwise, draw_dirichlet


def test_the_derivative_of_two_is_that_of_the_beta_quantile():
    concentration = torch.tensor([[0.7, 2.5]], dtype=torch.float64, requires_grad=True)
    quantile = 0.3
    x = stats.beta.ppf(quantile, 0.7, 2.5)
    theta = _Pathwise.apply(concentration, torch.tensor([[x, 1 - x]], dtype=torch.float64))
    found = torch.autograd.grad(theta[0, 0], concentration)[0][0].numpy()
    h = 1e-5
    expected = [
        (stats.beta.ppf(quantile, 0.7 + h, 2.5) - stats.beta.ppf(quantile, 0.7 - h, 2.5)) / (2 * h),
        (stats.beta.ppf(quantile, 0.7, 2.5 + h) - stats.beta.ppf(quantile, 0.7, 2.5 - h)) / (2 * h),
    ]
    np.testing.assert_allclose(found, expected, rtol=1e-4)


def test_the_mean_gradient_is_the_gradient_of_the_mean(rng):
    concentration = torch.tensor([1.0, 2.0, 0.5], dtype=torch.float64, requires_grad=True)
    weights = torch.tensor([1.0, -2.0, 3.0], dtype=torch.float64)
    mean = (weights * concentration).sum() / concentration.sum()
    expected = torch.autograd.grad(mean, concentration)[0]
    theta = draw_dirichlet(concentration.expand(40_000, 3), rng)
    found = torch.autograd.grad((theta @ weights).mean(), concentration)[0]
    torch.testing.assert_close(found, expected, atol=0.03, rtol=0)


def test_the_gradient_agrees_with_gammas_at_fixed_quantiles_on_average(rng):
    """Of a nonlinear function: E f(theta) by gammas, moved at fixed quantiles."""
    beta, n, h = np.array([1.3, 0.8, 2.0]), 40_000, 1e-4
    gammas = rng.standard_gamma(np.broadcast_to(beta, (n, 3)))

    def mean(shift):
        moved = gammaincinv(beta + shift, gammainc(beta, gammas))
        theta = moved / moved.sum(axis=1, keepdims=True)
        return (theta[:, 0] ** 2).mean()

    expected = [(mean(h * row) - mean(-h * row)) / (2 * h) for row in np.eye(3)]
    concentration = torch.tensor(beta, requires_grad=True)
    theta = draw_dirichlet(concentration.expand(n, 3), rng)
    found = torch.autograd.grad(theta[:, 0].square().mean(), concentration)[0].numpy()
    np.testing.assert_allclose(found, expected, atol=0.01)


def test_draws_have_the_distributions_mean_and_variance(rng):
    beta = torch.tensor([0.6, 1.5, 3.0])
    theta = draw_dirichlet(beta.expand(40_000, 3), rng).numpy()
    np.testing.assert_allclose(theta.sum(axis=1), 1, rtol=1e-5)
    expected = stats.dirichlet(beta.numpy().astype(float))
    np.testing.assert_allclose(theta.mean(axis=0), expected.mean(), atol=0.01)
    np.testing.assert_allclose(theta.var(axis=0), expected.var(), atol=0.005)


def test_tiny_concentrations_stay_finite(rng):
    concentration = torch.full((6, 5), 1e-6, requires_grad=True)
    theta = draw_dirichlet(concentration, rng)
    assert theta.isfinite().all()
    (theta * torch.arange(5)).sum().backward()
    assert concentration.grad.isfinite().all()


@pytest.fixture
def rng():
    return np.random.default_rng(0)
