from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.distributions import Categorical, Normal, kl_divergence

from nasbench.networks.gin import padded
from nasbench.networks.graph_coder import GraphCoder, divergence_from_normal
from nasbench.spaces.cell201 import Cell201


@pytest.fixture
def data():
    space = Cell201()
    archs = [space.canonical(a) for a in space.sample(300, np.random.default_rng(0))]
    graphs = [space.graph(arch) for arch in archs]
    labels = sorted({label for graph in graphs for label in graph.labels})
    return padded(graphs, labels), np.array([a.genes for a in archs]), len(labels)


def test_the_divergence_is_that_of_torch():
    rng = torch.Generator().manual_seed(0)
    mean, log_variance = torch.randn(2, 7, 5, generator=rng)
    theirs = kl_divergence(Normal(mean, (log_variance / 2).exp()), Normal(0.0, 1.0)).sum(dim=1)
    torch.testing.assert_close(divergence_from_normal(mean, log_variance), theirs)


def test_the_likelihood_is_the_product_over_genes():
    coder = GraphCoder(4, (2, 5, 3), seed=0, width=8, latent=3)
    latents = torch.randn(6, 3, generator=torch.Generator().manual_seed(1))
    genes = torch.tensor([[0, 4, 2], [1, 0, 0], [1, 3, 1], [0, 2, 2], [0, 0, 1], [1, 1, 0]])
    logits = coder._decoder(latents)
    parts = (logits[:, :2], logits[:, 2:7], logits[:, 7:])
    expected = sum(Categorical(logits=p).log_prob(genes[:, k]) for k, p in enumerate(parts))
    torch.testing.assert_close(coder.log_likelihood(latents, genes), expected)


def test_training_raises_the_likelihood_of_genes_at_their_latents(data):
    graphs, genes, labels = data

    def likelihood(coder):
        z = torch.from_numpy(coder.encode(graphs)).float()
        return coder.log_likelihood(z, torch.from_numpy(genes)).mean().item()

    coder = GraphCoder(labels, (5,) * 6, seed=0, width=32, latent=16)
    coder.fit(graphs, genes, np.random.default_rng(0), steps=150, batch=64, lr=3e-3)
    shares = np.stack([np.bincount(column, minlength=5) for column in genes.T]) / len(genes)
    alone = np.log(shares[np.arange(6), genes]).sum(axis=1).mean()  # the best without the graph
    assert likelihood(coder) > alone + 1


def test_seeds_decide_all_and_global_generators_nothing(data):
    graphs, genes, labels = data
    latents = []
    for seed, other in ((3, 0), (3, 1), (4, 0)):
        torch.manual_seed(other)
        before = torch.get_rng_state()
        coder = GraphCoder(labels, (5,) * 6, seed, width=8, latent=4)
        coder.fit(graphs, genes, np.random.default_rng(0), steps=3, batch=16, lr=1e-3)
        latents.append(coder.encode(graphs))
        assert torch.equal(torch.get_rng_state(), before)
    np.testing.assert_array_equal(latents[0], latents[1])
    assert not np.array_equal(latents[0], latents[2])
