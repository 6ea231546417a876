"""`xgb`: gradient-boosted trees.

Chen & Guestrin, "XGBoost: A Scalable Tree Boosting System", KDD 2016; a model of NAS-Bench-301
(Zela et al., ICLR 2022). One sum of trees for each target. With `loss="ranking"` the trees of a
single target are grown on pairs in the wrong order instead (Burges, "From RankNet to LambdaRank to
LambdaMART", 2010, sec. 2; XGBoost's `rank:pairwise`), and a line takes their scores to the target.
"""

from __future__ import annotations

import gzip
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar, Literal, Self, TypeAlias, get_args

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, Space
from nasbench.errors import InvalidConfig
from surrogates.features import Features
from surrogates.model import Scale, State, checked_targets

if TYPE_CHECKING:
    from xgboost import Booster

Floats = NDArray[np.float64]
Loss = Literal["squared", "ranking"]
PAIRS = 32
"""Others that each architecture is compared with for each tree."""
_FILE = "booster.ubj.gz"
"""XGBoost's UBJSON, a quarter of its size."""


@dataclass(frozen=True, slots=True)
class Config:
    """Settings of the boosting.

    The defaults were tuned once, by 40 trials of `scripts/tune_xgb.py` on digits-on-photos: of
    those within .005 of the best tau, the one with the fewest nodes on a way through its trees.
    """

    rounds: int = 200
    """Trees for each target."""
    eta: float = 0.06
    """Shrinkage of each tree."""
    depth: int = 6
    """Of a tree."""
    subsample: float = 0.7
    """Share of the architectures that each tree sees."""
    columns: float = 0.2
    """Share of the features that each split chooses from."""
    min_child_weight: float = 3.0
    """Architectures in a leaf."""
    l2: float = 1.0
    """Penalty on the values of leaves."""
    loss: Loss = "squared"
    """`squared`, or `ranking` for one target."""

    def __post_init__(self) -> None:
        shares = (self.eta, self.subsample, self.columns)
        if self.rounds < 1 or self.depth < 1 or not all(0 < share <= 1 for share in shares):
            raise InvalidConfig(
                "xgb needs rounds >= 1, depth >= 1, and eta, subsample and columns above 0 and at "
                f"most 1, got {self}"
            )
        if not (self.min_child_weight >= 0 and self.l2 >= 0):
            raise InvalidConfig(f"xgb needs min_child_weight >= 0 and l2 >= 0, got {self}")
        if self.loss not in get_args(Loss):
            raise InvalidConfig(f"expected a loss of {get_args(Loss)}, got {self.loss!r}")


class Xgb:
    """Boosted trees on `Features`; the standard deviation is that of the fit, the same for all."""

    name: ClassVar[str] = "xgb"
    Config: TypeAlias = Config

    def __init__(self, space: Space, config: Config = Config(), *, seed: int = 0) -> None:
        self.space, self.config, self.seed = space, config, seed
        self._features: Features
        self._booster: Booster
        self._scale: Scale
        self._line = np.array([1.0, 0.0])
        """Slope and offset from the trees' sums to scaled targets."""
        self._deviation: Floats

    def fit(self, archs: Sequence[Architecture], targets: Floats) -> Self:
        import xgboost

        values = checked_targets(archs, targets)
        ranking = self.config.loss == "ranking"
        if ranking and values.shape[1] > 1:
            raise InvalidConfig(
                f"loss='ranking' orders architectures by one target, got {values.shape[1]}; "
                "fit a model for each, or pass loss='squared'"
            )
        self._features = Features.learn(self.space, archs)
        self._scale = Scale.of(values, flat=np.ndim(targets) == 1)
        scaled = self._scale.down(values)
        data = xgboost.DMatrix(self._features(archs), scaled, nthread=1)
        if ranking:
            data.set_group([len(values)])  # all of them are compared with one another
        self._booster = xgboost.train(self._parameters(), data, self.config.rounds)
        self._line = np.array([1.0, 0.0])
        if ranking:
            self._line = _line(self._boosted(archs)[:, 0], scaled[:, 0])
        errors = self._boosted(archs) - scaled
        self._deviation = np.maximum(np.sqrt((errors**2).mean(axis=0)), 1e-9) * self._scale.spread
        return self

    def predict(self, archs: Sequence[Architecture]) -> tuple[Floats, Floats]:
        mean = self._scale.up(self._boosted(archs))
        return mean, np.broadcast_to(self._scale.shaped(self._deviation), mean.shape).copy()

    def state(self) -> State:
        settings = {
            "config": asdict(self.config),
            "seed": self.seed,
            "features": self._features.state(),
        }
        arrays = {"deviation": self._deviation, "line": self._line, **self._scale.arrays()}
        return State(
            settings, arrays, {_FILE: gzip.compress(self._booster.save_raw("ubj"), mtime=0)}
        )

    @classmethod
    def restore(cls, space: Space, state: State) -> Self:
        import xgboost

        model = cls(space, Config(**state.settings["config"]), seed=state.settings["seed"])
        model._features = Features.restore(space, state.settings["features"])
        model._scale = Scale.restore(state.arrays)
        model._deviation = state.arrays["deviation"]
        model._line = state.arrays.get("line", model._line)  # older files have squared loss only
        model._booster = xgboost.Booster({"nthread": 1})
        model._booster.load_model(bytearray(gzip.decompress(state.files[_FILE])))
        return model

    @property
    def features(self) -> Features:
        """The columns that it was fitted on."""
        return self._features

    @property
    def booster(self) -> Booster:
        """The fitted trees."""
        return self._booster

    def _boosted(self, archs: Sequence[Architecture]) -> Floats:
        """Scaled predictions (n, e)."""
        if not len(archs):
            return np.zeros((0, len(self._deviation)))
        found = self._booster.inplace_predict(self._features(archs), validate_features=False)
        slope, offset = self._line.tolist()
        scaled: Floats = (
            slope * np.asarray(found, dtype=np.float64).reshape(len(archs), -1) + offset
        )
        return scaled

    def _parameters(self) -> dict[str, Any]:
        config = self.config
        ranking = {
            "objective": "rank:pairwise",
            "lambdarank_pair_method": "mean",
            "lambdarank_num_pair_per_sample": PAIRS,
        }
        return {
            **(ranking if config.loss == "ranking" else {}),
            "tree_method": "hist",
            "base_score": 0.0,
            "eta": config.eta,
            "max_depth": config.depth,
            "subsample": config.subsample,
            "colsample_bynode": config.columns,
            "min_child_weight": config.min_child_weight,
            "lambda": config.l2,
            "seed": self.seed,
            "nthread": 1,  # the cores are shared out by process
        }


def _line(scores: Floats, wanted: Floats) -> Floats:
    """Slope and offset of least squares from scores (n,) to what is wanted (n,)."""
    if np.ptp(scores) == 0:
        return np.array([0.0, wanted.mean()])
    slope: float = np.cov(scores, wanted, bias=True)[0, 1] / scores.var()
    return np.array([slope, wanted.mean() - slope * scores.mean()])
