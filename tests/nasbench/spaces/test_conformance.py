"""The shipped conformance class: spaces that pass it, and faulty ones that it must catch."""

import dataclasses
import random

import numpy as np
import pytest

from nasbench.core import Architecture, LabeledGraph
from nasbench.spaces.cell201 import Cell201
from nasbench.testing.spaces import SpaceConformance, isomorphic
from nasbench.testing.toy import ToySpace


class TestCell201(SpaceConformance):
    @pytest.fixture
    def space(self):
        return Cell201()


class TestToySpace(SpaceConformance):
    @pytest.fixture
    def space(self):
        return ToySpace()


class TestSpaceOfOne(SpaceConformance):
    @pytest.fixture
    def space(self):
        return ToySpace((1, 1))


class GlobalSampling(ToySpace):
    def sample(self, n, rng):
        return [self.arch(random.randrange(len(self))) for _ in range(n)]


class GlobalMutation(ToySpace):
    def mutate(self, arch, rng):
        return random.choice(self.neighbors(arch))


class SkewedSampling(ToySpace):
    def sample(self, n, rng):
        drawn = (rng.random(n) ** 2 * len(self)).astype(int)
        return [self.arch(index) for index in drawn]


class StuckMutation(ToySpace):
    def mutate(self, arch, rng):
        return self.neighbors(arch)[0]


class FarMutation(ToySpace):
    def mutate(self, arch, rng):
        return self.sample(1, rng)[0]


class MissingNeighbor(ToySpace):
    def neighbors(self, arch):
        return super().neighbors(arch)[1:]


class RestlessNeighbors(ToySpace):
    def neighbors(self, arch):
        return random.sample(super().neighbors(arch), k=len(super().neighbors(arch)))


class OneParent(ToySpace):
    def crossover(self, a, b, rng):
        self._checked(b)
        return super().crossover(a, a, rng)


class WanderingCanonical(ToySpace):
    def canonical(self, arch):
        return self.arch((self.index(arch) + 1) % len(self))


class TooCoarse(ToySpace):
    def canonical(self, arch):
        genes = super().canonical(arch).genes
        return Architecture(self.name, (*genes[:-1], 0))

    def graph(self, arch):
        return ToySpace().graph(arch)


class TooFine(ToySpace):
    def canonical(self, arch):
        self._checked(arch)
        return arch

    def graph(self, arch):
        return super().graph(super().canonical(arch))


class DoubleEncoding(ToySpace):
    def encode(self, archs):
        return super().encode(archs).astype(np.float64)


class Lenient(ToySpace):
    def index(self, arch):
        return super().index(dataclasses.replace(arch, space=self.name))


class OffByOne(ToySpace):
    def arch(self, index):
        return super().arch((index + 1) % len(self))


@pytest.mark.parametrize(
    ("faulty", "check"),
    [
        (GlobalSampling, "the_generator_passed_in_decides_everything"),
        (GlobalMutation, "the_generator_passed_in_decides_everything"),
        (SkewedSampling, "samples_are_uniform"),
        (StuckMutation, "mutation_draws_uniformly_among_the_neighbors"),
        (FarMutation, "mutation_draws_uniformly_among_the_neighbors"),
        (MissingNeighbor, "neighbors_are_exactly_the_valid_architectures_one_gene_away"),
        (RestlessNeighbors, "neighbors_are_symmetric_and_in_a_fixed_order"),
        (OneParent, "crossover_takes_each_gene_from_either_parent"),
        (WanderingCanonical, "the_canonical_form_is_valid_and_its_own"),
        (TooCoarse, "graphs_are_isomorphic_exactly_within_a_class"),
        (TooFine, "graphs_are_isomorphic_exactly_within_a_class"),
        (DoubleEncoding, "the_encoding_is_the_one_hot_genes"),
        (Lenient, "an_architecture_of_another_space_is_refused"),
        (OffByOne, "index_and_architecture_round_trip"),
        (OffByOne, "an_index_out_of_range_is_refused"),
    ],
)
def test_a_faulty_space_is_caught(faulty, check):
    space = faulty()
    archs = space.sample(50, np.random.default_rng(0))
    method = getattr(SpaceConformance(), f"test_{check}")
    wanted = method.__code__.co_varnames[1 : method.__code__.co_argcount]
    with pytest.raises((AssertionError, pytest.fail.Exception)):
        method(**{name: {"space": space, "archs": archs}[name] for name in wanted})


def test_isomorphism_looks_at_labels_and_multiplicities():
    labels = ("input", "a", "b", "output")
    graph = LabeledGraph(labels, ((0, 1, 1), (0, 2, 2), (1, 3, 1), (2, 3, 1)))
    reordered = LabeledGraph(
        ("input", "b", "a", "output"), ((0, 1, 2), (0, 2, 1), (1, 3, 1), (2, 3, 1))
    )
    relabeled = LabeledGraph(("input", "a", "a", "output"), graph.edges)
    reweighted = LabeledGraph(labels, ((0, 1, 2), (0, 2, 1), (1, 3, 1), (2, 3, 1)))
    assert isomorphic(graph, reordered)
    assert not isomorphic(graph, relabeled)
    assert not isomorphic(graph, reweighted)
