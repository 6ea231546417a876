"""`curves`: many targets at once, such as learning curves, through their principal components.

Yan, White, Savani & Hutter, "NAS-Bench-x11 and the Power of Learning Curves", NeurIPS 2021:
the training curves are written as sums of a few components of their singular value decomposition,
and a model predicts the coefficients. Here one decomposition spans the curves of all metrics.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import ClassVar, Self, TypeAlias, cast

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Architecture, Space
from nasbench.errors import InvalidConfig
from surrogates import ensemble
from surrogates.model import Model, Scale, State, checked_targets, joined

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the decomposition."""

    member: str = "xgb"
    """Registered name of the model of the coefficients, which has its default settings."""
    components: int = 6
    """Coefficients, k in the paper; fewer where there are fewer targets or architectures."""
    members: int = 1
    """Models of the coefficients; their mean predicts if there are several."""

    def __post_init__(self) -> None:
        if self.components < 1 or self.members < 1 or self.member == "curves":
            raise InvalidConfig(
                f"curves need at least one component and one model of another kind, got "
                f"{self.components} components and {self.members} x {self.member}"
            )


class Curves:
    """A model of k coefficients in place of e targets; deviations are those of the coefficients."""

    name: ClassVar[str] = "curves"
    Config: TypeAlias = Config

    def __init__(self, space: Space, config: Config = Config(), *, seed: int = 0) -> None:
        self.space, self.config, self.seed = space, config, seed
        self._scale: Scale
        self._basis: Floats
        """(k, e), orthonormal rows."""
        self._model: Model

    def fit(self, archs: Sequence[Architecture], targets: Floats) -> Self:
        values = checked_targets(archs, targets)
        self._scale = Scale.of(values, flat=np.ndim(targets) == 1)
        scaled = self._scale.down(values)
        self._basis = np.linalg.svd(scaled, full_matrices=False)[2][: self.config.components]
        self._model = self._made().fit(archs, scaled @ self._basis.T)
        return self

    def predict(self, archs: Sequence[Architecture]) -> tuple[Floats, Floats]:
        mean, deviation = self._model.predict(archs)
        # einsum sums each row for itself, where a product by BLAS depends on the other rows
        curves = np.einsum("nk,ke->ne", mean, self._basis)
        variance = np.einsum("nk,ke->ne", deviation**2, self._basis**2)  # of independent components
        spread = np.sqrt(variance + 1e-18) * self._scale.spread
        return self._scale.up(curves), self._scale.shaped(spread)

    def state(self) -> State:
        inner = self._model.state()
        settings = {"config": asdict(self.config), "seed": self.seed, "model": inner.settings}
        own = State({}, {"basis": self._basis, **self._scale.arrays()})
        return joined(settings, {"own.": own, "model.": inner})

    @classmethod
    def restore(cls, space: Space, state: State) -> Self:
        settings, own = state.settings, state.part("own.").arrays
        model = cls(space, Config(**settings["config"]), seed=settings["seed"])
        model._scale, model._basis = Scale.restore(own), own["basis"]
        inner = state.part("model.", settings["model"])
        model._model = type(model._made()).restore(space, inner)
        return model

    @property
    def model(self) -> Model:
        """That of the coefficients."""
        return self._model

    def _made(self) -> Model:
        """A model that is not fitted yet."""
        if self.config.members > 1:
            settings = ensemble.Config(self.config.member, self.config.members)
            return ensemble.Ensemble(self.space, settings, seed=self.seed)
        kind = registry.resolve(registry.PREDICTORS, self.config.member)
        return cast(Model, kind(self.space, seed=self.seed))
