"""One cell of the DARTS space: its genes, what it computes, and which cells compute the same.

Every node is a sum of *instances* with multiplicities, an instance being an input of the cell or
one operation applied to one sum. An identity passes its sum on, equal poolings of equal sums are
one instance, and instances with weights are never equal. In a reduction cell a skip from an input
of the cell is a strided convolution with weights ("factorized reduce"). The output is a
concatenation, in which order means nothing, as all that reads it has weights for every channel. Two
cells compute the same if their sums are the same, for some matching of their instances.

The cells of a class are found by writing the sums down again, in every order and from every pair of
earlier sums that yields them.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations, groupby, product

OPS: tuple[str, ...] = (
    "max_pool_3x3",
    "avg_pool_3x3",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
)
"""Operations by number, in the order of NAS-Bench-301."""
NODES = 4
PAIRS: tuple[tuple[tuple[int, int], ...], ...] = tuple(
    tuple(combinations(range(k + 2), 2)) for k in range(NODES)
)
"""Pairs of sources that each node can read, by number; sources 0 and 1 are the cell's inputs."""
ARITY: tuple[int, ...] = tuple(
    choices
    for pairs in PAIRS
    for choices in ((len(pairs),) if len(pairs) > 1 else ()) + (len(OPS),) * 2
)
"""Choices of each gene of a cell: (7, 7, 3, 7, 7, 6, 7, 7, 10, 7, 7)."""
POOLINGS = (OPS.index("max_pool_3x3"), OPS.index("avg_pool_3x3"))
SKIP = OPS.index("skip_connect")
INPUT = -1

Edge = tuple[int, int]
"""(source, operation)."""
Node = tuple[Edge, Edge]
Sum = tuple[int, ...]
"""Numbers of instances, sorted, as often as they are added."""


@dataclass(frozen=True, slots=True)
class Computed:
    """What a cell computes."""

    instances: tuple[tuple[int, Sum], ...]
    """(operation, what it is applied to); the first two are the inputs."""
    sums: tuple[Sum, ...]
    """The nodes."""
    reduces: bool


def nodes(genes: Sequence[int]) -> tuple[Node, ...]:
    """The nodes of a cell, the lower source of each first."""
    given, found = iter(genes), []
    for pairs in PAIRS:
        a, b = pairs[next(given) if len(pairs) > 1 else 0]
        found.append(((a, int(next(given))), (b, int(next(given)))))
    return tuple(found)


def genes(nodes: Sequence[Node]) -> tuple[int, ...]:
    """The genes of a cell whose nodes may name their two different sources in either order."""
    found: list[int] = []
    for pairs, node in zip(PAIRS, nodes, strict=True):
        (a, first), (b, second) = sorted(node)
        found += [pairs.index((a, b))] if len(pairs) > 1 else []
        found += [first, second]
    return tuple(found)


def computed(genes: Sequence[int], *, reduces: bool) -> Computed:
    """What a cell computes; `reduces` if it is a reduction cell."""
    instances: list[tuple[int, Sum]] = [(INPUT, ()), (INPUT, ())]
    values: list[Sum] = [(0,), (1,)]
    for node in nodes(genes):
        terms: list[int] = []
        for source, op in node:
            made = (op, values[source])
            if _passes(source, op, reduces):
                terms += values[source]
            elif op in POOLINGS and made in instances:
                terms.append(instances.index(made))
            else:
                terms.append(len(instances))
                instances.append(made)
        values.append(tuple(sorted(terms)))
    return Computed(tuple(instances), tuple(values[2:]), reduces)


@lru_cache(maxsize=1 << 14)
def smallest(genes: tuple[int, ...], *, reduces: bool) -> tuple[int, ...]:
    """The lexicographically smallest genes of a cell that computes the same."""
    cell = computed(genes, reduces=reduces)
    found = _smallest(cell, _Written(((0,), (1,))), Counter(cell.sums))
    return genes if found is None else found  # never None: the cell itself is one way


def class_size(genes: tuple[int, ...], *, reduces: bool) -> int:
    """How many cells compute the same."""
    cell = computed(genes, reduces=reduces)
    return len(set(_all(cell, _Written(((0,), (1,))), Counter(cell.sums))))


def draw(
    cell: Computed, kind: str, labels: list[str], edges: list[tuple[int, int, int]]
) -> list[tuple[int, int]]:
    """Appends a cell to a graph whose node 0 is its input; returns (node, copies) of each sum."""
    place: list[int] = []
    place_of: dict[Sum, int] = {}

    def add(label: str, sources: Iterable[int]) -> int:
        labels.append(label)
        added = Counter(sources).items()
        edges.extend((source, len(labels) - 1, count) for source, count in added)
        return len(labels) - 1

    def place_of_sum(value: Sum) -> int:
        if value not in place_of:
            place_of[value] = add("sum", [place[term] for term in value])
        return place_of[value]

    for number, (op, value) in enumerate(cell.instances):
        if op == INPUT:
            place.append(add(f"{kind}:c(k-{2 - number})", [0]))
            place_of[number,] = place[number]
        else:
            place.append(add(OPS[op], [place_of_sum(value)]))
    return [(place_of_sum(value), copies) for value, copies in Counter(cell.sums).items()]


def _passes(source: int, op: int, reduces: bool) -> bool:
    """Whether an edge is an identity."""
    return op == SKIP and not (reduces and source < 2)


@dataclass(frozen=True, slots=True)
class _Written:
    """The sums of the inputs and the first nodes of a cell that is being written down."""

    sums: tuple[Sum, ...]
    made: frozenset[int] = frozenset()
    """The instances in them: one with weights cannot be made again."""

    def then(self, value: Sum) -> _Written:
        return _Written((*self.sums, value), self.made | {*value})


def _smallest(cell: Computed, written: _Written, left: Counter[Sum]) -> tuple[int, ...] | None:
    """The smallest genes of the nodes whose sums are `left`; None if they cannot be written."""
    if not left:
        return ()
    steps = sorted(_steps(cell, written, left))
    for head, group in groupby(steps, key=lambda step: step[0]):
        tails = [_smallest(cell, written.then(v), left - Counter((v,))) for _, v in group]
        possible = [tail for tail in tails if tail is not None]
        if possible:
            least: tuple[int, ...] = head + min(possible)
            return least
    return None


def _all(cell: Computed, written: _Written, left: Counter[Sum]) -> Iterator[tuple[int, ...]]:
    """All genes of the nodes whose sums are `left`."""
    if not left:
        yield ()
    for genes, value in set(_steps(cell, written, left)):
        for rest in _all(cell, written.then(value), left - Counter((value,))):
            yield genes + rest


def _steps(
    cell: Computed, written: _Written, left: Counter[Sum]
) -> Iterator[tuple[tuple[int, ...], Sum]]:
    """Genes of a node that comes next, and its sum."""
    pairs = PAIRS[len(written.sums) - 2] if left else ()
    for value in left:
        terms = [_terms(cell, source, written, value) for source in range(len(written.sums))]
        for number, (a, b) in enumerate(pairs):
            for (op, some), (other, more) in product(terms[a], terms[b]):
                twice = some == more and op not in (SKIP, *POOLINGS)
                if not twice and tuple(sorted(some + more)) == value:
                    yield ((number, op, other) if len(pairs) > 1 else (op, other)), value


def _terms(cell: Computed, source: int, written: _Written, wanted: Sum) -> list[tuple[int, Sum]]:
    """What an edge from a source can add to the sum `wanted`, by operation."""
    given = written.sums[source]
    found = [(SKIP, given)] if _passes(source, SKIP, cell.reduces) else []
    for number in sorted(set(wanted)):
        op, of = cell.instances[number]
        if op != INPUT and of == given and (op in POOLINGS or number not in written.made):
            found.append((op, (number,)))
    return found
