"""Draw docs/images/task_*.png, a glance at each task.

python scripts/draw_tasks.py
"""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl

mpl.use("agg")
import numpy as np
from matplotlib import pyplot as plt
from matplotlib.figure import Figure

from nasbench.core import Examples
from nasbench.tasks import digits_on_photos, language_names, mnist1d, shipped, spoken_digits

TARGET = Path(__file__).parents[1] / "docs/images"
WORDS = "zero one two three four five six seven eight nine"


def first_of_each(part: Examples, classes: int, skip: int = 0) -> list[int]:
    """Row of the first example of every class, or of the next after skipping some."""
    return [int(np.flatnonzero(part.y == label)[skip]) for label in range(classes)]


def photos() -> Figure:
    """Four examples of every digit."""
    source = shipped.read(digits_on_photos.FILE, digits_on_photos.FILE_SHA256)
    layout = digits_on_photos.layouts(source["labels"], source["photos"])["train"]
    images = digits_on_photos.paint(layout, source["digits"], source["photos"])
    part = digits_on_photos.DigitsOnPhotos().load().train
    figure, axes = plt.subplots(4, 10, figsize=(7, 2.9))
    for skip, line in enumerate(axes):
        for axis, row in zip(line, first_of_each(part, 10, skip), strict=True):
            axis.imshow(images[row].transpose(1, 2, 0))
            axis.axis("off")
    return figure


def signals() -> Figure:
    """Three signals of every class."""
    part = mnist1d.Mnist1d().load().train
    figure, axes = plt.subplots(3, 10, figsize=(7, 2.4), sharey=True)
    for skip, line in enumerate(axes):
        for label, (axis, row) in enumerate(zip(line, first_of_each(part, 10, skip), strict=True)):
            axis.plot(part.x[row, 0, 0], color="black", linewidth=0.8)
            axis.axis("off")
            if skip == 0:
                axis.set_title(str(label), fontsize=8)
    return figure


def speech() -> Figure:
    """A clip of every digit, low bands at the bottom."""
    part = spoken_digits.SpokenDigits().load().train
    figure, axes = plt.subplots(1, 10, figsize=(7, 1.2))
    for word, axis, row in zip(WORDS.split(), axes, first_of_each(part, 10), strict=True):
        axis.imshow(part.x[row, :, 0], origin="lower", aspect="auto", cmap="gray")
        axis.set_title(word, fontsize=8)
        axis.axis("off")
    return figure


def names() -> Figure:
    """One string of every language."""
    arrays = shipped.read(language_names.FILE, language_names.FILE_SHA256)
    signs = ["", "?", *arrays["characters"].tolist()]
    part = language_names.LanguageNames().load().train
    figure = plt.figure(figsize=(7, 2.6))
    for label, row in enumerate(first_of_each(part, len(arrays["languages"]))):
        x, y = divmod(label, 12)
        text = "".join(signs[token] for token in part.x[row])
        place = (0.02 + x / 3, 0.93 - y / 12.5)
        figure.text(*place, arrays["languages"][label], fontsize=7, weight="bold")
        figure.text(place[0] + 0.04, place[1], text, fontsize=7)
    return figure


def main() -> None:
    TARGET.mkdir(parents=True, exist_ok=True)
    drawings = {
        "digits-on-photos": photos(),
        "mnist1d": signals(),
        "spoken-digits": speech(),
        "language-names": names(),
    }
    for task, figure in drawings.items():
        path = TARGET / f"task_{task}.png"
        figure.subplots_adjust(0.01, 0.02, 0.99, 0.86, 0.08, 0.08)
        figure.savefig(path, dpi=90, metadata={"Software": None})
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
