"""Files of other projects that are read at once: bounded, and their numbers checked."""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from itertools import islice
from pathlib import Path
from types import NoneType
from typing import Any

from nasbench.errors import TableFault

LARGEST = sys.float_info.max


def read_bytes(path: Path, most: int) -> bytes:
    """The content of a file of at most `most` bytes.

    Raises:
        TableFault: it cannot be read, or is larger.
    """
    try:
        size = path.stat().st_size
        if size <= most:
            return path.read_bytes()
    except OSError as fault:
        raise TableFault(f"{path} cannot be read ({fault.strerror}); name a file") from fault
    raise TableFault(
        f"{path} has {size:,} bytes, a file of this format at most {most:,}; name another file"
    )


def read_json(path: Path, most: int) -> Any:
    """The JSON of a file of at most `most` bytes, without `NaN`, `Infinity` and repeated keys.

    Raises:
        TableFault: it cannot be read, is larger, or is not JSON.
    """
    data = read_bytes(path, most)
    try:
        return json.loads(data, parse_constant=_refuse, object_pairs_hook=_unique)
    except (ValueError, RecursionError) as fault:
        raise TableFault(f"{path} is no JSON ({fault}); get the file again") from fault


def number(value: Any, what: str, *, low: float = -math.inf, high: float = math.inf) -> float:
    """A finite number from `low` to `high`; `what` says where it stands.

    Raises:
        TableFault: it is something else.
    """
    known = isinstance(value, (int, float)) and not isinstance(value, bool)
    if not (known and -LARGEST <= value <= LARGEST and low <= value <= high):
        bounds = f" from {low:g} to {high:g}" if math.isfinite(low + high) else ""
        raise TableFault(f"{what} is {brief(value)}, expected a number{bounds}; get the file again")
    return float(value)


def brief(value: Any) -> str:
    """A value for a message, on one line; of what may hold others, the type alone."""
    if not isinstance(value, (str, int, float, NoneType)):
        return f"of type {type(value).__name__}"
    if isinstance(value, int) and not -LARGEST <= value <= LARGEST:
        return "a whole number without end"  # whose digits would take a while
    text = repr(value[:60] if isinstance(value, str) else value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def item(container: Any, key: Any, what: str) -> Any:
    """`container[key]`; `what` says what the container is.

    Raises:
        TableFault: there is none.
    """
    try:
        if isinstance(container, (dict, list)):
            return container[key]
    except (KeyError, IndexError, TypeError):
        pass
    shown = keys_of(container) if isinstance(container, dict) else type(container)
    raise TableFault(f"{what} has no {key!r} (it has {shown}); it is another file")


def keys_of(container: dict[Any, Any]) -> list[str]:
    """The first keys of a dictionary, for a message."""
    return sorted(k if isinstance(k, str) else brief(k) for k in islice(container, 8))


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        ((key, _),) = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"{brief(key)} is there twice")
    return found
