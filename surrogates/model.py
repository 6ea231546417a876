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
    """By file name, such as `booster.ubj.gz`: formats of the library that fitted."""

    def part(self, prefix: str, settings: Mapping[str, Any] | None = None) -> State:
        """The arrays and files whose names begin with `prefix`, without it, and the settings."""
        cut = len(prefix)
        return State(
            self.settings if settings is None else settings,
            {key[cut:]: value for key, value in self.arrays.items() if key.startswith(prefix)},
            {key[cut:]: value for key, value in self.files.items() if key.startswith(prefix)},
        )


def joined(settings: Mapping[str, Any], parts: Mapping[str, State]) -> State:
    """The arrays and files of all `parts` under names that begin with the part's; see `part`."""
    return State(
        settings,
        {
            f"{key}{name}": value
            for key, each in parts.items()
            for name, value in each.arrays.items()
        },
        {
            f"{key}{name}": value
            for key, each in parts.items()
            for name, value in each.files.items()
        },
    )


class Fitted(Protocol):
    """What is asked of a fitted `Model`."""

    @property
    def name(self) -> str: ...

    def predict(
        self, archs: Sequence[Architecture]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]: ...

    def state(self) -> State: ...


class Model(Predictor, Protocol):
    """A model of one metric or of several targets at once, such as a learning curve.

    Made by `Model(space, config, seed=...)`; what is registered in `nasbench.predictors` is the
    class. The seed decides the whole fit, the global generators nothing.
    """

    name: ClassVar[str]
    """As registered, such as `xgb`; the part of a benchmark's name after `@`."""

    @property
    def Config(self) -> type:
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


@dataclass(frozen=True, slots=True, eq=False)
class Scale:
    """Targets to mean 0 and variance 1 and back, each for itself."""

    center: NDArray[np.float64]
    """(e,)."""
    spread: NDArray[np.float64]
    """(e,) standard deviation; 1 where all targets are the same."""
    flat: bool
    """Whether targets were (n,) and predictions are to be."""

    @classmethod
    def of(cls, targets: NDArray[np.float64], *, flat: bool) -> Self:
        """That of targets (n, e)."""
        spread = targets.std(axis=0)
        return cls(targets.mean(axis=0), np.where(spread > 0, spread, 1.0), flat)

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The one that `arrays` gave."""
        return cls(arrays["center"], arrays["spread"], bool(arrays["flat"][0]))

    def arrays(self) -> dict[str, NDArray[Any]]:
        """What it is, for `State.arrays`."""
        return {"center": self.center, "spread": self.spread, "flat": np.array([self.flat])}

    def down(self, targets: NDArray[np.float64]) -> NDArray[np.float64]:
        """Scaled targets (n, e)."""
        return (targets - self.center) / self.spread

    def up(self, scaled: NDArray[np.float64]) -> NDArray[np.float64]:
        """Targets of scaled ones (n, e), in the shape that they were given in."""
        return self.shaped(scaled * self.spread + self.center)

    def shaped(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """Values (..., e) without the last axis if targets had none."""
        return values[..., 0] if self.flat else values
