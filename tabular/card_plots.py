"""The plots of a table's card, as PNG; the same numbers always give the same bytes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Floats = NDArray[np.float64]
BANDS = ((0.05, 0.95), (0.25, 0.75))
"""Quantiles between which the learning curves are shaded, the wider band first."""
_COLORS = {"train": "#717b8b", "valid": "#2a72c8", "test": "#c04f12"}
_STYLE: Any = {
    "figure.figsize": (6.4, 3.4),
    "figure.dpi": 130,
    "font.size": 9,
    "axes.grid": True,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "grid.color": "#e3e6ea",
    "text.parse_math": False,
}


def distribution(columns: Mapping[str, Floats], bins: int = 60) -> bytes:
    """Histograms of the accuracies (rows,) of each split, over common bins."""
    known = {split: values[np.isfinite(values)] for split, values in columns.items()}
    everything = np.concatenate(list(known.values()))
    edges = np.linspace(everything.min(), max(everything.max(), everything.min() + 1), bins + 1)
    with _axes() as (axes, image):
        for split, values in known.items():
            color = _COLORS[split]
            face = (color, 0.2 if split == "valid" else 0.0)
            style: Any = {"histtype": "stepfilled", "facecolor": face, "edgecolor": color}
            axes.hist(values, edges.tolist(), lw=1.5, label=split, **style)
        axes.set_xlabel("accuracy after the full training (%)")
        axes.set_ylabel("architectures")
        axes.legend(frameon=False, loc="upper left")
    return image.getvalue()


def learning_curves(epochs: Sequence[int], values: Floats, split: str) -> bytes:
    """Quantiles over the rows of an accuracy (rows, epochs), epoch by epoch, and the best row.

    At least one row has a value at each of the epochs, and there are two or more.
    """
    x, color = np.array(epochs), _COLORS[split]
    with _axes() as (axes, image):
        for k, (low, high) in enumerate(BANDS):
            between = np.nanquantile(values, (low, high), axis=0)
            label = f"{low:.0%} to {high:.0%}"
            axes.fill_between(x, *between, color=color, alpha=0.15 + 0.1 * k, lw=0, label=label)
        axes.plot(x, np.nanmedian(values, axis=0), color=color, lw=1.8, label="median")
        axes.plot(x, np.nanmax(values, axis=0), color=color, lw=1.2, ls="--", label="best")
        axes.set_xlim(x[0], x[-1])
        if len(x) <= 12:
            axes.set_xticks(x)
        axes.set_xlabel("epochs")
        axes.set_ylabel(f"{split} accuracy (%)")
        axes.legend(frameon=False, loc="lower right")
    return image.getvalue()


@contextmanager
def _axes() -> Iterator[tuple[Axes, BytesIO]]:
    """Axes with our style whatever the reader's settings, and what becomes their PNG."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    image = BytesIO()
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams.update(_STYLE)
        figure = Figure(layout="constrained")
        FigureCanvasAgg(figure)
        yield figure.add_subplot(), image
        figure.savefig(image, format="png", metadata={"Software": None})
