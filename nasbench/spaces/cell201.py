"""The topology space of NAS-Bench-201 (Dong & Yang, ICLR 2020) and NATS-Bench: 15,625 cells.

A cell has four nodes, and each of its six edges carries one of five operations; a node is the sum
of what arrives. Strings and indices are those of NATS-Bench. Look-up tables are made when first
used and shared by all instances.
"""

from __future__ import annotations

import difflib
import operator
import random
from collections.abc import Sequence
from functools import cache
from itertools import product
from typing import TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench.core import Architecture, LabeledGraph
from nasbench.errors import InvalidArchitecture, WrongSpace
from nasbench.spaces import canonical

_Array = TypeVar("_Array", bound=NDArray[np.generic])
NAME = "cell201-v1"
OPS: tuple[str, ...] = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""Operations by number."""
EDGES: tuple[tuple[int, int], ...] = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source, target) nodes in the order of the genes: by target, as in the strings."""
KINDS: tuple[canonical.Kind, ...] = ("zero", "identity", "weighted", "weighted", "fixed")
"""What each operation is for equivalence."""
SIZE: int = len(OPS) ** len(EDGES)
PATTERN = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"

# Internally a cell is its code, the lexicographic rank of its genes: they are its base-5 digits.
_PLACES: tuple[int, ...] = tuple(len(OPS) ** k for k in reversed(range(len(EDGES))))
_MOVES = (len(OPS) - 1) * len(EDGES)
# _STEPS[old][k] is what move k adds to the code: gene k // 4 changes from old to the (k % 4)-th of
# the other operations.
_STEPS: tuple[tuple[int, ...], ...] = tuple(
    tuple(
        (k % 4 + (k % 4 >= old) - old) * _PLACES[k // 4]  # the comparison skips the old operation
        for k in range(_MOVES)
    )
    for old in range(len(OPS))
)


class Cell201:
    """The space `cell201-v1`; genes are six operation numbers in the order of `EDGES`."""

    name = NAME
    arity = (len(OPS),) * len(EDGES)

    def __len__(self) -> int:
        return SIZE

    def __repr__(self) -> str:
        return "Cell201()"

    def is_valid(self, arch: Architecture) -> bool:
        """Whether the space contains the architecture."""
        try:
            _code(arch)
        except InvalidArchitecture:
            return False
        return True

    def canonical(self, arch: Architecture) -> Architecture:
        """The architecture of the same class with the lexicographically smallest genes."""
        return _MEMBERS[_canonical_codes()[_code(arch)]]

    def class_size(self, arch: Architecture) -> int:
        """Number of architectures in the class, this one included."""
        numbers = _classes()[0]
        return int((numbers == numbers[_code(arch)]).sum())

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        """`n` independent uniform draws; n calls for one give the same architectures."""
        return [_MEMBERS[code] for code in (rng.random(n) * SIZE).astype(np.int64).tolist()]

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        """A uniformly drawn neighbor."""
        code, move = _code(arch), int(rng.random() * _MOVES)
        return _MEMBERS[code + _STEPS[_MEMBERS[code].genes[move >> 2]][move]]

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A child that takes each gene from either parent with equal probability."""
        _code(a), _code(b)
        mask = int(rng.random() * 2 ** len(EDGES))
        pairs = zip(a.genes, b.genes, strict=True)
        genes = [y if mask >> k & 1 else x for k, (x, y) in enumerate(pairs)]
        return _MEMBERS[_codes()[tuple(genes)]]

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        """The 24 architectures one operation away, by gene and then by operation."""
        code = _code(arch)
        genes = _MEMBERS[code].genes
        return [_MEMBERS[code + _STEPS[genes[k >> 2]][k]] for k in range(_MOVES)]

    def encode(self, archs: Sequence[Architecture]) -> NDArray[np.float32]:
        """One-hot genes, (n, 30), gene by gene."""
        genes = _lexicographic()[[_code(arch) for arch in archs]]
        return np.eye(len(OPS), dtype=np.float32)[genes].reshape(len(archs), sum(self.arity))

    def graph(self, arch: Architecture) -> LabeledGraph:
        """The cell as operation instances, the input first and the output last; see `canonical`."""
        return canonical.graph(_instances(), _code(arch), OPS)

    def wiring(self, arch: Architecture) -> list[tuple[int, int, str]]:
        """(source node, target node, operation) of each edge that is not `none`, for drawing."""
        _code(arch)
        pairs = zip(EDGES, arch.genes, strict=True)
        return [(*edge, OPS[gene]) for edge, gene in pairs if gene]

    def parse(self, text: str) -> Architecture:
        """The architecture of a NATS-Bench string.

        Raises:
            InvalidArchitecture: the text is none, and says where it goes wrong.
        """
        nodes = text.strip().split("+")
        if len(nodes) != 3:
            raise _malformed(text, f"it has {len(nodes)} nodes joined by '+', not 3")
        genes = [gene for k, node in enumerate(nodes, 1) for gene in _node_genes(text, k, node)]
        return _MEMBERS[_codes()[tuple(genes)]]

    def format(self, arch: Architecture) -> str:
        """The NATS-Bench string of the architecture."""
        _code(arch)
        pairs = zip(EDGES, arch.genes, strict=True)
        terms = [f"{OPS[gene]}~{source}" for (source, _), gene in pairs]
        return "+".join(f"|{'|'.join(terms[a:b])}|" for a, b in ((0, 1), (1, 3), (3, 6)))

    def index(self, arch: Architecture) -> int:
        """The number of the architecture in NATS-Bench."""
        return int(_nats()[1][_code(arch)])

    def arch(self, index: int) -> Architecture:
        """The architecture of a NATS-Bench number."""
        try:
            number = operator.index(index)
        except TypeError:
            number = -1
        if not 0 <= number < SIZE:
            raise InvalidArchitecture(
                f"{NAME} has no architecture {index!r}; pass a whole number from 0 to {SIZE - 1}"
            )
        return _MEMBERS[int(_nats()[0][number])]

    def all_genes(self) -> NDArray[np.int16]:
        """Genes of all architectures in the order of the index, (15625, 6)."""
        return _lexicographic()[_nats()[0]]

    def index_of(self, genes: ArrayLike) -> NDArray[np.int32]:
        """Index of each row of `genes` (n, 6)."""
        return _nats()[1][_codes_of(genes)]

    def class_of(self, genes: ArrayLike) -> NDArray[np.int32]:
        """Class number of each row of `genes` (n, 6): the quickest way, as it needs no index."""
        return _classes()[0][_codes_of(genes)]

    def classes(self) -> NDArray[np.int32]:
        """Class number of each index (15625,); classes are ordered by their canonical genes."""
        return _classes()[0][_nats()[0]]

    def representatives(self) -> NDArray[np.int32]:
        """Index of the canonical architecture of each class, (5260,)."""
        return _nats()[1][_classes()[1]]


def _code(arch: Architecture) -> int:
    """Rank of the genes, after checking that the architecture is one of this space."""
    if arch.space == NAME:
        try:
            return _codes()[arch.genes]
        except (KeyError, TypeError):
            raise InvalidArchitecture(
                f"{NAME} has six genes from 0 to {len(OPS) - 1}, got {arch.genes!r}; "
                f"they number the operations {', '.join(OPS)} of the edges {EDGES}"
            ) from None
    raise WrongSpace(
        f"expected an architecture of {NAME}, got one of {arch.space!r}; "
        f"use the space it was made by, or parse its text with this one"
    )


def _codes_of(genes: ArrayLike) -> NDArray[np.int64]:
    rows = np.asarray(genes)
    if rows.ndim != 2 or rows.shape[1] != len(EDGES) or rows.dtype.kind not in "iu":
        raise InvalidArchitecture(
            f"expected whole-number genes of shape (n, {len(EDGES)}), got {rows.dtype} {rows.shape}"
        )
    if rows.size and not (rows.min() >= 0 and rows.max() < len(OPS)):
        raise InvalidArchitecture(
            f"{NAME} has genes from 0 to {len(OPS) - 1}, got {rows.min()} to {rows.max()}"
        )
    codes: NDArray[np.int64] = rows.astype(np.int64) @ np.array(_PLACES)
    return codes


def _node_genes(text: str, node: int, terms: str) -> list[int]:
    """Operation numbers of one node's part of a string, such as `|none~0|skip_connect~1|`."""
    parts = terms[1:-1].split("|")
    if len(terms) < 2 or not (terms.startswith("|") and terms.endswith("|")):
        raise _malformed(text, f"node {node} is not between bars: {terms!r}")
    if len(parts) != node:
        raise _malformed(text, f"node {node} has {len(parts)} inputs, not {node}")
    for source, part in enumerate(parts):
        name, tilde, suffix = part.partition("~")
        if name not in OPS:
            near = difflib.get_close_matches(name, OPS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise _malformed(text, f"unknown operation {name!r}; {hint}Known: {', '.join(OPS)}")
        if tilde + suffix != f"~{source}":
            raise _malformed(
                text,
                f"node {node} has {part!r} where one ending in '~{source}' belongs "
                f"(edges are ordered by target node, then by source)",
            )
    return [OPS.index(part.partition("~")[0]) for part in parts]


def _malformed(text: str, why: str) -> InvalidArchitecture:
    return InvalidArchitecture(f"{text!r} is not a string of {NAME}: {why}. Expected {PATTERN}")


class _Members(dict[int, Architecture]):
    """Architectures by code, made when first asked for; every method hands out the same ones."""

    def __missing__(self, code: int) -> Architecture:
        arch = self[code] = Architecture(NAME, _genes()[code])
        return arch


_MEMBERS = _Members()


@cache
def _genes() -> list[tuple[int, ...]]:
    """Genes by code."""
    return list(product(range(len(OPS)), repeat=len(EDGES)))


@cache
def _codes() -> dict[tuple[int, ...], int]:
    return {genes: code for code, genes in enumerate(_genes())}


@cache
def _lexicographic() -> NDArray[np.int16]:
    """Genes by code, (15625, 6)."""
    codes = np.arange(SIZE)[:, None]
    return _frozen((codes // np.array(_PLACES) % len(OPS)).astype(np.int16))


@cache
def _nats() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Code of each index, and index of each code: NATS-Bench shuffles the codes with seed 88."""
    order = list(range(SIZE))
    random.Random(88).shuffle(order)
    codes = np.array(order, np.int32)
    return _frozen(codes), _frozen(np.argsort(codes).astype(np.int32))


@cache
def _instances() -> canonical.Instances:
    return canonical.instances(_lexicographic(), EDGES, KINDS)


@cache
def _classes() -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Class number of each code (15625,) and code of each class' first member (5260,)."""
    numbers, first = canonical.classes(canonical.signatures(_instances()))
    return _frozen(numbers), _frozen(first.astype(np.int32))


@cache
def _canonical_codes() -> list[int]:
    numbers, first = _classes()
    codes: list[int] = first[numbers].tolist()
    return codes


def _frozen(array: _Array) -> _Array:
    array.flags.writeable = False
    return array
