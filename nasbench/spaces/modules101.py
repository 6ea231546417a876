"""The modules of NAS-Bench-101 as bits: pruning, isomorphism and the published hash.

A module has a vertex for the input, up to five inner ones and one for the output. Its edges fall
into three masks, in which bit k stands for inner vertex k: `entering` (from the input), `leaving`
(to the output) and `inner` (a bit for each pair of inner vertices); `direct` is the edge from input
to output. Masks have few values, so what pruning and reordering make of them is looked up. All of
this works on single numbers and on arrays of them.
"""

from __future__ import annotations

import hashlib
import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

VERTICES = 7
MAX_EDGES = 9
OPS: tuple[str, ...] = ("conv3x3-bn-relu", "conv1x1-bn-relu", "maxpool3x3")
"""Operations by number, in the order of the published configuration."""
INNER = VERTICES - 2
PAIRS = tuple(itertools.combinations(range(VERTICES), 2))
"""Possible edges (source, target), row by row: the order of the genes."""
ARITY: tuple[int, ...] = (2,) * len(PAIRS) + (len(OPS),) * INNER
WEIGHTS = tuple(math.prod(ARITY[k + 1 :]) for k in range(len(ARITY)))
"""What each gene adds to the code, which is the lexicographic rank of the genes."""
LABELINGS: int = len(OPS) ** INNER

_INNER_PAIRS = tuple(itertools.combinations(range(INNER), 2))
_ENTERING = [PAIRS.index((0, v + 1)) for v in range(INNER)]
_LEAVING = [PAIRS.index((v + 1, VERTICES - 1)) for v in range(INNER)]
_BETWEEN = [PAIRS.index((u + 1, v + 1)) for u, v in _INNER_PAIRS]
_DIRECT = PAIRS.index((0, VERTICES - 1))
_BACKWARD = 1 << 40
"""More than any code: the weight of an edge that runs backward."""
_CHUNK = 1 << 13


@dataclass(frozen=True, slots=True, eq=False)
class Modules:
    """Modules as masks: integers, or arrays (n,) of them."""

    entering: Any
    leaving: Any
    inner: Any
    direct: Any
    ops: Any
    """Operations of the inner vertices as digits, that of the first vertex being the highest."""

    def __getitem__(self, at: Any) -> Modules:
        parts = self.entering, self.leaving, self.inner, self.direct, self.ops
        return Modules(*(part[at] for part in parts))

    def live(self) -> Any:
        """Mask of the inner vertices on a path from the input to the output."""
        known = _tables()
        return known.forward[self.entering, self.inner] & known.backward[self.leaving, self.inner]

    def pruned(self) -> Modules:
        """Without the edges and the operations of vertices that are on no such path."""
        known, live = _tables(), self.live()
        kept = self.entering & live, self.leaving & live, self.inner & known.inside[live]
        return Modules(*kept, self.direct, known.kept_ops[live, self.ops])

    def in_space(self) -> Any:
        """Whether input and output are connected, and by 9 edges at most after pruning."""
        pruned, ones = self.pruned(), _tables().ones
        edges = ones[pruned.entering] + ones[pruned.leaving] + ones[pruned.inner] + pruned.direct
        return ((pruned.entering | pruned.direct) > 0) & (edges <= MAX_EDGES)


def read(genes: Sequence[Any] | NDArray[np.int64]) -> Modules:
    """The modules of 26 genes, each a number or an array of numbers."""
    return Modules(
        entering=sum(genes[at] << k for k, at in enumerate(_ENTERING)),
        leaving=sum(genes[at] << k for k, at in enumerate(_LEAVING)),
        inner=sum(genes[at] << k for k, at in enumerate(_BETWEEN)),
        direct=genes[_DIRECT],
        ops=sum(gene * w for gene, w in zip(genes[-INNER:], WEIGHTS[-INNER:], strict=True)),
    )


def genes_of(codes: NDArray[np.int64]) -> NDArray[np.int16]:
    """Genes (n, 26) of codes (n,)."""
    genes = np.empty((len(codes), len(ARITY)), dtype=np.int16)
    for k, (weight, choices) in enumerate(zip(WEIGHTS, ARITY, strict=True)):
        genes[:, k] = codes // weight % choices
    return genes


def canonical_codes(modules: Modules) -> NDArray[np.int64]:
    """Code (n,) of the canonical form of each of n modules.

    The form is pruned, its inner vertices come first, and of all the orders they can have it is the
    one with the smallest code. As every order is tried, equal forms mean isomorphic modules.
    """
    pruned = modules.pruned()
    live = pruned.live()
    codes = np.empty(len(live), dtype=np.int64)
    for mask in np.unique(live):
        at = np.flatnonzero(live == mask)
        for start in range(0, len(at), _CHUNK):
            part = at[start : start + _CHUNK]
            codes[part] = _reordered(pruned[part], _tables().orders[mask]).min(axis=0)
    return codes


def class_size(module: Modules) -> int:
    """How many genes make one module or an isomorphic one."""
    pruned = module.pruned()
    live = int(pruned.live())
    ordered = _reordered(pruned, _tables().orders[live])
    orders = len(np.unique(ordered[ordered < _BACKWARD]))
    vertices = live.bit_count()
    return int(orders * _placements()[vertices] * len(OPS) ** (INNER - vertices))


@cache
def classes() -> NDArray[np.int64]:
    """Codes (423624,) of all canonical forms, ascending."""
    everything = _every_matrix()
    live = everything.live()
    packed = _is_pruned(everything) & ((live & (live + 1)) == 0) & everything.in_space()
    shapes = np.unique(canonical_codes(everything[packed]))
    at, ops = np.divmod(np.arange(len(shapes) * LABELINGS), LABELINGS)
    labeled = replace(read(genes_of(shapes).astype(np.int64).T)[at], ops=ops)
    there = labeled.pruned().ops == ops  # a vertex that is not there has no operation
    return _frozen(np.unique(canonical_codes(labeled[there])))


@cache
def matrices() -> NDArray[np.int64]:
    """The first 21 genes of all architectures as binary numbers, (matrices,), ascending."""
    everything = _every_matrix()
    as_given = slice(1)  # the first order leaves every vertex where it is
    codes = _reordered(everything[everything.in_space()], as_given)[0]
    return _frozen(np.sort(codes // LABELINGS))


def module_hash(sources: Sequence[Sequence[int]], labels: Sequence[int]) -> str:
    """The MD5 by which NAS-Bench-101 names a pruned module (`hash_module` of its `graph_util`).

    A vertex starts as the hash of its out-degree, in-degree and label, and takes in the hashes of
    the vertices before and after it, as often as there are vertices; their hash is the module's.

    Args:
        sources: for each vertex, those that have an edge to it.
        labels: -1 for the input, the operation's number, -2 for the output.
    """
    targets: list[list[int]] = [[] for _ in sources]
    for vertex, before in enumerate(sources):
        for source in before:
            targets[source].append(vertex)
    around = [*zip(sources, targets, strict=True)]
    # int() because the text of a NumPy integer names its type, and every hash would be another
    degrees = [(len(out), len(into), int(k)) for (into, out), k in zip(around, labels, strict=True)]
    hashes = [_md5(str(degree)) for degree in degrees]
    for _ in sources:
        hashes = [
            _md5(f"{_joined(hashes, into)}|{_joined(hashes, out)}|{own}")
            for (into, out), own in zip(around, hashes, strict=True)
        ]
    return _md5(str(sorted(hashes)))


def _joined(hashes: Sequence[str], vertices: Sequence[int]) -> str:
    if len(vertices) == 1:  # as is frequent, and this is most of the work of importing a file
        return hashes[vertices[0]]
    return "".join(sorted([hashes[k] for k in vertices]))


def _md5(text: str) -> str:
    return hashlib.md5(text.encode(), usedforsecurity=False).hexdigest()


def _every_matrix() -> Modules:
    """All 2 ** 21 matrices, with the first operation everywhere."""
    number = np.arange(1 << len(PAIRS))
    return Modules(
        entering=number & 31,
        leaving=number >> 5 & 31,
        inner=number >> 10 & 1023,
        direct=number >> 20,
        ops=np.zeros_like(number),
    )


def _is_pruned(modules: Modules) -> Any:
    pruned = modules.pruned()
    same = (pruned.entering == modules.entering) & (pruned.leaving == modules.leaving)
    return same & (pruned.inner == modules.inner)


@cache
def _placements() -> tuple[int, ...]:
    """Ways in which 0, 1, ... 5 inner vertices can lie among all five, by their number.

    A way says which they are, and what edges the others have. The edges that leave those on no path
    do not depend on the edges between the vertices on one.
    """
    everything = _every_matrix()
    live = everything.live()
    pruned = np.bincount(live[_is_pruned(everything)])
    ways, vertices = np.bincount(live) // pruned, _tables().ones[: len(pruned)]
    return tuple(int(ways[vertices == k].sum()) for k in range(INNER + 1))


def _reordered(modules: Modules, orders: Any) -> NDArray[np.int64]:
    """Codes (orders,) or (orders, n) of modules in other orders; `_BACKWARD` or more if cyclic."""
    known = _tables()
    codes: NDArray[np.int64] = known.entering[orders][:, modules.entering]
    codes = codes + known.leaving[orders][:, modules.leaving]
    codes += known.between[orders][:, modules.inner] + known.ops[orders][:, modules.ops]
    codes += modules.direct * WEIGHTS[_DIRECT]
    return codes


@dataclass(frozen=True, slots=True, eq=False)
class _Tables:
    """Everything by mask. An order says to which place each inner vertex goes."""

    forward: NDArray[np.int64]
    """(32, 1024) vertices that can be reached, by `entering` and `inner`."""
    backward: NDArray[np.int64]
    """(32, 1024) vertices that reach the output, by `leaving` and `inner`."""
    inside: NDArray[np.int64]
    """(32,) pairs of the vertices of a mask."""
    ones: NDArray[np.int64]
    """(1024,) number of bits."""
    kept_ops: NDArray[np.int64]
    """(32, 243) operations without those of the vertices outside of a mask."""
    orders: tuple[NDArray[np.int64], ...]
    """(32,) orders that bring the vertices of a mask to the front, all of these but one each."""
    entering: NDArray[np.int64]
    """(120, 32) what a mask adds to the code in each order."""
    leaving: NDArray[np.int64]
    between: NDArray[np.int64]
    """(120, 1024)."""
    ops: NDArray[np.int64]
    """(120, 243)."""


@cache
def _tables() -> _Tables:
    places = np.array([*itertools.permutations(range(INNER))])
    weights = np.array(WEIGHTS)
    vertices, pairs = (np.arange(1 << n)[:, None] >> np.arange(n) & 1 for n in (5, 10))
    digits = genes_of(np.arange(LABELINGS))[:, -INNER:].T.astype(np.int64)
    low, high = np.array(_INNER_PAIRS).T
    edges = np.full((INNER, INNER), _BACKWARD)
    edges[low, high] = weights[_BETWEEN]
    return _Tables(
        forward=_closure(pairs, _INNER_PAIRS),
        backward=_closure(pairs[:, ::-1], [pair[::-1] for pair in reversed(_INNER_PAIRS)]),
        inside=(vertices[:, low] & vertices[:, high]) @ (1 << np.arange(len(low))),
        ones=pairs.sum(axis=1),
        kept_ops=(vertices * weights[-INNER:]) @ digits,
        orders=tuple(_to_the_front(places, mask == 1) for mask in vertices),
        entering=weights[_ENTERING][places] @ vertices.T,
        leaving=weights[_LEAVING][places] @ vertices.T,
        between=edges[places[:, low], places[:, high]] @ pairs.T,
        ops=weights[-INNER:][places] @ digits,
    )


def _closure(present: NDArray[np.int64], steps: Sequence[tuple[int, int]]) -> NDArray[np.int64]:
    """(32, 1024) vertices that edges lead to from those of a mask; `steps` in topological order."""
    found = np.repeat(np.arange(1 << INNER)[:, None], len(present), axis=1)
    for there, (source, target) in zip(present.T, steps, strict=True):
        found |= (found >> source & 1 & there) << target
    return found


def _to_the_front(places: NDArray[np.int64], mask: NDArray[np.bool_]) -> NDArray[np.int64]:
    first = (places[:, mask] < mask.sum()).all(axis=1)
    others_stay = (np.diff(places[:, ~mask], axis=1) > 0).all(axis=1)
    return np.flatnonzero(first & others_stay)


def _frozen(values: NDArray[np.int64]) -> NDArray[np.int64]:
    values.flags.writeable = False
    return values
