"""The canonical form against brute force, networkx and known counts: not too coarse, nor fine."""

import itertools
import time
from collections import Counter, defaultdict

import networkx as nx
import numpy as np
import pytest

from nasbench.core import Architecture
from nasbench.spaces import canonical
from nasbench.spaces.cell201 import EDGES, KINDS, NAME, OPS, Cell201
from nasbench.testing.spaces import isomorphic

NONE, SKIP, CONV, POOL = 0, 1, 3, 4


@pytest.fixture(scope="module")
def space():
    return Cell201()


@pytest.fixture(scope="module")
def everyone():
    return list(itertools.product(range(5), repeat=6))


def classes_of(rows):
    found = canonical.instances(np.array(rows, np.int16), EDGES, KINDS)
    return canonical.classes(canonical.signatures(found))[0].tolist()


def same_class(*rows):
    return len({Cell201().canonical(Architecture(NAME, row)) for row in rows}) == 1


# An independent construction, one cell at a time: sums as multisets of named instances.


def instance_graph(genes):
    """Labels of the live instances, and the multiplicity of each (source, target)."""
    sums = {node: Counter() for node in range(4)}
    sums[0]["input"] = 1
    inputs, pools = {"input": Counter()}, {}
    for edge, gene in zip(EDGES, genes, strict=True):
        source, target = edge
        if gene == NONE or not sums[source]:
            continue
        if gene == SKIP:
            sums[target].update(sums[source])
            continue
        name = (OPS[gene], edge)
        if gene == POOL:
            name = pools.setdefault(frozenset(sums[source].items()), name)
        inputs[name] = Counter(sums[source])
        sums[target][name] += 1
    inputs["output"] = sums[3]
    live, agenda = {"input", "output"}, ["output"]
    while agenda:
        for name in inputs[agenda.pop()]:
            agenda += [name] if name not in live else []
            live.add(name)
    labels = {name: name if isinstance(name, str) else name[0] for name in live}
    arcs = {(s, t): k for t in live for s, k in inputs[t].items()}
    return labels, arcs


def certificate(genes):
    """The smallest description of the graph over all orders of its instances."""
    labels, arcs = instance_graph(genes)
    inner = sorted((n for n in labels if n not in ("input", "output")), key=str)
    best = None
    for order in itertools.permutations(inner):
        number = {name: k for k, name in enumerate(("input", *order, "output"))}
        described = (
            tuple(labels[name] for name in number),
            tuple(sorted((number[s], number[t], k) for (s, t), k in arcs.items())),
        )
        best = described if best is None or described < best else best
    return best


def networkx_graph(genes):
    labels, arcs = instance_graph(genes)
    graph = nx.DiGraph()
    graph.add_nodes_from((name, {"label": label}) for name, label in labels.items())
    graph.add_edges_from((s, t, {"k": str(k)}) for (s, t), k in arcs.items())
    return graph


def test_there_are_5260_classes_of_the_known_sizes(space):
    sizes = np.bincount(space.classes())
    assert len(sizes) == len(space.representatives()) == 5260
    assert (sizes == 1).sum() == 4072
    assert sizes.max() == 460
    assert 15625 - (sizes == 1).sum() == 11553


def test_the_disconnected_cells_are_one_class_of_341(space, everyone):
    graph = nx.DiGraph()
    graph.add_nodes_from(range(4))

    def disconnected(genes):
        graph.clear_edges()
        graph.add_edges_from(e for e, gene in zip(EDGES, genes, strict=True) if gene)
        return not nx.has_path(graph, 0, 3)

    lost = [genes for genes in everyone if disconnected(genes)]
    assert len(lost) == 341
    assert len(set(space.class_of(lost).tolist())) == 1
    assert space.class_size(Architecture(NAME, lost[0])) == 341


def test_the_canonical_member_has_the_smallest_genes_of_its_class(space, everyone):
    smallest = {}
    for genes, number in zip(everyone, space.class_of(everyone).tolist(), strict=True):
        smallest.setdefault(number, genes)  # everyone is in ascending order
    assert [smallest[number] for number in range(5260)] == sorted(smallest.values())
    chosen = space.all_genes()[space.representatives()]
    assert list(map(tuple, chosen.tolist())) == [smallest[number] for number in range(5260)]
    for genes in everyone[::37]:
        number = space.class_of([genes])[0]
        assert space.canonical(Architecture(NAME, genes)).genes == smallest[number]


def test_classes_by_index_agree_with_classes_by_genes(space):
    np.testing.assert_array_equal(space.classes(), space.class_of(space.all_genes()))


def test_the_class_size_is_the_number_of_members(space):
    sizes = np.bincount(space.classes())
    for index in range(0, 15625, 1500):
        assert space.class_size(space.arch(index)) == sizes[space.classes()[index]]


def test_signatures_agree_with_brute_force_over_all_orders_of_instances(everyone):
    """720 orders a cell at most; equal certificates are isomorphism by definition."""
    rng = np.random.default_rng(1)
    rows = [everyone[k] for k in rng.choice(len(everyone), 150, replace=False)]
    classes, certificates = classes_of(rows), [certificate(genes) for genes in rows]
    for (c, x), (d, y) in itertools.combinations(zip(classes, certificates, strict=True), 2):
        assert (c == d) == (x == y)


def test_twins_share_their_brute_force_certificate(space, everyone):
    groups = defaultdict(list)
    for genes, number in zip(everyone, space.class_of(everyone).tolist(), strict=True):
        groups[number].append(genes)
    twins = [members for members in groups.values() if len(members) > 1]
    for members in twins[::12]:
        assert len({certificate(members[0]), certificate(members[-1])}) == 1


@pytest.mark.slow
def test_networkx_finds_the_same_5260_classes(space, everyone):
    """All 15,625 graphs, built independently: isomorphic within classes, different across them."""
    buckets = defaultdict(list)
    for genes, number in zip(everyone, space.class_of(everyone).tolist(), strict=True):
        graph = networkx_graph(genes)
        key = tuple(sorted(map(str, (_around(graph, node) for node in graph))))
        others = buckets[key]
        match = next((n for g, n in others if _isomorphic(g, graph)), None)
        assert match in (None, number)
        if match is None:
            others.append((graph, number))
    found = [number for others in buckets.values() for _, number in others]
    assert sorted(found) == list(range(5260))


def _around(graph, node):
    """The label of a node, and the labels and multiplicities next to it."""
    label = graph.nodes(data="label")
    before = sorted((label[s], k) for s, _, k in graph.in_edges(node, data="k"))
    after = sorted((label[t], k) for _, t, k in graph.out_edges(node, data="k"))
    return label[node], before, after


def _isomorphic(a, b):
    return nx.is_isomorphic(a, b, node_match=lambda x, y: x == y, edge_match=lambda x, y: x == y)


def test_the_graph_of_an_architecture_is_the_independently_built_one(space, everyone):
    for genes in everyone[::41]:
        graph = space.graph(Architecture(NAME, genes))
        labels, _ = instance_graph(genes)
        assert Counter(graph.labels) == Counter(labels.values())
        built = nx.DiGraph()
        built.add_nodes_from((k, {"label": label}) for k, label in enumerate(graph.labels))
        built.add_edges_from((s, t, {"k": str(k)}) for s, t, k in graph.edges)
        assert _isomorphic(built, networkx_graph(genes))
        assert (graph.labels[0], graph.labels[-1]) == ("input", "output")


def test_swapping_unconnected_inner_nodes_does_not_change_the_class(space, everyone):
    for a, b, c, d, e, f in everyone[::7]:
        if c == NONE:
            assert same_class((a, b, c, d, e, f), (b, a, c, d, f, e))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param((SKIP, NONE, NONE, NONE, CONV, NONE), (NONE, NONE, NONE, CONV, NONE, NONE),
                     id="a skip before a convolution"),
        pytest.param((CONV, NONE, NONE, SKIP, NONE, NONE), (NONE, NONE, NONE, SKIP, NONE, NONE),
                     id="a dead convolution"),
        pytest.param((NONE, NONE, CONV, SKIP, CONV, NONE), (NONE, NONE, NONE, SKIP, NONE, NONE),
                     id="convolutions of nothing"),
        pytest.param((POOL, POOL, NONE, NONE, CONV, SKIP), (POOL, NONE, SKIP, NONE, CONV, SKIP),
                     id="equal poolings of equal inputs"),
    ],
)  # fmt: skip
def test_cells_that_compute_the_same_are_one_class(one, other):
    assert same_class(one, other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        pytest.param((CONV, CONV, NONE, NONE, SKIP, SKIP), (CONV, SKIP, NONE, NONE, SKIP, NONE),
                     id="two convolutions and one"),
        pytest.param((CONV, CONV, NONE, NONE, SKIP, SKIP), (CONV, NONE, SKIP, NONE, SKIP, SKIP),
                     id="two convolutions and one counted twice"),
        pytest.param((SKIP, SKIP, NONE, NONE, SKIP, SKIP), (NONE, NONE, NONE, SKIP, NONE, NONE),
                     id="the input twice and once"),
        pytest.param((NONE, NONE, NONE, CONV, NONE, NONE), (NONE, NONE, NONE, 2, NONE, NONE),
                     id="a 3x3 convolution and a 1x1"),
        pytest.param((CONV, NONE, NONE, NONE, POOL, NONE), (POOL, NONE, NONE, NONE, CONV, NONE),
                     id="pooling after a convolution and before it"),
    ],
)  # fmt: skip
def test_cells_that_compute_different_families_are_not_one_class(one, other):
    assert not same_class(one, other)


# The other counts of the literature, by short definitions of their own.


def nats_string(genes, *, zero):
    """`to_unique_str` of NATS-Bench; `zero` is its consider_zero."""
    nodes = ["0"]
    for target in (1, 2, 3):
        terms = []
        for (source, into), gene in zip(EDGES, genes, strict=True):
            if into == target:
                if zero and (gene == NONE or nodes[source] == "#"):
                    terms.append("#")
                elif gene == SKIP:
                    terms.append(nodes[source])
                else:
                    terms.append(f"({nodes[source]})@{OPS[gene]}")
        nodes.append("+".join(sorted(terms)))
    return nodes[3]


def without_dead_edges(genes):
    """Genes with `none` on every edge that is not on a path from the input to the output."""
    ahead, behind = {0}, {3}
    for (source, target), gene in zip(EDGES, genes, strict=True):
        ahead |= {target} if gene and source in ahead else set()
    for (source, target), gene in reversed(list(zip(EDGES, genes, strict=True))):
        behind |= {source} if gene and target in behind else set()
    return tuple(
        gene if source in ahead and target in behind else NONE
        for (source, target), gene in zip(EDGES, genes, strict=True)
    )


def relabeled(genes):
    a, b, c, d, e, f = genes
    return min(genes, (b, a, c, d, f, e)) if c == NONE else genes


def flattened(genes):
    """The output as a nested multiset, blind to which convolutions share their weights."""
    sums = [[("input",)], [], [], []]
    for (source, target), gene in zip(EDGES, genes, strict=True):
        if gene == SKIP:
            sums[target] += sums[source]
        elif gene != NONE and sums[source]:
            sums[target].append((OPS[gene], tuple(sorted(sums[source]))))
    return tuple(sorted(sums[3]))


@pytest.mark.parametrize(
    ("form", "count"),
    [
        (lambda genes: nats_string(genes, zero=False), 12751),
        (lambda genes: nats_string(genes, zero=True), 6466),
        (without_dead_edges, 9445),
        (lambda genes: relabeled(without_dead_edges(genes)), 8765),
        (flattened, 4930),
    ],
    ids=["skips collapsed", "skips and zeros", "dead edges", "nodes relabeled", "flattened"],
)
def test_coarser_and_finer_definitions_have_their_known_counts(everyone, form, count):
    assert len({form(genes) for genes in everyone}) == count


def test_the_canonical_form_is_finer_than_sums_flattened_without_regard_to_weights(everyone):
    numbers = classes_of(everyone)
    pairs = {(number, flattened(genes)) for number, genes in zip(numbers, everyone, strict=True)}
    assert len(pairs) == 5260


def test_the_canonical_form_is_coarser_than_removing_dead_edges_and_relabeling(everyone):
    numbers = classes_of(everyone)
    rows = zip(numbers, everyone, strict=True)
    pairs = {(number, relabeled(without_dead_edges(genes))) for number, genes in rows}
    assert len(pairs) == 8765


def test_more_rounds_of_refinement_change_nothing(everyone):
    found = canonical.instances(np.array(everyone, np.int16), EDGES, KINDS)
    for rounds in (1, 3):
        numbers, _ = canonical.classes(canonical.signatures(found, rounds=rounds))
        assert numbers.tolist() == classes_of(everyone)


def test_no_cells_are_no_classes():
    found = canonical.instances(np.zeros((0, 6), np.int16), EDGES, KINDS)
    numbers, first = canonical.classes(canonical.signatures(found))
    assert len(numbers) == len(first) == 0


def test_all_strings_are_canonicalized_in_under_half_a_second(everyone):
    genes = np.array(everyone, np.int16)
    started = time.perf_counter()
    canonical.classes(canonical.signatures(canonical.instances(genes, EDGES, KINDS)))
    assert time.perf_counter() - started < 0.5


def test_the_shipped_isomorphism_check_agrees(space):
    a = space.parse("|nor_conv_3x3~0|+|none~0|none~1|+|none~0|skip_connect~1|none~2|")
    b = space.parse("|none~0|+|none~0|none~1|+|nor_conv_3x3~0|none~1|none~2|")
    assert isomorphic(space.graph(a), space.graph(b))
    assert space.canonical(a) == space.canonical(b)
