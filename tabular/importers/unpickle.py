"""Reading pickles of others without running what they say.

A pickle names functions and classes to call. This unpickler looks every name up in a table of inert
stand-ins that the importer of a format hands it, and refuses any other: nothing is imported.
"""

from __future__ import annotations

import io
import pickle
from collections.abc import Mapping
from typing import Any

from nasbench.errors import TableFault

Names = Mapping[tuple[str, str], Any]
"""What stands in for each (module, name) that a format needs."""


def load(data: bytes, names: Names, what: str) -> Any:
    """The object of a pickle made of the stand-ins `names`; `what` is the file, for errors.

    Raises:
        TableFault: it needs a name that is not among them, or is damaged.
    """
    try:
        return _Restricted(io.BytesIO(data), names, what).load()
    except TableFault:
        raise
    except Exception as fault:  # a damaged pickle can raise anything
        raise TableFault(
            f"{what} is not a readable pickle of this format ({fault}); get the file again"
        ) from fault


class _Restricted(pickle.Unpickler):
    def __init__(self, stream: io.BytesIO, names: Names, what: str) -> None:
        super().__init__(stream)
        self._names = names
        self._what = what

    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in self._names:
            raise TableFault(
                f"{self._what} wants to use {module}.{name}, which its format does not need; "
                "it was not loaded. Get the file from its authors."
            )
        return self._names[module, name]

    def persistent_load(self, pid: Any) -> Any:
        raise TableFault(f"{self._what} refers to data outside of itself; it was not loaded")
