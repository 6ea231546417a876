"""A stored model: restored, and held against its reference predictions, before it predicts."""

from __future__ import annotations

import math
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib import metadata
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Architecture, Space
from nasbench.errors import NasbenchError, SurrogateFault
from surrogates.model import Fitted, State

REFERENCES = 8
"""Predictions that are stored and checked."""
TOLERANCE = 1e-5
"""Relative, of a reference prediction: float32 sums in another order are within it."""
ADVICE = "Fit it again with `nasbench surrogate fit`, or get an intact copy."
_LIBRARIES = ("numpy", "scikit-learn", "xgboost", "torch", "safetensors")


@dataclass(slots=True, eq=False)
class StoredModel:
    """The model of a state; it and its library are loaded when it is first asked, then checked.

    What it is asked first raises `SurrogateFault` if it cannot be restored or predicts the
    references otherwise than when it was written.
    """

    head: Mapping[str, Any]
    """Of the artifact."""
    weights: State
    space: Space
    place: str
    """Of the artifact, for messages."""
    _model: Fitted | None = field(default=None, init=False)

    @property
    def name(self) -> str:
        return str(self.head["model"]["name"])

    def predict(
        self, archs: Sequence[Architecture]
    ) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        """As the model does."""
        return self.restored().predict(archs)

    def state(self) -> State:
        """As the model does."""
        return self.restored().state()

    def restored(self) -> Fitted:
        """The model itself.

        Raises:
            SurrogateFault: see above.
        """
        if self._model is None:
            try:
                kind = registry.resolve(registry.PREDICTORS, self.name)
                model = kind.restore(self.space, self.weights)
                self._check(model)
            except NasbenchError:
                raise
            except Exception as fault:  # intact, but of a library or model that reads it no more
                raise SurrogateFault(
                    f"the surrogate in {self.place} cannot be restored ({type(fault).__name__}: "
                    f"{fault}); {self._libraries()}. {ADVICE}"
                ) from fault
            self._model = model
        return self._model

    def _check(self, model: Fitted) -> None:
        told = self.head["references"]
        archs = [Architecture(self.space.name, tuple(each["genes"])) for each in told]
        matrix, _ = model.predict([self.space.canonical(arch) for arch in archs])
        stored = np.array([each["values"] for each in told])
        same = stored.shape == matrix.shape
        if same and np.allclose(matrix, stored, rtol=TOLERANCE, atol=TOLERANCE):
            return
        off = np.abs(matrix - stored).max() if same else math.inf
        raise SurrogateFault(
            f"the surrogate in {self.place} does not predict what it did when it was written: a "
            f"reference prediction is off by {off:.3g}; {self._libraries()}. {ADVICE}"
        )

    def _libraries(self) -> str:
        wrote = told(self.head.get("libraries"))
        return f"it was written with {wrote}, here is {told(libraries())}"


def references(model: Fitted, space: Space) -> list[dict[str, Any]]:
    """Predictions of a few architectures, as the model makes them."""
    archs = space.sample(REFERENCES, np.random.default_rng(0))
    matrix, _ = model.predict([space.canonical(arch) for arch in archs])
    return [
        {"genes": list(map(int, arch.genes)), "values": row.tolist()}
        for arch, row in zip(archs, matrix, strict=True)
    ]


def libraries() -> dict[str, str]:
    """Versions of what predictions depend on."""
    found = {name: metadata.version(name) for name in _LIBRARIES}
    return {"python": platform.python_version(), **found}


def told(versions: Any) -> str:
    """Versions as words."""
    if not isinstance(versions, Mapping):
        return "unknown libraries"
    return ", ".join(f"{name} {version}" for name, version in versions.items())
