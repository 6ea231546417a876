"""`ensemble`: models of one kind that differ by their seed; their spread says how sure they are.

Lakshminarayanan, Pritzel & Blundell, "Simple and Scalable Predictive Uncertainty Estimation using
Deep Ensembles", NeurIPS 2017, here for any kind of model.
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
from surrogates.model import Model, State, checked_targets, joined

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the ensemble."""

    member: str = "xgb"
    """Registered name of the members' model, which has its default settings."""
    members: int = 5

    def __post_init__(self) -> None:
        if self.members < 2 or self.member == "ensemble":
            raise InvalidConfig(
                f"an ensemble needs at least 2 members of another kind, got {self.members} x "
                f"{self.member}; pass for instance member='xgb', members=5"
            )


class Ensemble:
    """Mean and standard deviation over members; each is fitted on a bootstrap sample of its own."""

    name: ClassVar[str] = "ensemble"
    Config: TypeAlias = Config

    def __init__(self, space: Space, config: Config = Config(), *, seed: int = 0) -> None:
        self.space, self.config, self.seed = space, config, seed
        self._members: list[Model]

    def fit(self, archs: Sequence[Architecture], targets: Floats) -> Self:
        checked_targets(archs, targets)
        made = registry.resolve(registry.PREDICTORS, self.config.member)
        values = np.asarray(targets, dtype=np.float64)
        self._members = []
        for number in range(self.config.members):
            rng = np.random.default_rng([self.seed, number])
            drawn = rng.integers(len(values), size=len(values))
            member: Model = made(self.space, seed=int(rng.integers(2**31)))
            self._members.append(member.fit([archs[row] for row in drawn], values[drawn]))
        return self

    def predict(self, archs: Sequence[Architecture]) -> tuple[Floats, Floats]:
        means, deviations = zip(*(member.predict(archs) for member in self._members), strict=True)
        # members that agree by chance are no surer than a share of what each says by itself
        floor = 1e-3 * np.mean(deviations, axis=0)
        return np.mean(means, axis=0), np.maximum(np.std(means, axis=0, ddof=1), floor)

    @property
    def members(self) -> tuple[Model, ...]:
        """The fitted members."""
        return tuple(self._members)

    def state(self) -> State:
        states = {f"{number}.": member.state() for number, member in enumerate(self._members)}
        settings = {
            "config": asdict(self.config),
            "seed": self.seed,
            "members": [state.settings for state in states.values()],
        }
        return joined(settings, states)

    @classmethod
    def restore(cls, space: Space, state: State) -> Self:
        settings = state.settings
        model = cls(space, Config(**settings["config"]), seed=settings["seed"])
        kind = registry.resolve(registry.PREDICTORS, model.config.member)
        model._members = [
            cast(Model, kind.restore(space, state.part(f"{number}.", each)))
            for number, each in enumerate(settings["members"])
        ]
        return model
