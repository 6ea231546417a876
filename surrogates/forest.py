"""`forest`: a random forest, the baseline of trees that do not build on one another.

Breiman, "Random Forests", Machine Learning 2001, grown by scikit-learn. Its trees are kept as
arrays, which need no pickle, and are walked here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Self, TypeAlias

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Space
from nasbench.errors import InvalidConfig
from surrogates.features import Features
from surrogates.model import Scale, State, checked_targets

Floats = NDArray[np.float64]
_BLOCK = 4096
"""Architectures that walk at once; bounds the memory."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the forest."""

    trees: int = 200
    """Grown on bootstrap samples of the architectures."""
    columns: float = 0.33
    """Share of the features that each split chooses from."""
    leaf: int = 1
    """Architectures in a leaf, at least."""

    def __post_init__(self) -> None:
        if self.trees < 2 or self.leaf < 1 or not 0 < self.columns <= 1:
            raise InvalidConfig(
                f"forest needs trees >= 2, leaf >= 1 and 0 < columns <= 1, got {self}"
            )


class Forest:
    """Mean and standard deviation over the trees."""

    name: ClassVar[str] = "forest"
    Config: TypeAlias = Config

    def __init__(self, space: Space, config: Config = Config(), *, seed: int = 0) -> None:
        self.space, self.config, self.seed = space, config, seed
        self._features: Features
        self._scale: Scale
        self._roots: NDArray[np.int32]
        """(trees,) node that each tree starts at; trees follow one another in the arrays below."""
        self._feature: NDArray[np.int32]
        """(nodes,) column that a node looks at; negative in a leaf."""
        self._threshold: Floats
        """(nodes,) up to which its left child is next."""
        self._children: NDArray[np.int32]
        """(nodes, 2)."""
        self._values: NDArray[np.float32]
        """(nodes, e) scaled mean of the targets in it."""
        self._depth: int

    def fit(self, archs: Sequence[Architecture], targets: Floats) -> Self:
        from sklearn.ensemble import RandomForestRegressor

        values = checked_targets(archs, targets)
        self._features = Features.learn(self.space, archs)
        self._scale = Scale.of(values, flat=np.ndim(targets) == 1)
        grown = RandomForestRegressor(
            self.config.trees,
            max_features=self.config.columns,
            min_samples_leaf=self.config.leaf,
            random_state=self.seed,
        ).fit(self._features(archs), _flat(self._scale.down(values)))
        self._keep([each.tree_ for each in grown.estimators_])
        return self

    def predict(self, archs: Sequence[Architecture]) -> tuple[Floats, Floats]:
        x = self._features(archs)
        blocks = [self._walked(x[k : k + _BLOCK]) for k in range(0, max(len(x), 1), _BLOCK)]
        mean, deviation = (np.concatenate(parts) for parts in zip(*blocks, strict=True))
        deviation = np.maximum(deviation, 1e-9) * self._scale.spread  # trees that all agree
        return self._scale.up(mean), self._scale.shaped(deviation)

    def state(self) -> State:
        settings = {
            "config": asdict(self.config),
            "seed": self.seed,
            "features": self._features.state(),
            "depth": self._depth,
        }
        arrays: dict[str, NDArray[Any]] = {
            "roots": self._roots,
            "feature": self._feature,
            "threshold": self._threshold,
            "children": self._children,
            "values": self._values,
            **self._scale.arrays(),
        }
        return State(settings, arrays)

    @classmethod
    def restore(cls, space: Space, state: State) -> Self:
        settings, arrays = state.settings, state.arrays
        model = cls(space, Config(**settings["config"]), seed=settings["seed"])
        model._features = Features.restore(space, settings["features"])
        model._scale = Scale.restore(arrays)
        model._depth = settings["depth"]
        model._roots, model._feature = arrays["roots"], arrays["feature"]
        model._threshold, model._children = arrays["threshold"], arrays["children"]
        model._values = arrays["values"]
        return model

    @property
    def features(self) -> Features:
        """The columns that it was fitted on."""
        return self._features

    def _keep(self, trees: Sequence[Any]) -> None:
        """Takes over the arrays of scikit-learn's trees."""
        sizes = [tree.node_count for tree in trees]
        self._roots = np.cumsum([0, *sizes[:-1]], dtype=np.int32)
        self._depth = max(tree.max_depth for tree in trees)
        self._feature = np.concatenate([tree.feature for tree in trees]).astype(np.int32)
        self._threshold = np.concatenate([tree.threshold for tree in trees])
        self._values = np.concatenate([tree.value[:, :, 0] for tree in trees]).astype(np.float32)
        own = np.repeat(self._roots, sizes)
        sides = [np.concatenate([getattr(t, f"children_{s}") for t in trees]) for s in _SIDES]
        here = np.arange(len(own))
        # a leaf is its own child, so that all may walk on to the depth of the deepest tree
        children = [np.where(side < 0, here, side + own) for side in sides]
        self._children = np.stack(children, axis=1).astype(np.int32)

    def _walked(self, x: NDArray[np.float32]) -> tuple[Floats, Floats]:
        """Mean and standard deviation (n, e) over the trees of scaled predictions."""
        at = np.broadcast_to(self._roots, (len(x), len(self._roots)))
        rows = np.arange(len(x))[:, None]
        for _ in range(self._depth):
            right = x[rows, self._feature[at]] > self._threshold[at]
            at = self._children[at, right.astype(np.int8)]
        leaves = self._values[at].astype(np.float64)  # (n, trees, e)
        return leaves.mean(axis=1), leaves.std(axis=1, ddof=1)


_SIDES = ("left", "right")


def _flat(values: Floats) -> Floats:
    """Targets as scikit-learn wants them: (n,) if there is one for each."""
    return values[:, 0] if values.shape[1] == 1 else values
