"""The most memory that a network's tensors take at once, measured while PyTorch runs it.

Weights, buffers, inputs and everything computed are counted from when an operator returns it until
nothing refers to it any more, in the order in which PyTorch executes the module. Views count once.
What a kernel takes for itself while it runs, and what an allocator keeps, is not seen. So this is a
property of the network and its batch in float32, not of a device: a runtime that plans its memory
or computes in int8 needs less.
"""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves

if TYPE_CHECKING:
    from torch import nn


def peak_memory_mb(network: nn.Module, inputs: Tensor) -> float:
    """Megabytes (10^6 bytes) that are alive at most in one run of a network on the processor."""
    watch = _Watch()
    watch.note([*network.parameters(), *network.buffers(), inputs])
    with torch.no_grad(), watch:
        network(inputs)
    return watch.peak / 1e6


class _Watch(TorchDispatchMode):  # type: ignore[no-untyped-call]  # torch's metaclass hook
    """Counts the bytes of all storages that operators return, while they are alive."""

    def __init__(self) -> None:
        super().__init__()  # type: ignore[no-untyped-call]
        self.now = self.peak = 0
        self._alive: dict[int, Any] = {}

    def note(self, results: Any) -> None:
        for tensor in tree_leaves(results):
            if isinstance(tensor, Tensor):
                self._add(tensor.untyped_storage())
        self.peak = max(self.peak, self.now)

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        found = func(*args, **(kwargs or {}))
        self.note(found)
        return found

    def _add(self, storage: torch.UntypedStorage) -> None:
        key, size = storage.data_ptr(), storage.nbytes()
        if size and key not in self._alive:
            self._alive[key] = weakref.finalize(storage, self._drop, key, size)
            self.now += size

    def _drop(self, key: int, size: int) -> None:
        del self._alive[key]
        self.now -= size
