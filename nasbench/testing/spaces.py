"""What every search space must do; subclass `SpaceConformance` and give it your space."""

from __future__ import annotations

import math
import random
import re
from collections import Counter
from collections.abc import Callable, Hashable, Iterable
from itertools import combinations
from typing import Any

import networkx as nx
import numpy as np
import pytest

from nasbench.core import Architecture, LabeledGraph, Space
from nasbench.errors import InvalidArchitecture, WrongSpace


def isomorphic(a: LabeledGraph, b: LabeledGraph) -> bool:
    """Whether two graphs differ only in the order of their nodes: networkx's independent answer."""
    return nx.is_isomorphic(
        _networkx(a),
        _networkx(b),
        node_match=lambda x, y: x["label"] == y["label"],
        edge_match=lambda x, y: x["multiplicity"] == y["multiplicity"],
    )


class SpaceConformance:
    """Put a space through the protocol::

    class TestMySpace(SpaceConformance):
        @pytest.fixture
        def space(self):
            return MySpace()
    """

    @pytest.fixture
    def space(self) -> Space:
        """The space under test; a subclass gives it."""
        raise NotImplementedError("override the fixture `space` and return your space from it")

    @pytest.fixture
    def archs(self, space: Space) -> list[Architecture]:
        """All architectures of a small space, a random 50 of a large one."""
        if len(space) <= 50:
            return [space.arch(index) for index in range(len(space))]
        return space.sample(50, np.random.default_rng(0))

    def test_the_name_is_versioned(self, space: Space) -> None:
        assert re.fullmatch(r"\S+-v\d+", space.name)

    def test_the_size_is_at_most_the_product_of_the_choices(self, space: Space) -> None:
        assert min(space.arity) >= 1
        assert 1 <= len(space) <= math.prod(space.arity)

    def test_architectures_are_valid_and_inside_the_arity(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        for arch in archs:
            assert space.is_valid(arch)
            assert arch.space == space.name
            assert len(arch.genes) == len(space.arity)
            assert all(0 <= g < k for g, k in zip(arch.genes, space.arity, strict=True))

    def test_index_and_architecture_round_trip(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        for arch in archs:
            assert 0 <= space.index(arch) < len(space)
            assert space.arch(space.index(arch)) == arch
        assert space.index(space.arch(0)) == 0
        assert space.index(space.arch(len(space) - 1)) == len(space) - 1

    def test_text_and_architecture_round_trip(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        for arch in archs:
            assert space.parse(space.format(arch)) == arch
        assert len({space.format(arch) for arch in archs}) == len(set(archs))

    def test_samples_are_as_many_as_asked_for(self, space: Space) -> None:
        for n in (0, 1, 7):
            drawn = space.sample(n, np.random.default_rng(1))
            assert len(drawn) == n
            assert all(map(space.is_valid, drawn))

    def test_samples_are_uniform(self, space: Space) -> None:
        bins = min(len(space), 20)
        drawn = space.sample(2000, np.random.default_rng(2))
        counts = Counter(space.index(arch) * bins // len(space) for arch in drawn)
        ends = [-(-k * len(space) // bins) for k in range(bins + 1)]  # bin k starts at ends[k]
        shares = {k: (ends[k + 1] - ends[k]) / len(space) for k in range(bins)}
        assert_frequencies(counts, shares)

    def test_mutation_draws_uniformly_among_the_neighbors(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        rng = np.random.default_rng(3)
        for arch in archs[:3]:
            around = space.neighbors(arch) or [arch]
            counts = Counter(space.mutate(arch, rng) for _ in range(40 * len(around)))
            assert_frequencies(counts, dict.fromkeys(around, 1 / len(around)))

    def test_neighbors_are_exactly_the_valid_architectures_one_gene_away(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        for arch in archs[:10]:
            around = space.neighbors(arch)
            expected = {
                near
                for i, choices in enumerate(space.arity)
                for gene in range(choices)
                if gene != arch.genes[i]
                if space.is_valid(near := _with_gene(arch, i, gene))
            }
            assert len(around) == len(set(around))
            assert set(around) == expected

    def test_neighbors_are_symmetric_and_in_a_fixed_order(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        for arch in archs[:10]:
            assert space.neighbors(arch) == space.neighbors(arch)
            assert all(arch in space.neighbors(near) for near in space.neighbors(arch))

    def test_crossover_takes_each_gene_from_either_parent(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        rng = np.random.default_rng(4)
        for a, b in zip(archs[:5], archs[::-1], strict=False):
            children = [space.crossover(a, b, rng) for _ in range(60)]
            assert all(map(space.is_valid, children))
            for i, pair in enumerate(zip(a.genes, b.genes, strict=True)):
                assert {child.genes[i] for child in children} == set(pair)

    def test_the_generator_passed_in_decides_everything(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        a, b = archs[0], archs[-1]

        def draws(seed: int, elsewhere: int) -> list[Architecture]:
            random.seed(elsewhere)
            np.random.seed(elsewhere)  # noqa: NPY002 - the global generator is what must not matter
            rng = np.random.default_rng(seed)
            moves = [space.mutate(a, rng) for _ in range(20)]
            return [*moves, *space.sample(20, rng), space.crossover(a, b, rng)]

        assert draws(5, elsewhere=1) == draws(5, elsewhere=2)
        assert len(space) == 1 or draws(5, elsewhere=1) != draws(6, elsewhere=1)

    def test_the_canonical_form_is_valid_and_its_own(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        for arch in archs:
            form = space.canonical(arch)
            assert space.is_valid(form)
            assert space.canonical(form) == form

    def test_graphs_are_isomorphic_exactly_within_a_class(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        for arch in archs:
            assert isomorphic(space.graph(arch), space.graph(space.canonical(arch)))
        for a, b in combinations(archs[:25], 2):
            together = space.canonical(a) == space.canonical(b)
            assert isomorphic(space.graph(a), space.graph(b)) == together

    def test_graphs_are_acyclic_and_in_order(self, space: Space, archs: list[Architecture]) -> None:
        for arch in archs:
            graph = space.graph(arch)
            assert graph == space.graph(arch)
            assert len(graph.labels) >= 2
            assert list(graph.edges) == sorted(graph.edges)
            assert len({edge[:2] for edge in graph.edges}) == len(graph.edges)
            for source, target, multiplicity in graph.edges:
                assert 0 <= source < target < len(graph.labels)
                assert multiplicity >= 1

    def test_the_encoding_is_the_one_hot_genes(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        encoded = space.encode(archs)
        assert encoded.dtype == np.float32
        expected = [
            [
                float(gene == k)
                for gene, n in zip(a.genes, space.arity, strict=True)
                for k in range(n)
            ]
            for a in archs
        ]
        np.testing.assert_array_equal(encoded, np.array(expected, np.float32))
        assert space.encode([]).shape == (0, sum(space.arity))

    def test_an_architecture_of_another_space_is_refused(
        self, space: Space, archs: list[Architecture]
    ) -> None:
        foreign = Architecture("another-space-v1", archs[0].genes)
        assert not space.is_valid(foreign)
        for call in _calls(space, archs[0], foreign):
            with pytest.raises(WrongSpace, match="another-space-v1"):
                call()

    def test_impossible_genes_are_refused(self, space: Space, archs: list[Architecture]) -> None:
        genes, own = archs[0].genes, archs[0]
        for wrong in ((), genes[1:], (*genes, 0), (-1, *genes[1:]), (*genes[:-1], space.arity[-1])):
            arch = Architecture(space.name, wrong)
            assert not space.is_valid(arch)
            for call in _calls(space, own, arch):
                with pytest.raises(InvalidArchitecture):
                    call()

    def test_an_index_out_of_range_is_refused(self, space: Space) -> None:
        for index in (-1, len(space)):
            with pytest.raises(InvalidArchitecture, match=str(index)):
                space.arch(index)

    def test_a_text_that_means_nothing_is_refused(self, space: Space) -> None:
        for text in ("", "no such architecture"):
            with pytest.raises(InvalidArchitecture):
                space.parse(text)


def assert_frequencies(counts: Counter[Any], probabilities: dict[Any, float]) -> None:
    """Fail if counts are not those of draws with the given probabilities: chi-squared, 6 sigma."""
    n = counts.total()
    assert set(counts) <= set(probabilities), "something was drawn that should not be"
    excess = sum((counts[key] - n * p) ** 2 / (n * p) for key, p in probabilities.items())
    freedom = len(probabilities) - 1
    assert excess <= freedom + 6 * math.sqrt(2 * freedom) + 1e-9


def _calls(space: Space, own: Architecture, arch: Architecture) -> Iterable[Callable[[], object]]:
    """Everything that can be asked about an architecture."""
    rng = np.random.default_rng(0)
    return (
        lambda: space.canonical(arch),
        lambda: space.mutate(arch, rng),
        lambda: space.crossover(arch, own, rng),
        lambda: space.crossover(own, arch, rng),
        lambda: space.neighbors(arch),
        lambda: space.encode([own, arch]),
        lambda: space.graph(arch),
        lambda: space.format(arch),
        lambda: space.index(arch),
    )


def _with_gene(arch: Architecture, i: int, gene: int) -> Architecture:
    return Architecture(arch.space, (*arch.genes[:i], gene, *arch.genes[i + 1 :]))


def _networkx(graph: LabeledGraph) -> nx.DiGraph[Hashable]:
    found: nx.DiGraph[Hashable] = nx.DiGraph()
    found.add_nodes_from((i, {"label": label}) for i, label in enumerate(graph.labels))
    found.add_edges_from((s, t, {"multiplicity": k}) for s, t, k in graph.edges)
    return found
