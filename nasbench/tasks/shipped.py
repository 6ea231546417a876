"""Reading the data files that are shipped beside the tasks, and making splits of them."""

from __future__ import annotations

import hashlib
import io
import zipfile
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Examples, InputSpec, TaskData
from nasbench.errors import DataFault

DATA = Path(__file__).with_name("data")
SPLITS = ("train", "valid", "test")

Arrays = dict[str, NDArray[Any]]
Splits = dict[str, tuple[NDArray[Any], NDArray[Any]]]
"""Inputs and labels of each split, as stored."""


def read(name: str, sha256: str) -> Arrays:
    """Every array of the shipped file `name`, by its key, once the file's sha256 is as expected.

    Raises:
        DataFault: the file is missing, unreadable, or not the one that was shipped.
    """
    path = DATA / name
    advice = "reinstall nasbench-lab, or restore the file from the repository"
    try:
        content = path.read_bytes()
    except OSError as fault:
        raise DataFault(f"expected the data file {path}, got {fault.strerror}; {advice}") from fault
    got = hashlib.sha256(content).hexdigest()
    if got != sha256:
        raise DataFault(
            f"{path} ({len(content)} bytes) is not the file that was shipped: "
            f"expected sha256 {sha256}, got {got}; {advice}"
        )
    return _unpacked(content)


def read_archive(task: str, path: Path) -> TaskData:
    """An image task from another `.npz` than the shipped one, such as a rendering of spoken-digits.

    Raises:
        DataFault: the file is missing, or has no arrays `train_x`, `train_y` and so on.
    """
    try:
        parts = splits(_unpacked(path.read_bytes()))
    except (OSError, KeyError, ValueError, zipfile.BadZipFile, zlib.error) as fault:
        raise _unlike(path, str(fault)) from fault
    for x, _ in parts.values():
        if x.ndim != 4 or x.dtype.kind not in "iu":
            raise _unlike(path, f"{x.dtype} inputs of shape {x.shape}")
    return image_task(task, int(max(y.max() for _, y in parts.values())) + 1, parts)


def splits(arrays: Arrays) -> Splits:
    """Inputs and labels of each split, from arrays named `train_x`, `train_y` and so on."""
    return {split: (arrays[f"{split}_x"], arrays[f"{split}_y"]) for split in SPLITS}


def image_task(task: str, classes: int, parts: Splits) -> TaskData:
    """A task from integer images (n, channels, height, width) and labels of each split.

    Every channel is standardized with the mean and deviation of the train split. Their sums are
    taken over integers, so the float32 inputs are the same on every machine.
    """
    mean, deviation = _moments(parts["train"][0])
    made = [
        _frozen(((x - mean) / deviation).astype(np.float32), y)
        for x, y in (parts[split] for split in SPLITS)
    ]
    _, channels, height, width = made[0].x.shape
    return TaskData(task, InputSpec("image", channels, height, width), classes, *made)


def token_task(
    task: str,
    classes: int,
    embedding: int,
    vocabulary: int,
    parts: Splits,
) -> TaskData:
    """A task from tokens (n, width) and labels of each split, embedded in `embedding` channels."""
    made = [_frozen(x.astype(np.int64), y) for x, y in (parts[split] for split in SPLITS)]
    spec = InputSpec("tokens", embedding, 1, made[0].x.shape[1], vocabulary)
    return TaskData(task, spec, classes, *made)


def _moments(images: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Mean and deviation of each channel, both (channels, 1, 1)."""
    whole = images.astype(np.int64)
    axes = (0, 2, 3)
    count = whole.size // whole.shape[1]
    mean = whole.sum(axis=axes) / count
    deviation = np.sqrt((whole**2).sum(axis=axes) / count - mean**2)
    deviation[deviation == 0] = 1.0  # a constant channel becomes 0
    return mean[:, None, None], deviation[:, None, None]


def _frozen(x: NDArray[Any], y: NDArray[Any]) -> Examples:
    x, labels = np.ascontiguousarray(x), y.astype(np.int64)
    x.setflags(write=False)
    labels.setflags(write=False)
    return Examples(x, labels)


def _unpacked(content: bytes) -> Arrays:
    with np.lib.npyio.NpzFile(io.BytesIO(content), allow_pickle=False) as archive:
        return {key: archive[key] for key in archive.files}


def _unlike(path: Path, got: str) -> DataFault:
    return DataFault(
        f"expected an .npz in {path} with whole-numbered images train_x (n, channels, height, "
        f"width), labels train_y, and the same for valid and test, got {got}; make it with a "
        f"script of scripts/convert_*.py"
    )
