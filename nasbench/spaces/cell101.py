"""The space of NAS-Bench-101 (Ying et al., ICML 2019): cells of at most 7 vertices and 9 edges.

Operations sit on the vertices of a directed acyclic graph. An architecture is what the field's
searches handle: an upper triangular matrix of 7 vertices and five operations, 26 genes, such that
what is left after pruning vertices on no path from input to output has a path and at most 9 edges.
That makes 373,754,169 architectures and 423,624 classes of isomorphic pruned cells, the unique
cells of the paper. Smaller cells have vertices without edges.

Its neighbors are one edge or one operation away and inside the space, as in the local search of
White et al. (UAI 2021); mutation draws one of them. (The notebook of NAS-Bench-101 mutates by
flipping each edge with probability 1/7 and each operation with 1/5 until something valid differs.)
"""

from __future__ import annotations

import difflib
import math
import operator
from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike, NDArray

from nasbench.core import Architecture, LabeledGraph
from nasbench.errors import InvalidArchitecture, WrongSpace
from nasbench.spaces import modules101 as modules
from nasbench.spaces.modules101 import (
    ARITY,
    INNER,
    LABELINGS,
    MAX_EDGES,
    OPS,
    PAIRS,
    VERTICES,
    WEIGHTS,
)

NAME = "cell101-v1"
SIZE = 373_754_169
INPUT, OUTPUT = "input", "output"
PATTERN = "'011001000 input,conv3x3-bn-relu,output' (the matrix row by row, then the operations)"
_TRIES = 1000
_MOVES = tuple((k, step) for k, choices in enumerate(ARITY) for step in range(1, choices))
"""(gene, what is added to it modulo its choices)."""


class Cell101:
    """The space `cell101-v1`; genes are 21 edges in the order of `PAIRS`, then five operations."""

    name = NAME
    arity = ARITY

    def __len__(self) -> int:
        return SIZE

    def __repr__(self) -> str:
        return "Cell101()"

    def is_valid(self, arch: Architecture) -> bool:
        """Whether the space contains the architecture."""
        return arch.space == NAME and _in_range(arch.genes) and _is_cell(arch.genes)

    def canonical(self, arch: Architecture) -> Architecture:
        """The pruned cell with its vertices in front, in the order that has the smallest genes."""
        genes = np.array(_genes(arch), dtype=np.int64)
        codes = modules.canonical_codes(modules.read(genes[:, None]))
        return Architecture(NAME, tuple(modules.genes_of(codes)[0].tolist()))

    def canonical_genes(self, genes: ArrayLike) -> NDArray[np.int16]:
        """Genes (n, 26) of the canonical form of each row of `genes` (n, 26)."""
        rows = np.asarray(genes)
        if rows.ndim != 2 or rows.shape[1] != len(ARITY) or rows.dtype.kind not in "iu":
            raise InvalidArchitecture(
                f"expected whole-number genes of shape (n, {len(ARITY)}), got {rows.dtype} "
                f"{rows.shape}"
            )
        in_range = (rows >= 0) & (rows < np.array(ARITY))
        found = modules.read(np.where(in_range, rows, 0).astype(np.int64).T)
        valid = in_range.all(axis=1) & found.in_space()
        if not valid.all():
            _made(tuple(rows[int(valid.argmin())].tolist()))  # says what is wrong
        return modules.genes_of(modules.canonical_codes(found))

    def class_genes(self) -> NDArray[np.int16]:
        """Genes (423624, 26) of all canonical architectures, sorted."""
        return modules.genes_of(modules.classes())

    def class_size(self, arch: Architecture) -> int:
        """Number of architectures in the class, this one included."""
        return modules.class_size(modules.read(_genes(arch)))

    def sample(self, n: int, rng: np.random.Generator) -> list[Architecture]:
        """`n` independent uniform draws."""
        return [self.arch(int(index)) for index in rng.integers(SIZE, size=n)]

    def mutate(self, arch: Architecture, rng: np.random.Generator) -> Architecture:
        """A uniformly drawn neighbor."""
        genes = _genes(arch)
        while True:  # changing an operation is always possible, so this ends
            child = _changed(genes, *_MOVES[int(rng.integers(len(_MOVES)))])
            if _is_cell(child):
                return Architecture(NAME, child)

    def crossover(self, a: Architecture, b: Architecture, rng: np.random.Generator) -> Architecture:
        """A child that takes each gene from either parent, drawn until the space contains it.

        After 1,000 draws in vain it is one of the parents.
        """
        pairs = [*zip(_genes(a), _genes(b), strict=True)]
        for _ in range(_TRIES):
            mask = int(rng.integers(1 << len(pairs)))
            child = tuple(pair[mask >> k & 1] for k, pair in enumerate(pairs))
            if _is_cell(child):
                return Architecture(NAME, child)
        return (a, b)[int(rng.integers(2))]

    def neighbors(self, arch: Architecture) -> list[Architecture]:
        """The architectures one edge or one operation away, by gene."""
        genes = _genes(arch)
        around = (_changed(genes, *move) for move in _MOVES)
        return [Architecture(NAME, child) for child in around if _is_cell(child)]

    def encode(self, archs: Sequence[Architecture]) -> NDArray[np.float32]:
        """One-hot genes, (n, 57), gene by gene."""
        genes = np.array([_genes(arch) for arch in archs], dtype=np.intp).reshape(-1, len(ARITY))
        columns = [np.eye(n, dtype=np.float32)[genes[:, k]] for k, n in enumerate(ARITY)]
        return np.concatenate(columns, axis=1)

    def graph(self, arch: Architecture) -> LabeledGraph:
        """The pruned cell."""
        matrix, ops = self.pruned(arch)
        edges = tuple((int(u), int(v), 1) for u, v in np.argwhere(matrix))
        return LabeledGraph(tuple(ops), edges)

    def pruned(self, arch: Architecture) -> tuple[NDArray[np.int8], list[str]]:
        """Matrix (v, v) and operations (v) of the pruned cell, as NAS-Bench-101 stores them."""
        genes = _genes(arch)
        live = int(modules.read(genes).live())
        kept = [0, *(v + 1 for v in range(INNER) if live >> v & 1), VERTICES - 1]
        return _matrix(genes)[np.ix_(kept, kept)], [_ops(genes)[v] for v in kept]

    def module_hash(self, arch: Architecture) -> str:
        """The MD5 by which NAS-Bench-101 names the class."""
        matrix, ops = self.pruned(arch)
        sources = [np.flatnonzero(column).tolist() for column in matrix.T]
        return modules.module_hash(sources, [-1, *(OPS.index(op) for op in ops[1:-1]), -2])

    def embed(self, matrix: ArrayLike, ops: Sequence[str]) -> Architecture:
        """The architecture of an upper triangular matrix (v, v) and its v operations.

        Raises:
            InvalidArchitecture: it is no such matrix, or not in the space.
        """
        return _made(_embedded(np.asarray(matrix), list(ops)))

    def parse(self, text: str) -> Architecture:
        """The architecture of a matrix and operations, as the files of NAS-Bench-101 write them.

        Raises:
            InvalidArchitecture: the text is none, and says where it goes wrong.
        """
        digits, _, labels = text.strip().partition(" ")
        v = math.isqrt(len(digits))
        if not digits or v * v != len(digits) or set(digits) - set("01"):
            raise InvalidArchitecture(
                f"{text!r} is not a cell of {NAME}: it does not begin with the 0s and 1s of a "
                f"square matrix. Expected such as {PATTERN}"
            )
        matrix = np.array([int(digit) for digit in digits]).reshape(v, v)
        return self.embed(matrix, labels.strip().split(","))

    def format(self, arch: Architecture) -> str:
        """All 49 digits of the matrix row by row, then the seven operations."""
        genes = _genes(arch)
        digits = "".join(map(str, _matrix(genes).ravel().tolist()))
        return f"{digits} {','.join(_ops(genes))}"

    def index(self, arch: Architecture) -> int:
        """Rank of the genes among those of all architectures."""
        genes = _genes(arch)
        code = sum(gene * weight for gene, weight in zip(genes, WEIGHTS, strict=True))
        matrix, ops = divmod(code, LABELINGS)
        rank = int(np.searchsorted(modules.matrices(), matrix))
        return rank * LABELINGS + ops

    def arch(self, index: int) -> Architecture:
        """The architecture of a rank."""
        try:
            number = operator.index(index)
        except TypeError:
            number = -1
        if not 0 <= number < SIZE:
            raise InvalidArchitecture(
                f"{NAME} has no architecture {index!r}; pass a whole number from 0 to {SIZE - 1}"
            )
        matrix, ops = divmod(number, LABELINGS)
        code = modules.matrices()[matrix] * LABELINGS + ops
        return Architecture(NAME, tuple(modules.genes_of(code[None])[0].tolist()))


def _in_range(genes: Sequence[int]) -> bool:
    return len(genes) == len(ARITY) and all(
        isinstance(gene, (int, np.integer)) and 0 <= gene < choices
        for gene, choices in zip(genes, ARITY, strict=True)
    )


def _is_cell(genes: Sequence[int]) -> bool:
    """Whether genes in their range are in the space."""
    return bool(modules.read(genes).in_space())


def _genes(arch: Architecture) -> tuple[int, ...]:
    """The genes, after checking that the architecture is one of this space."""
    if arch.space != NAME:
        raise WrongSpace(
            f"expected an architecture of {NAME}, got one of {arch.space!r}; "
            f"use the space it was made by, or parse its text with this one"
        )
    return _made(arch.genes).genes


def _made(genes: tuple[int, ...]) -> Architecture:
    if not _in_range(genes):
        raise InvalidArchitecture(
            f"{NAME} has {len(ARITY)} genes below {ARITY}, got {genes!r}; they are the edges "
            f"{PAIRS[0]}, {PAIRS[1]}, ... {PAIRS[-1]} and the operations {', '.join(OPS)} by number"
        )
    if not _is_cell(genes):
        raise InvalidArchitecture(
            f"{NAME} has no cell {genes!r}: pruned to the vertices between input and output it "
            f"needs a path and at most {MAX_EDGES} edges"
        )
    return Architecture(NAME, genes)


def _changed(genes: tuple[int, ...], at: int, step: int) -> tuple[int, ...]:
    return (*genes[:at], (genes[at] + step) % ARITY[at], *genes[at + 1 :])


def _matrix(genes: tuple[int, ...]) -> NDArray[np.int8]:
    matrix = np.zeros((VERTICES, VERTICES), dtype=np.int8)
    matrix[*np.array(PAIRS).T] = genes[: len(PAIRS)]
    return matrix


def _ops(genes: tuple[int, ...]) -> list[str]:
    return [INPUT, *(OPS[gene] for gene in genes[-INNER:]), OUTPUT]


def _embedded(matrix: NDArray[np.generic], ops: list[str]) -> tuple[int, ...]:
    """Genes of a matrix (v, v): vertices that it lacks come before the output, without edges."""
    v = len(ops)
    if not 2 <= v <= VERTICES or matrix.shape != (v, v):
        raise InvalidArchitecture(
            f"a cell of {NAME} has 2 to {VERTICES} vertices, got a matrix of shape "
            f"{matrix.shape} and {v} operations"
        )
    if not ((matrix == 0) | (matrix == 1)).all() or np.tril(matrix).any():
        raise InvalidArchitecture(
            f"a cell of {NAME} is an upper triangular matrix of 0s and 1s, got {matrix.tolist()}"
        )
    if ops[0] != INPUT or ops[-1] != OUTPUT:
        raise InvalidArchitecture(
            f"the operations of a cell begin with {INPUT} and end with {OUTPUT}, got {ops}"
        )
    for op in ops[1:-1]:
        if op not in OPS:
            near = difflib.get_close_matches(op, OPS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise InvalidArchitecture(f"unknown operation {op!r}; {hint}Known: {', '.join(OPS)}")
    places = [*range(v - 1), VERTICES - 1]
    whole = np.zeros((VERTICES, VERTICES), dtype=np.int64)
    whole[np.ix_(places, places)] = matrix
    labels = [OPS.index(op) for op in ops[1:-1]] + [0] * (VERTICES - v)
    return (*whole[*np.array(PAIRS).T].tolist(), *labels)
