"""What a surrogate model is: a predictor that can be stored without pickle and restored exactly."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, Protocol, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Predictor, Space
from nasbench.errors import InvalidConfig


@dataclass(frozen=True, slots=True, eq=False)
class State:
    """All that a fitted model is, in forms that any language reads."""

    settings: Mapping[str, Any]
    """JSON-able: the model's configuration, seed and shapes."""
    arrays: Mapping[str, NDArray[Any]] = field(default_factory=dict)
    """By name; stored as safetensors."""
    files: Mapping[str, bytes] = field(default_factory=dict)
    """By file name, such as `booster.ubj`: formats of the library that fitted."""


class Model(Predictor, Protocol):
    """A model of one metric or of several targets at once, such as a learning curve.

    Made by `Model(space, config, seed=...)`; what is registered in `nasbench.predictors` is the
    class. The seed decides the whole fit, the global generators nothing.
    """

    name: ClassVar[str]
    """As registered, such as `xgb`; the part of a benchmark's name after `@`."""
    Config: ClassVar[type]
    """Frozen dataclass of its settings; every field has a default and a docstring."""

    def __init__(self, space: Space, config: Any = ..., *, seed: int = 0) -> None: ...

    def fit(self, archs: Sequence[Architecture], targets: NDArray[np.float64]) -> Self:
        """Itself, fitted to targets (n,) or (n, e) of architectures, see `checked_targets`.

        Raises:
            WrongSpace: an architecture of another space.
            InvalidConfig: no, unequally many or non-finite targets.
        """

    def predict(
        self, archs: Sequence[Architecture]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """Mean and standard deviation, each (n,) or (n, e) as the targets were.

        The deviation is how unsure the model says it is, positive, in the unit of the target and
        not calibrated; a model that cannot say gives the same for all. An architecture's prediction
        does not depend, not by a bit, on the company it is asked in. Twins predict the same.
        """

    def state(self) -> State:
        """The fitted model; `restore` of it predicts the same, bit for bit."""

    @classmethod
    def restore(cls, space: Space, state: State) -> Self:
        """The model of a state.

        Raises:
            InvalidConfig: settings that this model does not have.
        """


def checked_targets(
    archs: Sequence[Architecture], targets: NDArray[np.float64]
) -> NDArray[np.float64]:
    """Targets (n, e), where those of shape (n,) become (n, 1).

    Raises:
        InvalidConfig: no, unequally many or non-finite targets.
    """
    found = np.asarray(targets, dtype=np.float64)
    if found.ndim not in (1, 2) or len(found) != len(archs) or not found.size:
        raise InvalidConfig(
            f"expected targets of shape ({len(archs)},) or ({len(archs)}, e) for as many "
            f"architectures, at least one, got {found.shape}"
        )
    missing = ~np.isfinite(found.reshape(len(found), -1)).all(axis=1)
    if missing.any():
        raise InvalidConfig(
            f"{int(missing.sum())} of {len(found)} architectures have targets that are not finite "
            f"(the first is number {int(missing.argmax())}); leave out what was not measured"
        )
    return found.reshape(len(found), -1)
