from __future__ import annotations

import numpy as np

from nasbench.networks.gene_ensemble import GeneEnsemble
from nasbench.networks.relaxed import GeneGraphs, descend
from nasbench.spaces.cell201 import EDGES, Cell201
from nasbench.testing.toy import ToySpace

SPACE = Cell201()
GENES = GeneGraphs(SPACE)


class Preferring:
    """Predicts minus the share of one wanted choice of each gene, whatever the edges."""

    def __init__(self, wanted):
        self.wanted = SPACE.encode([wanted])[0]

    def slopes(self, nodes):
        return np.broadcast_to(-self.wanted, (1, *nodes.shape))


def test_a_gene_is_read_by_those_whose_edges_begin_where_its_own_ends():
    for k, (source, _) in enumerate(EDGES):
        reads = np.flatnonzero(GENES.edges[k])
        assert [EDGES[j][1] for j in reads] == [source] * len(reads)
    assert GENES.edges.sum() == 4  # 01 -> 12, 13; 02, 12 -> 23


def test_in_other_spaces_a_gene_reads_all_earlier_ones():
    space = ToySpace()
    genes = GeneGraphs(space)
    encoded = space.encode([space.arch(7)])
    assert genes.edges.tolist() == np.tri(4, k=-1).tolist()
    assert genes(encoded)[0].sum(axis=0).tolist() == encoded[0].tolist()
    assert genes(encoded)[0].sum(axis=1).tolist() == [1, 1, 1, 1]


def test_shares_of_each_gene_sum_to_one_and_harden_as_the_temperature_falls():
    alphas = np.random.default_rng(0).normal(size=(3, 30)).astype(np.float32)
    for temperature in (10.0, 1.0, 1e-3):
        shares = GENES.shares(alphas, temperature).reshape(3, 6, 5)
        np.testing.assert_allclose(shares.sum(axis=2), 1, rtol=1e-6)
    assert shares.max(axis=2).min() > 0.99
    assert GENES.discretized(alphas) == [tuple(row) for row in shares.argmax(axis=2).tolist()]


def test_slopes_are_those_of_finite_differences(rng):
    net = GeneEnsemble(GENES.edges, 30, rng, members=2, width=8, layers=2)
    out = net.parameters.value["out.weight"]
    out[:] = np.linspace(-1, 1, out.size).reshape(out.shape)
    alphas = rng.normal(size=(50, 30))

    def predicted(x):
        return net(GENES(GENES.shares(x.astype(np.float32), 0.7))).mean(axis=0)

    slopes = GENES.slopes(net, alphas.astype(np.float32), 0.7)
    step = rng.normal(size=(50, 30)) * 1e-3
    change = (predicted(alphas + step) - predicted(alphas - step)) / 2
    close = np.isclose((slopes * step).sum(axis=1), change, atol=0.02 * change.std())
    assert close.mean() > 0.9  # of a few the step crosses the kink of a rectifier


def test_descent_finds_the_architecture_that_is_predicted_best():
    wanted = SPACE.arch(4_321)
    start = np.random.default_rng(0).normal(size=(8, 30))
    alphas = descend(Preferring(wanted), GENES, start, steps=40, lr=0.1)
    found = GENES.discretized(alphas)
    assert found.count(wanted.genes) >= 6  # the others started too far away
    assert GENES.discretized(start).count(wanted.genes) == 0
