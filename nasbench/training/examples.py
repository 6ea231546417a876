"""A task's examples as tensors on a device, laid out for fast batches."""

from __future__ import annotations

from functools import lru_cache

import numpy as np
import torch
from torch import Tensor

from nasbench.core import Examples, InputSpec, TaskData


class Batches:
    """One split on a device; images lie channels last, so that taking a batch copies whole rows."""

    def __init__(self, examples: Examples, spec: InputSpec, device: str) -> None:
        rows = np.array(examples.x)  # a copy: torch wants it writable
        if spec.kind == "image":
            rows = np.ascontiguousarray(rows.transpose(0, 2, 3, 1))
        self._rows = torch.from_numpy(rows).to(device)
        self._image = spec.kind == "image"
        self.labels = torch.from_numpy(np.array(examples.y)).to(device)

    def __len__(self) -> int:
        return len(self.labels)

    def take(self, index: Tensor) -> tuple[Tensor, Tensor]:
        """Inputs (b, channels, height, width), channels last, or tokens (b, width); labels (b,)."""
        return self._view(self._rows.index_select(0, index)), self.labels.index_select(0, index)

    def part(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """The examples from `start` to `stop`, in order."""
        return self._view(self._rows[start:stop]), self.labels[start:stop]

    def _view(self, rows: Tensor) -> Tensor:
        return rows.permute(0, 3, 1, 2) if self._image else rows


@lru_cache(maxsize=4)
def batches(data: TaskData, device: str) -> tuple[Batches, Batches, Batches]:
    """Train, valid and test of a task on a device; made once for each."""
    splits = (data.train, data.valid, data.test)
    train, valid, test = (Batches(split, data.input, device) for split in splits)
    return train, valid, test
