"""Stand-ins for single NumPy numbers in pickles of NumPy 1 and 2."""

from __future__ import annotations

import struct

from tabular.importers.unpickle import Inert, Names

_FORMATS = {"f8": "<d", "f4": "<f", "i8": "<q", "i4": "<i"}


def scalar(dtype: Inert, data: bytes) -> float:
    """The number that `numpy.core.multiarray.scalar` makes; raises anything if it is none."""
    code, order = dtype.arguments[0], dtype.state[1]
    if order != "<":
        raise ValueError(f"a number of byte order {order!r}")
    number: float = struct.unpack(_FORMATS[code], data)[0]
    return number


NAMES: Names = {
    ("numpy", "dtype"): Inert,
    ("numpy.core.multiarray", "scalar"): scalar,
    ("numpy._core.multiarray", "scalar"): scalar,
}
