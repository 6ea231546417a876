"""Files of other projects that are read at once: bounded, and their numbers checked."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

from nasbench.errors import TableFault


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
    if not (known and math.isfinite(value) and low <= value <= high):
        bounds = f" from {low:g} to {high:g}" if math.isfinite(low + high) else ""
        raise TableFault(f"{what} is {value!r:.60}, expected a number{bounds}; get the file again")
    return float(value)


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
    shown = sorted(map(str, container))[:8] if isinstance(container, dict) else type(container)
    raise TableFault(f"{what} has no {key!r} (it has {shown}); it is another file")


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no number of JSON")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) < len(pairs):
        keys = [key for key, _ in pairs]
        raise ValueError(f"{next(key for key in keys if keys.count(key) > 1)!r} is there twice")
    return found
