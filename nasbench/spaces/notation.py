"""Architectures as people type them."""

from __future__ import annotations

import contextlib
import re

from nasbench import registry
from nasbench.core import Architecture, Space
from nasbench.errors import InvalidArchitecture, NasbenchError


def read(space: Space, text: str) -> Architecture:
    """The architecture meant by an index, genes separated by commas, or the space's own string.

    Digits that are a string of the space, such as 22212220 in `macro-v1`, are read as that.

    Raises:
        InvalidArchitecture: the space does not contain it.
    """
    text = text.strip()
    if re.fullmatch(r"-?\d+", text):
        with contextlib.suppress(InvalidArchitecture):
            return space.parse(text)
        return space.arch(int(text))
    if re.fullmatch(r"[([]?\s*-?\d+\s*(,\s*-?\d+\s*)*,?\s*[)\]]?", text):
        genes = tuple(int(gene) for gene in re.findall(r"-?\d+", text))
        arch = Architecture(space.name, genes)
        space.index(arch)  # says what is wrong with the genes
        return arch
    try:
        return space.parse(text)
    except InvalidArchitecture as fault:
        if others := [name for name in _spaces_of(text) if name != space.name]:
            raise InvalidArchitecture(
                f"expected an architecture of {space.name}, got one of {' or '.join(others)}, "
                f"{text!r:.60}: name that space, or a benchmark of it"
            ) from fault
        raise InvalidArchitecture(
            f"{fault}. An index from 0 to {len(space) - 1} or {len(space.arity)} genes separated "
            f"by commas would do as well."
        ) from fault


def _spaces_of(text: str) -> list[str]:
    """Registered spaces of which it is a string."""
    found = []
    for name in registry.names(registry.SPACES):
        with contextlib.suppress(NasbenchError):  # a broken plug-in hides no complaint
            registry.space(name).parse(text)
            found.append(name)
    return found
