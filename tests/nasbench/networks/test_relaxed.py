from __future__ import annotations

import numpy as np
import pytest
import torch

from nasbench.networks.gin import Graphs
from nasbench.networks.graph_ensemble import seeded_ensemble
from nasbench.networks.relaxed import GeneGraphs, descend
from nasbench.spaces.cell201 import EDGES, Cell201
from nasbench.testing.toy import ToySpace

SPACE = Cell201()
GENES = GeneGraphs(SPACE)


class Preferring:
    """Predicts minus the share of one wanted choice of each gene, whatever the edges."""

    def __init__(self, wanted):
        self.wanted = torch.from_numpy(SPACE.encode([wanted])[0])

    def __call__(self, graphs: Graphs):
        return -(graphs.nodes.sum(dim=1) @ self.wanted)[None, :, None]


def test_a_gene_is_read_by_those_whose_edges_begin_where_its_own_ends():
    edges = GENES(torch.zeros(1, 30)).edges[0].numpy()
    for k, (source, _) in enumerate(EDGES):
        assert [EDGES[j][1] for j in np.flatnonzero(edges[k])] == [source] * int(edges[k].sum())
    assert edges.sum() == 4  # 01 -> 12, 13; 02, 12 -> 23


def test_in_other_spaces_a_gene_reads_all_earlier_ones():
    space = ToySpace()
    graphs = GeneGraphs(space).of(space.encode([space.arch(7)]))
    assert graphs.edges[0].tolist() == np.tri(4, k=-1).tolist()
    assert graphs.nodes[0].sum(dim=0).tolist() == space.encode([space.arch(7)])[0].tolist()
    assert graphs.nodes[0].sum(dim=1).tolist() == [1, 1, 1, 1]


def test_shares_of_each_gene_sum_to_one_and_harden_as_the_temperature_falls():
    alphas = torch.from_numpy(np.random.default_rng(0).normal(size=(3, 30))).float()
    for temperature in (10.0, 1.0, 1e-3):
        shares = GENES.shares(alphas, temperature).reshape(3, 6, 5)
        torch.testing.assert_close(shares.sum(dim=2), torch.ones(3, 6))
    assert shares.max(dim=2).values.min() > 0.99
    assert GENES.discretized(alphas) == [tuple(row) for row in shares.argmax(dim=2).tolist()]


def test_slopes_are_those_of_finite_differences():
    net = seeded_ensemble(30, 0, members=2, width=8, layers=2).double()
    with torch.no_grad():
        net.out.weight += torch.linspace(-1, 1, 16, dtype=torch.float64).reshape(2, 8, 1)
    rng = np.random.default_rng(1)
    alphas = torch.from_numpy(rng.normal(size=(1, 30))).requires_grad_()

    def predicted(x):
        graphs = GENES(GENES.shares(x, 0.7))
        h = Graphs(graphs.nodes.double(), graphs.edges.double(), graphs.real)
        return net(h)[..., 0].mean()

    (slope,) = torch.autograd.grad(predicted(alphas), [alphas])
    step = torch.from_numpy(rng.normal(size=(1, 30))) * 1e-5
    with torch.no_grad():
        change = (predicted(alphas + step) - predicted(alphas - step)) / 2
    assert change.item() == pytest.approx((slope * step).sum().item(), rel=1e-3)


def test_descent_finds_the_architecture_that_is_predicted_best():
    wanted = SPACE.arch(4_321)
    start = np.random.default_rng(0).normal(size=(8, 30))
    alphas = descend(Preferring(wanted), GENES, start, steps=40, lr=0.1)
    found = GENES.discretized(alphas)
    assert found.count(wanted.genes) >= 6  # the others started too far away
    assert GENES.discretized(torch.from_numpy(start)).count(wanted.genes) == 0
