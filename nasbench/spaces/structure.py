"""What can be bounded about the structure of an architecture, each a number by name.

    depth                 most operations on a way from the input to the output
    operations            operations in all
    operations[LABEL]     those with this label in the graph, such as operations[nor_conv_3x3]
    choices[NAME]         genes that choose NAME, such as choices[skip_connect]
    gene[K=NAME]          1 if gene K (from 0) chooses NAME, else 0

The first three are counted in `Space.graph`, the cell as operation instances: what computes
nothing (zeros, dead ends, skips) is not there, so all architectures of a class agree. The last two
are about the genes as written, where twins may differ. A space can name the choices of its genes by
an attribute `choices`, a tuple of names for each gene; else they are called by their numbers.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from functools import lru_cache
from itertools import chain
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Architecture, LabeledGraph, Space
from nasbench.errors import UnknownMetric
from nasbench.spaces import cell201

Measure = Callable[[Architecture], float]

_NAMED = re.compile(r"(operations|choices|gene)\[(.+)\]")
_NO_OPERATION = re.compile(r"input|output|sum|.*:c\(k-\d\)")
"""Labels of nodes that are ends of the graph, or only add up."""


def measure(space: Space, name: str) -> Measure:
    """The function from an architecture of the space to the number of this name.

    Raises:
        UnknownMetric: nothing about the structure is called so.
    """
    if name == "depth":
        return lambda arch: float(_depth(space.graph(arch)))
    if name == "operations":
        return lambda arch: float(len(_operations(space.graph(arch))))
    found = _NAMED.fullmatch(name)
    kind, what = found.groups() if found else ("", "")
    named = choices(space)
    if kind == "operations" and _is_label(what) and (what in chain(*named) or _unnamed(space)):
        return lambda arch: float(_operations(space.graph(arch)).count(what))
    if kind == "choices" and any(what in of_gene for of_gene in named):
        wanted = [of_gene.index(what) if what in of_gene else -1 for of_gene in named]
        return lambda arch: float(sum(a == b for a, b in zip(arch.genes, wanted, strict=True)))
    place, _, choice = what.partition("=")
    gene = int(place) if kind == "gene" and place.isdecimal() else len(named)
    if gene < len(named) and choice in named[gene]:
        number = named[gene].index(choice)
        return lambda arch: float(arch.genes[gene] == number)
    raise registry.unknown(UnknownMetric, f"structure of {space.name}", name, names(space))


def is_about_structure(name: str) -> bool:
    """Whether a bound of this name is meant for the structure, and not for a metric."""
    return name in ("depth", "operations") or _NAMED.fullmatch(name) is not None


def names(space: Space) -> list[str]:
    """Names of what can be bounded; labels of operations are taken from the names of choices."""
    named = choices(space)
    every = list(dict.fromkeys(name for of_gene in named for name in of_gene))
    return [
        "depth",
        "operations",
        *(f"operations[{name}]" for name in every),
        *(f"choices[{name}]" for name in every),
        *(f"gene[{place}={name}]" for place, of_gene in enumerate(named) for name in of_gene),
    ]


def choices(space: Space) -> tuple[tuple[str, ...], ...]:
    """Names of the choices of each gene."""
    given: Sequence[Sequence[str]] | None = getattr(space, "choices", None)
    if given is not None:
        return tuple(tuple(of_gene) for of_gene in given)
    if space.name == cell201.NAME:
        return (cell201.OPS,) * len(cell201.EDGES)
    return _numbers(space)


def column(space: Space, name: str) -> NDArray[np.float64]:
    """The number of this name for all architectures (n,) in the order of the space's index.

    Counted once in a process; the array is read-only.

    Raises:
        UnknownMetric: nothing about the structure is called so.
    """
    hashable: Any = space
    return _column(hashable, name)


@lru_cache(maxsize=64)
def _column(space: Any, name: str) -> NDArray[np.float64]:
    of = measure(space, name)
    archs = [space.arch(index) for index in range(len(space))]
    if name.startswith(("choices", "gene")):
        numbers = np.array([of(arch) for arch in archs])
    else:
        forms = [space.canonical(arch) for arch in archs]
        of_class = {form: of(form) for form in dict.fromkeys(forms)}
        numbers = np.array([of_class[form] for form in forms])
    numbers.flags.writeable = False
    return numbers


def _unnamed(space: Space) -> bool:
    """Whether only the graphs of the space know what its operations are called."""
    return choices(space) == _numbers(space)


def _numbers(space: Space) -> tuple[tuple[str, ...], ...]:
    return tuple(tuple(map(str, range(n))) for n in space.arity)


def _is_label(text: str) -> bool:
    return _NO_OPERATION.fullmatch(text) is None


def _operations(graph: LabeledGraph) -> list[str]:
    return [label for label in graph.labels if _is_label(label)]


def _depth(graph: LabeledGraph) -> int:
    """Operations on the longest way; 0 if nothing arrives at the output."""
    longest = [0] + [-1] * (len(graph.labels) - 1)  # -1: not reached from the input
    for source, target, _ in sorted(graph.edges, key=lambda edge: edge[1]):
        if longest[source] >= 0:
            step = int(_is_label(graph.labels[target]))
            longest[target] = max(longest[target], longest[source] + step)
    return max(longest[-1], 0)
