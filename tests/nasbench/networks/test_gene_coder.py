from __future__ import annotations

from itertools import product

import numpy as np
import pytest
import torch

from nasbench.networks.gene_coder import seeded_gene_coder, train

ARITY = (2, 3, 1)
EVERYTHING = torch.tensor(list(product(*map(range, ARITY))))


@pytest.fixture
def coder():
    return seeded_gene_coder(ARITY, seed=0, hidden=8)


def test_the_decoder_is_a_distribution_over_the_space(coder):
    with torch.no_grad():
        latents = coder.encode(EVERYTHING[:1]).expand(len(EVERYTHING), -1, -1)
        total = coder.log_likelihood(latents, EVERYTHING).sum(dim=1).exp().sum()
    assert total.item() == pytest.approx(1, abs=1e-5)


def test_decoding_takes_the_likeliest_gene_after_those_before_it(coder):
    latents = coder.encode(EVERYTHING).detach()
    for latent, found in zip(latents, coder.decode(latents), strict=True):
        for k, choices in enumerate(ARITY):
            others = found.repeat(choices, 1)
            others[:, k] = torch.arange(choices)
            likelihoods = coder.log_likelihood(latent.expand(choices, -1, -1), others)[:, k]
            assert likelihoods.argmax() == found[k]


def test_latents_have_length_one(coder):
    lengths = coder.encode(EVERYTHING).norm(dim=2)
    torch.testing.assert_close(lengths, torch.ones_like(lengths))


def test_seeds_decide_the_weights_and_global_generators_nothing():
    latents = []
    for seed, other in ((3, 0), (3, 1), (4, 0)):
        torch.manual_seed(other)
        before = torch.get_rng_state()
        latents.append(seeded_gene_coder(ARITY, seed, hidden=8).encode(EVERYTHING))
        assert torch.equal(torch.get_rng_state(), before)
    assert torch.equal(latents[0], latents[1])
    assert not torch.equal(latents[0], latents[2])


@pytest.mark.slow
def test_it_learns_to_rewrite_and_to_predict():
    arity, rng = (3,) * 5, np.random.default_rng(0)
    genes = torch.tensor(list(product(range(3), repeat=5)))
    y = genes.float().mean(dim=1) - 1
    coder = seeded_gene_coder(arity, seed=0, hidden=32)
    options = {"steps": 400, "batch": 64, "lr": 1e-2, "trade_off": 0.5}
    seen = torch.from_numpy(rng.permutation(len(genes)))
    train(coder, genes[seen[:160]], y[seen[:160]], rng, **options)
    latents = coder.encode(genes[seen[160:]]).detach()
    assert (coder.decode(latents) == genes[seen[160:]]).float().mean() > 0.9
    predicted = coder.predict(latents).detach().numpy()
    assert np.corrcoef(predicted, y[seen[160:]].numpy())[0, 1] > 0.95
