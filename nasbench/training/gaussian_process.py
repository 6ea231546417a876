"""Gaussian process regression from a Gram matrix, and the expected improvement of its predictions.

Rasmussen & Williams, "Gaussian Processes for Machine Learning", 2006, ch. 2 and 5.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_Array = NDArray[np.float64]
NOISES = np.geomspace(1e-3, 10, 25)
"""Ratios r of noise to signal variance among which the likelihood decides."""
LENGTHS = np.geomspace(0.25, 4, 9)
"""Lengths of a kernel among which the likelihood decides, times the median distance of the data."""
_LEAST = 1e-12


class GaussianProcess:
    """Posterior of y ~ Normal(m, s (G + r I)), for a Gram matrix G (n, n) and targets y (n,).

    m is the mean of the targets, z = y - m. The likelihood is largest at s = z' (G + r I)^-1 z / n,
    which leaves r alone to be searched for; one eigendecomposition of G serves all r.
    """

    def __init__(self, gram: _Array, y: _Array) -> None:
        n, self._mean = len(y), float(y.mean())
        eigenvalues, self._basis = np.linalg.eigh(gram)
        spectra = np.maximum(eigenvalues, 0) + NOISES[:, None]
        projected = self._basis.T @ (y - self._mean)
        variances = np.maximum((projected**2 / spectra).mean(axis=1), _LEAST)
        constant = n * (1 + np.log(2 * np.pi))
        likelihoods = -(n * np.log(variances) + np.log(spectra).sum(axis=1) + constant) / 2
        best = int(likelihoods.argmax())
        self.log_likelihood = float(likelihoods[best])
        """Log marginal likelihood at the best s and r."""
        self.variance, self.noise = float(variances[best]), float(NOISES[best])
        """s and r."""
        self._spectrum = spectra[best]
        self._weights = self._basis @ (projected / self._spectrum)

    def predict(self, cross: _Array, own: _Array) -> tuple[_Array, _Array]:
        """Mean (m,) and standard deviation (m,), free of noise.

        `cross` (m, n) are kernel values with the data, `own` (m,) those with themselves.
        """
        explained = ((cross @ self._basis) ** 2 / self._spectrum).sum(axis=1)
        variance = self.variance * np.maximum(own - explained, _LEAST)
        return self._mean + cross @ self._weights, np.sqrt(variance)


class SmoothProcess:
    """A process of points z (n, d) with the kernel exp(-distance^2 / (2 length^2))."""

    def __init__(self, z: _Array, y: _Array) -> None:
        from scipy.spatial.distance import cdist

        self._z = z
        squares = cdist(z, z, "sqeuclidean")
        typical = np.median(squares[squares > 0]) if squares.any() else 1.0
        scales = 2 * typical * LENGTHS**2
        processes = [GaussianProcess(np.exp(-squares / scale), y) for scale in scales]
        best = int(np.argmax([process.log_likelihood for process in processes]))
        self.process, self.length = processes[best], float(np.sqrt(scales[best] / 2))

    def predict(self, z: _Array) -> tuple[_Array, _Array]:
        """Mean (m,) and standard deviation (m,) at points z (m, d), free of noise."""
        from scipy.spatial.distance import cdist

        cross = np.exp(-cdist(z, self._z, "sqeuclidean") / (2 * self.length**2))
        return self.process.predict(cross, np.ones(len(z)))


def log_expected_improvement(mean: _Array, std: _Array, best: float) -> _Array:
    """Logarithm of E max(best - f, 0) for f ~ Normal(mean, std^2), (m,).

    With z = (best - mean) / std it is std (phi(z) + z Phi(z)) (Jones et al., J. Global Optimization
    1998), which is 0 in floating point for z below -38; its logarithm still orders such candidates.
    """
    from scipy.special import log_ndtr, ndtr

    z = (best - mean) / std
    near, far = np.maximum(z, -1), np.minimum(z, -1)
    direct = np.log(np.exp(_log_phi(near)) + near * ndtr(near))
    ratio = far * np.exp(log_ndtr(far) - _log_phi(far))  # z Phi / phi, toward -1
    rest = np.where(far < -20, 1 / (far**2 + 3), 1 + ratio)  # without cancellation, to O(z^-6)
    result: _Array = np.log(std) + np.where(z > -1, direct, _log_phi(far) + np.log(rest))
    return result


def _log_phi(z: _Array) -> _Array:
    result: _Array = -(z**2 + np.log(2 * np.pi)) / 2
    return result
