"""How far predictions are off: errors on held-out classes, as intervals and as noise.

Cross-conformal prediction (Vovk, Annals of Mathematics and Artificial Intelligence 2015): every
training class is predicted by a model that has not seen its fold. Errors are divided by their
typical size where predictions are similar (Lei et al., JASA 2018, sec. 5.2), because poor
architectures are predicted less well than good ones. Noise is a whole row of such errors, so that
epochs and metrics are wrong together as they were for one class.

An error holds what the model does not know and the luck of the training alike: a table with a
single seed cannot tell one from the other.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

from nasbench.errors import InvalidConfig
from nasbench.noise import splitmix64, splitmix64_all

Floats = NDArray[np.float64]
MOST_BINS, IN_A_BIN = 8, 25
"""Groups of similar predictions, and classes in one at least."""


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """Errors of r held-out classes in t targets."""

    centers: Floats
    """(b, t) mean prediction in each of the b bins, ascending."""
    spreads: Floats
    """(b, t) root mean square of the errors in them."""
    errors: NDArray[np.floating[Any]]
    """(r, t) divided by the spread at the prediction; half precision, since most of a small
    surrogate's bytes are these. Files of before have them in float32."""

    @classmethod
    def of(cls, predicted: Floats, truth: Floats) -> Self:
        """That of held-out predictions (r, t) of the `truth` (r, t)."""
        bins = max(1, min(MOST_BINS, len(predicted) // IN_A_BIN))
        order = predicted.argsort(axis=0, kind="stable")
        means = np.take_along_axis(predicted, order, 0)
        squares = np.take_along_axis((truth - predicted) ** 2, order, 0)
        centers = np.stack([part.mean(axis=0) for part in np.array_split(means, bins)])
        spreads = np.stack([part.mean(axis=0) for part in np.array_split(squares, bins)])
        spreads = np.maximum(np.sqrt(spreads), 1e-9)
        blank = cls(centers, spreads, np.zeros((0, predicted.shape[1]), dtype=np.float32))
        errors = (truth - predicted) / blank.spread(predicted)
        most = float(np.finfo(np.float16).max)
        return cls(centers, spreads, errors.clip(-most, most).astype(np.float16))

    @classmethod
    def restore(cls, arrays: Mapping[str, NDArray[Any]]) -> Self:
        """The one that `arrays` gave."""
        return cls(arrays["centers"], arrays["spreads"], arrays["errors"])

    def arrays(self) -> dict[str, NDArray[Any]]:
        """All of it by name."""
        return {"centers": self.centers, "spreads": self.spreads, "errors": self.errors}

    def spread(self, mean: Floats) -> Floats:
        """Typical size (n, t) of the errors at predictions (n, t)."""
        columns = zip(mean.T, self.centers.T, self.spreads.T, strict=True)
        return np.stack([np.interp(x, xs, ys) for x, xs, ys in columns], axis=1)

    def half_width(self, mean: Floats, level: float) -> Floats:
        """What lies (n, t) to both sides of predictions covers the truth with probability `level`.

        Infinite where so sure an interval takes more held-out classes than there are.

        Raises:
            InvalidConfig: the level is not between 0 and 1.
        """
        if not 0 < level < 1:
            raise InvalidConfig(f"a level is between 0 and 1, such as 0.9, got {level!r}")
        count = len(self.errors)
        rank = math.ceil((count + 1) * level)  # Lei et al., alg. 2
        if rank > count:
            return np.full(mean.shape, np.inf)
        width: Floats = np.sort(np.abs(self.errors), axis=0)[rank - 1] * self.spread(mean)
        return width

    def noise(self, mean: Floats, genes: NDArray[np.int64], seed: int) -> Floats:
        """Errors (n, t) at predictions (n, t), drawn by the seed and the genes (n, p) alone.

        The row is number `h mod r`, where h is SplitMix64 of the seed, and then of itself xor each
        gene in turn.
        """
        hashed = np.full(len(genes), splitmix64(seed), dtype=np.uint64)
        for gene in genes.T.astype(np.uint64):
            hashed = splitmix64_all(hashed ^ gene)
        rows = (hashed % np.uint64(len(self.errors))).astype(np.int64)
        return self.errors[rows] * self.spread(mean)
