"""The space of NAS-Bench-Graph (Qin et al., NeurIPS 2022): cells of graph neural networks.

A cell has four nodes, each an operation on the cell's input or on one earlier node; the nodes that
nothing reads make up the output. Nine ways to wire them, up to the order of the nodes, and nine
operations make 59,040 cells that do something, and 26,206 classes: those of the package
`nas-bench-graph`, whose data are keyed by `number` of the canonical form.

What is equivalent, by that package (`Arch.valid_hash`): a skip dissolves into what it reads, unless
it leads to the output beside other readers of the same node, where it adds that node to the output;
the cell's input itself is never added, having other dimensions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from nasbench.core import Architecture, LabeledGraph
from nasbench.errors import InvalidArchitecture
from nasbench.spaces.product import Product

NAME = "graph-v1"
OPS: tuple[str, ...] = ("gat", "gcn", "gin", "cheb", "sage", "arma", "graph", "fc", "skip")
"""Operations by number; `graph` is k-GNN, `fc` a fully connected layer without neighbors."""
LINKS: tuple[tuple[int, ...], ...] = (
    (0, 0, 0, 0),
    (0, 0, 0, 1),
    (0, 0, 1, 1),
    (0, 0, 1, 2),
    (0, 0, 1, 3),
    (0, 1, 1, 1),
    (0, 1, 1, 2),
    (0, 1, 2, 2),
    (0, 1, 2, 3),
)
"""What each node reads, by the number of the wiring: 0 is the input, 1 the first node."""
SKIP = OPS.index("skip")
_SKIPS = len(OPS) ** 4 - 1  # four skips, read as digits
_PATTERN = re.compile(r"\s*(?:Arch\s*\()?\s*\[([\d,\s]*)\]\s*,?\s*\[([^\[\]]*)\]\s*\)?\s*")

Tree = tuple[int, int, tuple["Tree", ...]]
"""(-number of nodes, operation, what reads it, sorted); the operation of the root is -1."""


class Graph(Product):
    """The space `graph-v1`; genes are the number of the wiring and four operations."""

    name = NAME
    arity = (len(LINKS), *(len(OPS),) * 4)

    def __len__(self) -> int:
        return len(LINKS) * _SKIPS

    def excludes(self, genes: Sequence[int]) -> bool:
        """Whether all operations are skips: such a cell is no network."""
        return all(gene == SKIP for gene in genes[1:])

    def index(self, arch: Architecture) -> int:
        """The genes as digits of a number, the cells without operations left out."""
        wiring, ops = divmod(super().index(arch), _SKIPS + 1)
        return wiring * _SKIPS + ops

    def arch(self, index: int) -> Architecture:
        """The architecture of an index."""
        wiring, ops = divmod(self.checked(index), _SKIPS)
        return Architecture(NAME, self.digits(wiring * (_SKIPS + 1) + ops))

    def canonical(self, arch: Architecture) -> Architecture:
        """The form that NAS-Bench-Graph trained: skips that dissolve first, then from left to right

        larger branches and lower operation numbers first.
        """
        return Architecture(NAME, _canonical(self.genes_of(arch)))

    def graph(self, arch: Architecture) -> LabeledGraph:
        """The operations that remain, and which of them make up the output, with multiplicity."""
        labels, edges = ["input"], []
        readers = [(0, tree) for tree in _dissolved(_tree(self.genes_of(arch)))[2]]
        for source, (_, op, children) in readers:  # grows, breadth first
            labels.append(OPS[op])
            edges.append((source, len(labels) - 1, 1))
            leaves = sum(op == SKIP for _, op, _ in children) if children else 1
            if leaves:
                edges.append((len(labels) - 1, -1, leaves))
            readers += [(len(labels) - 1, child) for child in children if child[1] != SKIP]
        last = len(labels)
        found = sorted((source, last if target < 0 else target, k) for source, target, k in edges)
        return LabeledGraph((*labels, "output"), tuple(found))

    def parse(self, text: str) -> Architecture:
        """The architecture of a text such as `Arch([0, 1, 1, 2], ['gcn', 'cheb', 'gin', 'fc'])`.

        Nodes may come in any order in which each reads an earlier one.

        Raises:
            InvalidArchitecture: the text means no cell of the space.
        """
        match = _PATTERN.fullmatch(text)
        links, ops = (_items(part) for part in match.groups()) if match else ([], [])
        if len(links) != 4 or len(ops) != 4 or not set(ops) <= set(OPS):
            unknown = ", ".join(sorted(set(ops) - set(OPS)))
            raise _malformed(text, f"unknown operations: {unknown}" if unknown else "other form")
        wiring = tuple(map(int, links))
        if any(link > k for k, link in enumerate(wiring)):
            raise _malformed(text, f"a node of {list(wiring)} reads itself or a later one")
        numbers = [OPS.index(op) for op in ops]
        known = wiring in LINKS
        genes = (LINKS.index(wiring), *numbers) if known else _genes(_grown(wiring, numbers))
        if self.excludes(genes):
            raise _malformed(text, "all operations are skips")
        return Architecture(NAME, genes)

    def format(self, arch: Architecture) -> str:
        """The call that makes it in the package `nas-bench-graph`."""
        wiring, *ops = self.genes_of(arch)
        return f"Arch({list(LINKS[wiring])}, {[OPS[op] for op in ops]})"

    def all_genes(self) -> NDArray[np.int16]:
        """Genes of all architectures in the order of the index, (59040, 5)."""
        genes = np.indices(self.arity).reshape(len(self.arity), -1).T.astype(np.int16)
        kept: NDArray[np.int16] = genes[(genes[:, 1:] != SKIP).any(axis=1)]
        return kept


def number(genes: Sequence[int]) -> int:
    """The key of canonical genes in the data of NAS-Bench-Graph: they are its decimal digits."""
    return int("".join(map(str, genes)))


@cache
def _canonical(genes: tuple[int, ...]) -> tuple[int, ...]:
    root = _dissolved(_tree(genes))
    for _ in range(5 + root[0]):  # the skips that dissolved, between the input and its readers
        root = _node(-1, [_node(SKIP, root[2])])
    return _genes(root)


def _tree(genes: Sequence[int]) -> Tree:
    return _grown(LINKS[genes[0]], genes[1:])


def _grown(links: Sequence[int], ops: Sequence[int]) -> Tree:
    """The cell as the tree of what reads what."""
    children: list[list[Tree]] = [[] for _ in range(5)]
    for k in reversed(range(4)):
        children[links[k]].append(_node(ops[k], children[k + 1]))
    return _node(-1, children[0])


def _node(op: int, children: Sequence[Tree]) -> Tree:
    return (-1 + sum(size for size, _, _ in children), op, tuple(sorted(children)))


def _dissolved(tree: Tree) -> Tree:
    """The tree without skips, except those beside other readers of an operation."""
    _, op, children = tree
    readers = [reader for child in children for reader in _readers(child)]
    if op < 0 or len(readers) == 1:
        readers = [reader for reader in readers if reader[1] != SKIP]
    return _node(op, [reader if reader[1] == SKIP else _dissolved(reader) for reader in readers])


def _readers(tree: Tree) -> list[Tree]:
    """The tree, or what stands behind the skips that it begins with."""
    _, op, children = tree
    if op != SKIP or not children:
        return [tree]
    return [reader for child in children for reader in _readers(child)]


def _genes(root: Tree) -> tuple[int, ...]:
    """Genes of a tree of four nodes, numbered breadth first."""
    nodes = list(_numbered(root))
    return (LINKS.index(tuple(source for source, _ in nodes)), *(op for _, op in nodes))


def _numbered(root: Tree) -> Iterator[tuple[int, int]]:
    """(node that is read, operation) of each node but the root, breadth first."""
    level = [(0, child) for child in root[2]]
    for count, (source, (_, op, children)) in enumerate(level, 1):  # grows as it goes
        yield source, op
        level += [(count, child) for child in children]


def _items(text: str) -> list[str]:
    return [item.strip().strip("'\"") for item in text.split(",")]


def _malformed(text: str, why: str) -> InvalidArchitecture:
    return InvalidArchitecture(
        f"{text!r} is no architecture of {NAME}: {why}. Expected what four nodes read and do, such "
        f"as Arch([0, 1, 1, 2], ['gcn', 'cheb', 'gin', 'fc']); operations: {', '.join(OPS)}"
    )
