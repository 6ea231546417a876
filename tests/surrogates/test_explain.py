from __future__ import annotations

from itertools import combinations, permutations

import networkx as nx
import numpy as np
import pytest

from nasbench.core import Candidate, LabeledGraph
from nasbench.errors import InvalidConfig, UnknownMetric
from nasbench.spaces.cell201 import Cell201
from nasbench.testing.toy import ToyBenchmark
from surrogates import motifs
from surrogates.anova import component, decompose
from surrogates.explain import explain
from surrogates.explain_page import render
from surrogates.shapley import attribute

ARITY = (2, 3, 4)


@pytest.fixture
def values(rng):
    return rng.normal(size=ARITY)


def test_components_are_those_of_conditional_means(values):
    found = decompose(values)
    mean = np.mean(list(values.flat))
    assert found.mean == pytest.approx(mean)
    for k, a in enumerate(ARITY):
        for choice in range(a):
            rows = [v for at, v in np.ndenumerate(values) if at[k] == choice]
            assert found.main[k][choice] == pytest.approx(np.mean(rows) - mean)
    for j, k in combinations(range(3), 2):
        for one, other in np.ndindex(ARITY[j], ARITY[k]):
            rows = [v for at, v in np.ndenumerate(values) if (at[j], at[k]) == (one, other)]
            beyond = np.mean(rows) - mean - found.main[j][one] - found.main[k][other]
            assert found.pairs[j, k][one, other] == pytest.approx(beyond)


def test_all_components_sum_to_the_values_and_their_variances_to_the_variance(values):
    sets = [some for size in range(4) for some in combinations(range(3), size)]
    parts = [np.broadcast_to(component(values, some), ARITY) for some in sets]
    np.testing.assert_allclose(sum(parts), values, atol=1e-12)
    variances = [part.var() for part in parts[1:]]
    assert sum(variances) == pytest.approx(values.var())
    found = decompose(values)
    shares = found.main_shares().sum() + np.triu(found.pair_shares()).sum()
    assert shares == pytest.approx(sum(variances[:-1]) / values.var())


def test_a_sum_of_genes_has_no_interactions_and_equal_values_no_shares():
    additive = np.arange(2.0)[:, None, None] + np.arange(3.0)[:, None] ** 2 - np.arange(4.0)
    assert decompose(additive).main_shares().sum() == pytest.approx(1)
    assert decompose(additive).pair_shares() == pytest.approx(0, abs=1e-12)
    assert decompose(np.full(ARITY, 3.0)).main_shares() == pytest.approx(0)


def test_shap_values_sum_to_the_prediction_minus_the_bias(values):
    genes = np.indices(ARITY).reshape(3, -1).T
    found = attribute(genes, values.reshape(-1), ARITY)
    np.testing.assert_allclose(found.values.sum(axis=1), found.predicted - found.bias, atol=1e-5)
    assert found.r2 > 0.5
    again = attribute(genes, values.reshape(-1), ARITY)
    assert np.array_equal(found.values, again.values)


def test_shap_values_of_an_additive_table_are_its_main_effects():
    table = 3.0 * np.arange(2.0)[:, None, None] + np.array([0.0, 5.0, 1.0])[:, None] + np.zeros(4)
    found = attribute(np.indices(ARITY).reshape(3, -1).T, table.reshape(-1), ARITY)
    for k, effect in enumerate(decompose(table).main):
        np.testing.assert_allclose(found.by_choice(k, ARITY[k]), effect, atol=0.1)


def test_motifs_are_the_connected_induced_sub_graphs_that_networkx_finds(rng):
    space = Cell201()
    for arch in space.sample(12, rng):
        graph = space.graph(arch)
        whole = nx.DiGraph([(a, b) for a, b, _ in graph.edges])
        whole.add_nodes_from((k, {"label": label}) for k, label in enumerate(graph.labels))
        unlike: list[nx.DiGraph] = []
        for size in range(2, motifs.MOST_NODES + 1):
            for nodes in combinations(whole, size):
                part = whole.subgraph(nodes)
                if nx.is_weakly_connected(part) and not any(same(part, each) for each in unlike):
                    unlike.append(part)
        assert len(motifs.forms(graph)) == len(unlike)


def same(a, b):
    return nx.is_isomorphic(a, b, node_match=lambda x, y: x == y)


def test_a_motif_is_the_same_however_its_nodes_are_numbered():
    labels, arcs = ("a", "b", "a", "c"), {(0, 1), (1, 3), (2, 3)}
    found = {
        motifs._canonical(
            tuple(labels[k] for k in order),
            frozenset((order.index(a), order.index(b)) for a, b in arcs),
        )
        for order in permutations(range(4))
    }
    assert len(found) == 1


def test_p_values_are_those_of_fishers_exact_test():
    from scipy.stats import fisher_exact

    chain = LabeledGraph(("input", "x", "output"), ((0, 1, 1), (1, 2, 1)))
    other = LabeledGraph(("input", "y", "output"), ((0, 1, 1), (1, 2, 1)))
    graphs = [chain] * 8 + [other] * 12
    best = np.zeros(20, dtype=bool)
    best[[0, 1, 2, 3, 8]] = True
    found = motifs.enriched(graphs, best)
    expected = fisher_exact([[4, 1], [4, 11]], alternative="greater").pvalue
    assert [motif.form[0][-1] for motif in found] == ["x", "y"]
    assert found[0].p_value == pytest.approx(2 * expected)  # the better of two, after B. and H.
    assert found[0].lift == pytest.approx((4 / 5) / (4 / 15))
    assert (found[0].best, found[0].others) == (4, 4)


def test_a_motif_is_drawn_between_gaps():
    labels = ("input", "x", "y")
    drawn = motifs.Motif((labels, ((1, 2), (0, 2))), 1, 1, 1.0, 1.0).picture()
    assert drawn.labels[0] == drawn.labels[-1] == motifs.GAP
    assert all(source < target for source, target, _ in drawn.edges)
    ends = motifs.Motif((("input", "x", "output"), ((0, 1), (1, 2))), 1, 1, 1.0, 1.0).picture()
    assert ends == LabeledGraph(("input", "x", "output"), ((0, 1, 1), (1, 2, 1)))


@pytest.fixture(scope="module")
def toy():
    return ToyBenchmark()


def test_an_explanation_is_of_the_values_that_the_benchmark_gives(toy):
    found = explain(toy, "valid_accuracy")
    everything = [Candidate(toy.space.arch(k)) for k in range(len(toy.space))]
    values = [result.metrics["valid_accuracy"] for result in toy.query(everything)]
    assert found.effects.mean == pytest.approx(np.mean(values))
    assert found.leaders[0][1] == max(values)
    assert found.classes == len({toy.space.canonical(c.arch) for c in everything})


class TwinsApart(ToyBenchmark):
    """Twins were measured one by one: a hidden gene is worth something, too."""

    def query(self, candidates, *, noise_seed=None):
        results = super().query(candidates, noise_seed=noise_seed)
        for candidate, result in zip(candidates, results, strict=True):
            result.metrics["valid_accuracy"] += 0.1 * candidate.arch.genes[1]
        return results


def test_the_best_are_shown_with_their_own_values_where_twins_differ():
    apart = TwinsApart()
    found = explain(apart, "valid_accuracy", leaders=60)
    for arch, value in found.leaders:
        assert apart.query([Candidate(arch)])[0].metrics["valid_accuracy"] == value
    assert len({apart.space.canonical(arch) for arch, _ in found.leaders}) == len(found.leaders)
    hidden = [arch for arch, _ in found.leaders if apart.space.canonical(arch) != arch]
    assert {arch.genes[1] for arch in hidden} == {2}  # the best of its twins


def test_the_page_loads_nothing_and_is_the_same_every_time(toy):
    pages = [render(explain(toy, "valid_accuracy"), toy.space) for _ in range(2)]
    assert pages[0] == pages[1]
    assert "src=" not in pages[0]
    assert 'href="http' not in pages[0]
    assert pages[0].count("<svg") >= 5


def test_what_cannot_be_explained_is_refused(toy):
    with pytest.raises(UnknownMetric, match="did you mean 'valid_accuracy'"):
        explain(toy, "valid_acuracy")


class Unfinished(ToyBenchmark):
    def query(self, candidates, *, noise_seed=None):
        results = super().query(candidates, noise_seed=noise_seed)
        lost = {**results[3].metrics, "valid_accuracy": float("nan")}
        return [*results[:3], type(results[3])(lost, results[3].cost_s), *results[4:]]


def test_a_table_with_a_gap_is_refused():
    with pytest.raises(InvalidConfig, match="lacks 1 of 120"):
        explain(Unfinished(), "valid_accuracy")
