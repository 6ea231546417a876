"""The space of DARTS (Liu, Simonyan & Yang, ICLR 2019), which NAS-Bench-301 samples: 1.08e18 cells.

A network stacks two cells, a normal one and a reduction cell that halves the resolution. Each has
two inputs, the outputs of the two cells before it, and four nodes; a node adds up two operations on
two different inputs or earlier nodes, and the cell's output is all four nodes, concatenated.

For every cell the genes are, node by node, which pair of sources is read (the first node has no
choice), the operation on the lower source and the operation on the higher one. So no combination
is impossible and none stands twice for the same edges. `mutate` changes an operation (96 of its 128
moves) or a pair of sources (32), as regularized evolution does; the paper (Real et al., AAAI 2019)
gives both kinds the same probability.

Networks are equivalent if their cells compute the same, each instance of a convolution having
weights of its own: see `nasbench.spaces.darts_cells`.
"""

from __future__ import annotations

import difflib
import math
import re
from collections.abc import Sequence
from itertools import chain

from nasbench.core import Architecture, LabeledGraph
from nasbench.errors import InvalidArchitecture
from nasbench.spaces import darts_cells
from nasbench.spaces.darts_cells import ARITY, NODES, OPS, Node
from nasbench.spaces.product import Product

NAME = "darts-v1"
CELLS: tuple[str, ...] = ("normal", "reduce")
"""The cells in the order of the genes."""
EXAMPLE = (
    "Genotype(normal=[('sep_conv_3x3', 0), ('skip_connect', 1), ... 8 in all], "
    "normal_concat=[2, 3, 4, 5], reduce=[...], reduce_concat=[2, 3, 4, 5])"
)
_CONCAT = r"_concat=(?:range\(2,6\)|\[2,3,4,5\])"
_GENOTYPE = re.compile(
    rf"Genotype\(normal=\[(.*)\],normal{_CONCAT},reduce=\[(.*)\],reduce{_CONCAT}\)"
)
_EDGES = re.compile(r"(?:\(['\"](\w+)['\"],(\d)\),?)")


class DartsCells(Product):
    """The space `darts-v1`; genes are 11 choices for the normal and 11 for the reduction cell."""

    name = NAME
    arity = ARITY * len(CELLS)

    def canonical(self, arch: Architecture) -> Architecture:
        """The architecture of the same class with the lexicographically smallest genes."""
        genes = (
            darts_cells.smallest(tuple(map(int, cell)), reduces=kind == "reduce")
            for kind, cell in zip(CELLS, self.cells(arch), strict=True)
        )
        return Architecture(NAME, tuple(chain.from_iterable(genes)))

    def class_size(self, arch: Architecture) -> int:
        """Number of architectures in the class, this one included."""
        return math.prod(
            darts_cells.class_size(cell, reduces=kind == "reduce")
            for kind, cell in zip(CELLS, self.cells(arch), strict=True)
        )

    def graph(self, arch: Architecture) -> LabeledGraph:
        """Operation instances of both cells side by side, with a `sum` for each different node.

        The inputs of the cells are labeled `normal:c(k-2)`, `normal:c(k-1)` and so on. Skips
        dissolve into the sums, except those that halve the resolution, which have weights. A node
        of which the output holds two equal copies leads to it with multiplicity 2.
        """
        labels: list[str] = ["input"]
        edges: list[tuple[int, int, int]] = []
        sums: list[tuple[int, int]] = []
        for kind, genes in zip(CELLS, self.cells(arch), strict=True):
            made = darts_cells.computed(genes, reduces=kind == "reduce")
            sums += darts_cells.draw(made, kind, labels, edges)
        edges += [(node, len(labels), copies) for node, copies in sums]
        return LabeledGraph((*labels, "output"), tuple(sorted(edges)))

    def cells(self, arch: Architecture) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Genes of the normal cell and of the reduction cell."""
        genes = self.genes_of(arch)
        return genes[: len(ARITY)], genes[len(ARITY) :]

    def nodes(self, arch: Architecture) -> tuple[tuple[Node, ...], tuple[Node, ...]]:
        """Nodes of the normal cell and of the reduction cell, each ((source, op), (source, op)).

        Sources are numbered as in genotypes: 0 is the cell before the last one, 1 the last one, 2
        the first node; operations are indices of `OPS`.
        """
        normal, reduction = self.cells(arch)
        return darts_cells.nodes(normal), darts_cells.nodes(reduction)

    def arch_of(self, normal: Sequence[Node], reduction: Sequence[Node]) -> Architecture:
        """The architecture of `nodes`, whose two sources may come in either order.

        Raises:
            InvalidArchitecture: the space does not contain it.
        """
        genes = (*darts_cells.genes(normal), *darts_cells.genes(reduction))
        found = Architecture(NAME, genes)
        self.genes_of(found)
        return found

    def parse(self, text: str) -> Architecture:
        """The architecture of a genotype as DARTS and its successors print it.

        Raises:
            InvalidArchitecture: the text is none, or of another space; it says what is wrong.
        """
        match = _GENOTYPE.fullmatch(re.sub(r"\s", "", text))
        if not match:
            raise _malformed(text, "it is no genotype whose cells put out their four nodes")
        normal, reduction = (
            _parsed(text, kind, edges) for kind, edges in zip(CELLS, match.groups(), strict=True)
        )
        return self.arch_of(normal, reduction)

    def format(self, arch: Architecture) -> str:
        """The genotype, with the lower source of each node first."""
        parts = []
        for kind, nodes in zip(CELLS, self.nodes(arch), strict=True):
            edges = [(OPS[op], source) for node in nodes for source, op in node]
            parts.append(f"{kind}={edges}, {kind}_concat=[2, 3, 4, 5]")
        return f"Genotype({', '.join(parts)})"


def _parsed(text: str, kind: str, edges: str) -> list[Node]:
    """The nodes of one cell's list of (operation, source)."""
    found = _EDGES.findall(edges)
    if len(found) != 2 * NODES or _EDGES.sub("", edges):
        raise _malformed(text, f"the {kind} cell is no list of {2 * NODES} (operation, source)")
    for k, (op, source) in enumerate(found):
        if op not in OPS:
            near = difflib.get_close_matches(op, OPS, n=1)
            hint = f"did you mean {near[0]!r}? " if near else ""
            raise _malformed(text, f"unknown operation {op!r}; {hint}Known: {', '.join(OPS)}")
        if int(source) >= k // 2 + 2:
            raise _malformed(text, f"node {k // 2 + 2} of the {kind} cell reads {source}")
    sources = [(int(source), OPS.index(op)) for op, source in found]
    nodes = list(zip(sources[::2], sources[1::2], strict=True))
    same = [k for k, (a, b) in enumerate(nodes, 2) if a[0] == b[0]]
    if same:
        raise _malformed(text, f"node {same[0]} of the {kind} cell reads one source twice")
    return nodes


def _malformed(text: str, why: str) -> InvalidArchitecture:
    shown = text if len(text) < 60 else f"{text[:57]}..."
    return InvalidArchitecture(f"{shown!r} is no architecture of {NAME}: {why}. Expected {EXAMPLE}")
