from __future__ import annotations

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.spatial.distance import pdist
from scipy.stats import multivariate_normal, norm
from sklearn.gaussian_process import GaussianProcessRegressor
from sklearn.gaussian_process.kernels import RBF, ConstantKernel, WhiteKernel

from nasbench.training.gaussian_process import (
    LENGTHS,
    NOISES,
    GaussianProcess,
    SmoothProcess,
    log_expected_improvement,
)


@pytest.fixture
def points():
    rng = np.random.default_rng(0)
    x = rng.uniform(-3, 3, (40, 2))
    return x, np.sin(x[:, 0]) + 0.3 * rng.standard_normal(40)


def test_predictions_are_those_of_scikit_learn(points):
    x, y = points
    kernel = RBF(1.0)
    process = GaussianProcess(kernel(x), y)
    fixed = ConstantKernel(process.variance, "fixed") * RBF(1.0, "fixed")
    noise = WhiteKernel(process.variance * process.noise, "fixed")
    other = GaussianProcessRegressor(fixed + noise, alpha=0, optimizer=None).fit(x, y - y.mean())
    new = np.random.default_rng(1).uniform(-3, 3, (20, 2))
    mean, std = process.predict(kernel(new, x), np.ones(20))
    theirs, with_noise = other.predict(new, return_std=True)
    np.testing.assert_allclose(mean, theirs + y.mean(), atol=1e-8)
    np.testing.assert_allclose(std**2 + process.variance * process.noise, with_noise**2, atol=1e-8)


def test_the_likelihood_is_the_largest_over_variance_and_the_grid_of_noises(points):
    x, y = points
    gram = RBF(1.0)(x)
    process = GaussianProcess(gram, y)

    def likelihood(variance, noise):
        covariance = variance * (gram + noise * np.eye(len(y)))
        return multivariate_normal(cov=covariance).logpdf(y - y.mean())

    assert process.log_likelihood == pytest.approx(likelihood(process.variance, process.noise))
    for factor in (0.9, 1.1):
        assert likelihood(factor * process.variance, process.noise) < process.log_likelihood
    for noise in NOISES:
        assert likelihood(process.variance, noise) <= process.log_likelihood + 1e-9


def test_targets_that_are_all_equal_are_predicted():
    mean, std = GaussianProcess(np.eye(3), np.full(3, 2.0)).predict(np.ones((1, 3)), np.ones(1))
    assert mean == pytest.approx(2.0)
    assert np.isfinite(std).all()


def test_a_sure_gain_is_the_gain():
    found = log_expected_improvement(np.array([-3.0]), np.array([1e-6]), 0.5)
    assert np.exp(found) == pytest.approx(3.5)


@pytest.mark.parametrize("mean", [-1.0, 0.3, 1.19, 1.21, 2.0, 6.0])
def test_expected_improvement_is_the_integral(mean):
    std, best = 0.7, 0.5
    expected, _ = quad(lambda f: (best - f) * norm.pdf(f, mean, std), mean - 12 * std, best)
    found = np.exp(log_expected_improvement(np.array([mean]), np.array([std]), best))
    assert found[0] == pytest.approx(expected, rel=1e-6)


def test_hopeless_candidates_are_still_in_order():
    means = np.linspace(0, 500, 5001)
    gain = log_expected_improvement(means, np.ones(5001), 0.0)
    assert np.isfinite(gain).all()
    assert (np.diff(gain) < 0).all()


def test_a_smooth_process_has_the_likeliest_length(points):
    x, y = points
    smooth = SmoothProcess(x, y)
    median = np.median(pdist(x))
    processes = [GaussianProcess(RBF(length)(x), y) for length in median * LENGTHS]
    best = max(processes, key=lambda process: process.log_likelihood)
    assert smooth.process.log_likelihood == pytest.approx(best.log_likelihood)
    new = np.random.default_rng(1).uniform(-3, 3, (20, 2))
    expected = best.predict(RBF(smooth.length)(new, x), np.ones(20))
    np.testing.assert_allclose(smooth.predict(new), expected, atol=1e-4)  # of medians


def test_a_smooth_process_of_equal_points_is_finite():
    mean, std = SmoothProcess(np.zeros((3, 2)), np.array([1.0, 2.0, 3.0])).predict(np.ones((1, 2)))
    assert np.isfinite([mean, std]).all()
