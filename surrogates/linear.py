"""`linear`: Bayesian ridge regression on the features, the baseline that a model must beat.

MacKay, "Bayesian Interpolation", Neural Computation 1992, as scikit-learn's `BayesianRidge`: noise
and penalty are estimated from the data, and there is nothing to tune.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Space
from surrogates.features import Features
from surrogates.model import Scale, State, checked_targets

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Config:
    """There is nothing to set."""


class Linear:
    """Bayesian ridge regression; the standard deviation is that of the predictive distribution."""

    name: ClassVar[str] = "linear"
    Config: TypeAlias = Config

    def __init__(self, space: Space, config: Config = Config(), *, seed: int = 0) -> None:
        self.space, self.config, self.seed = space, config, seed
        self._features: Features
        self._inputs: Scale
        self._outputs: Scale
        self._weights: Floats
        """(d, e)."""
        self._covariance: Floats
        """(e, d, d) of the weights."""
        self._noise: Floats
        """(e,) variance of the scaled targets around the line."""

    def fit(self, archs: Sequence[Architecture], targets: Floats) -> Self:
        from sklearn.linear_model import BayesianRidge

        values = checked_targets(archs, targets)
        self._features = Features.learn(self.space, archs)
        x = self._features(archs).astype(np.float64)
        self._inputs = Scale.of(x, flat=False)
        self._outputs = Scale.of(values, flat=np.ndim(targets) == 1)
        x, y = self._inputs.down(x), self._outputs.down(values)
        found = [BayesianRidge(fit_intercept=False).fit(x, column) for column in y.T]
        self._weights = np.stack([each.coef_ for each in found], axis=1)
        self._covariance = np.stack([each.sigma_ for each in found])
        self._noise = np.array([1 / each.alpha_ for each in found])
        return self

    def predict(self, archs: Sequence[Architecture]) -> tuple[Floats, Floats]:
        x = self._inputs.down(self._features(archs).astype(np.float64))
        # einsum sums each row for itself, where a product by BLAS depends on the other rows
        mean = np.einsum("nd,de->ne", x, self._weights)
        spread = np.stack([np.einsum("nd,dc,nc->n", x, each, x) for each in self._covariance], 1)
        deviation = np.sqrt(np.maximum(spread, 0) + self._noise) * self._outputs.spread
        return self._outputs.up(mean), self._outputs.shaped(deviation)

    def state(self) -> State:
        arrays = {
            "weights": self._weights,
            "covariance": self._covariance,
            "noise": self._noise,
            **{f"inputs.{name}": each for name, each in self._inputs.arrays().items()},
            **{f"outputs.{name}": each for name, each in self._outputs.arrays().items()},
        }
        settings = {"config": {}, "seed": self.seed, "features": self._features.state()}
        return State(settings, arrays)

    @classmethod
    def restore(cls, space: Space, state: State) -> Self:
        model = cls(space, seed=state.settings["seed"])
        model._features = Features.restore(space, state.settings["features"])
        model._inputs = Scale.restore(state.part("inputs.").arrays)
        model._outputs = Scale.restore(state.part("outputs.").arrays)
        model._weights, model._covariance, model._noise = (
            state.arrays[name] for name in ("weights", "covariance", "noise")
        )
        return model

    @property
    def features(self) -> Features:
        """The columns that it was fitted on."""
        return self._features
