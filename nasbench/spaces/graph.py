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
from itertools import permutations, product

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
        return Architecture(NAME, self.digits(int(_canonical_codes()[super().index(arch)])))

    def class_size(self, arch: Architecture) -> int:
        """Number of architectures in the class, this one included."""
        codes = _canonical_codes()
        return int((codes == codes[super().index(arch)]).sum())

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
        return np.compress(_canonical_codes() >= 0, genes, axis=0)

    def classes(self) -> NDArray[np.int32]:
        """Class number of each index, (59040,); classes are ordered by their canonical genes."""
        codes = _canonical_codes()
        return np.unique(codes[codes >= 0], return_inverse=True)[1].astype(np.int32)

    def representatives(self) -> NDArray[np.int32]:
        """Index of the canonical architecture of each class, (26206,)."""
        codes = _canonical_codes()
        canonical = np.unique(codes[codes >= 0])
        return (canonical // (_SKIPS + 1) * _SKIPS + canonical % (_SKIPS + 1)).astype(np.int32)


def number(genes: Sequence[int]) -> int:
    """The key of canonical genes in the data of NAS-Bench-Graph: they are its decimal digits."""
    return int("".join(map(str, genes)))


@cache
def _canonical_codes() -> NDArray[np.int32]:
    """For each code, which has the genes as digits, that of the canonical form; -1 of all skips.

    Where the skips are decides the canonical wiring and which operation goes where in it, up to
    the symmetries of the wiring, among which the smallest code is chosen.
    """
    ops = np.indices((len(OPS),) * 4).reshape(4, -1)
    codes = np.full((len(LINKS), ops.shape[1]), -1, dtype=np.int32)
    for wiring, skips in product(range(len(LINKS)), product((False, True), repeat=4)):
        if all(skips):
            continue
        rows = np.flatnonzero(np.equal(ops.T == SKIP, skips).all(axis=1))
        marked = [SKIP if skip else len(OPS) + k for k, skip in enumerate(skips)]
        found, *places = _genes(_padded(_dissolved(_tree((wiring, *marked)))))
        digits = [
            np.full(len(rows), SKIP) if place == SKIP else ops[place - len(OPS), rows]
            for place in places
        ]
        choices = [_code(found, [digits[k] for k in order]) for order in _symmetries(LINKS[found])]
        codes[wiring, rows] = np.min(choices, axis=0)
    return codes.reshape(-1)


def _code(wiring: int, digits: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    code = np.full(len(digits[0]), wiring)
    for digit in digits:
        code = code * len(OPS) + digit
    return code


def _symmetries(links: Sequence[int]) -> list[tuple[int, ...]]:
    """Orders of the four nodes in which they read one another as in `links`."""

    def keeps(order: tuple[int, ...]) -> bool:
        reads = [order[link - 1] + 1 if link else 0 for link in links]
        return all(links[node] == read for node, read in zip(order, reads, strict=True))

    return [order for order in permutations(range(4)) if keeps(order)]


def _padded(root: Tree) -> Tree:
    """The tree with the skips that dissolved between the input and what reads it."""
    for _ in range(5 + root[0]):
        root = _node(-1, [_node(SKIP, root[2])])
    return root


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
