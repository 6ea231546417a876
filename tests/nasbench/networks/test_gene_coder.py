from __future__ import annotations

import math
from itertools import product

import numpy as np
import pytest
import torch
from torch import nn

from nasbench.networks.gene_coder import GeneCoder

ARITY = (2, 3, 1)
EVERYTHING = np.array(list(product(*map(range, ARITY))))
Y = np.random.default_rng(5).normal(size=len(EVERYTHING))


@pytest.fixture
def coder():
    return GeneCoder(ARITY, np.random.default_rng(0), hidden=8)


def twin(coder):
    """The coder that torch differentiates, with the same weights, and these by name."""
    plain = Plain(ARITY, hidden=8)
    linear = {"inner": plain.predictor[0], "outer": plain.predictor[2], "out": plain.out}
    weights = {"tokens": [plain.embedding.weight]}
    for name, part in linear.items():
        weights |= {f"{name}.weight": [part.weight], f"{name}.bias": [part.bias]}
    for name, part in (("encoder", plain.encoder), ("decoder", plain.decoder)):
        weights |= {f"{name}.input": [part.weight_ih_l0], f"{name}.state": [part.weight_hh_l0]}
        weights[f"{name}.bias"] = [part.bias_ih_l0, part.bias_hh_l0]
    for name, parts in weights.items():
        for part, value in zip(parts, ours(name, coder.parameters.value), strict=True):
            part.data = torch.from_numpy(value.copy())
    return plain, weights


def ours(name, arrays):
    """Arrays as torch has them: weights are transposed, the biases of an LSTM are two."""
    if name.endswith((".weight", ".input", ".state")):
        return [arrays[name].T]
    return list(arrays[name]) if name in ("encoder.bias", "decoder.bias") else [arrays[name]]


def test_latents_predictions_and_likelihoods_are_those_of_torch(coder):
    plain, _ = twin(coder)
    genes = torch.from_numpy(EVERYTHING)
    expected = plain.encode(genes)
    latents = coder.encode(EVERYTHING)
    pairs = [
        (latents, expected),
        (coder.predict(latents), plain.predict(expected)),
        (coder.log_likelihood(latents, EVERYTHING), plain.log_likelihood(expected, genes)),
    ]
    for found, wanted in pairs:
        np.testing.assert_allclose(found, wanted.detach(), rtol=1e-4, atol=1e-5)


def test_slopes_of_the_weights_are_those_that_torch_derives(coder):
    plain, weights = twin(coder)
    coder.backward(EVERYTHING, Y.astype(np.float32), 0.8)
    genes = torch.from_numpy(EVERYTHING)
    latents = plain.encode(genes)
    error = ((plain.predict(latents) - torch.from_numpy(Y).float()) ** 2).mean()
    (0.8 * error - 0.2 * plain.log_likelihood(latents, genes).mean()).backward()
    for name, parts in weights.items():
        for part, found in zip(parts, ours(name, coder.parameters.slope), strict=True):
            np.testing.assert_allclose(found, part.grad, rtol=1e-3, atol=1e-5, err_msg=name)


def test_slopes_of_predictions_are_those_that_torch_derives(coder):
    latents = coder.encode(EVERYTHING)
    at = torch.from_numpy(latents).requires_grad_()
    (expected,) = torch.autograd.grad(twin(coder)[0].predict(at).sum(), [at])
    np.testing.assert_allclose(coder.slopes(latents), expected, rtol=1e-4, atol=1e-6)


def test_training_takes_the_steps_that_torch_takes(coder):
    plain, _ = twin(coder)
    before = coder.predict(coder.encode(EVERYTHING))
    options = {"steps": 10, "batch": 4, "lr": 1e-2, "trade_off": 0.8}
    coder.fit(EVERYTHING, Y, np.random.default_rng(1), **options)
    genes, y = torch.from_numpy(EVERYTHING), torch.from_numpy(Y).float()
    train(plain, genes, y, np.random.default_rng(1), **options)
    expected = plain.predict(plain.encode(genes)).detach()
    np.testing.assert_allclose(coder.predict(coder.encode(EVERYTHING)), expected, atol=5e-3)
    assert np.abs(before - expected.numpy()).max() > 0.05


def test_the_decoder_is_a_distribution_over_the_space(coder):
    latents = np.repeat(coder.encode(EVERYTHING[:1]), len(EVERYTHING), axis=0)
    total = np.exp(coder.log_likelihood(latents, EVERYTHING).sum(axis=1)).sum()
    assert total == pytest.approx(1, abs=1e-5)


def test_decoding_takes_the_likeliest_gene_after_those_before_it(coder):
    latents = coder.encode(EVERYTHING)
    for latent, found in zip(latents, coder.decode(latents), strict=True):
        for k, choices in enumerate(ARITY):
            others = np.repeat(found[None], choices, axis=0)
            others[:, k] = np.arange(choices)
            same = np.repeat(latent[None], choices, axis=0)
            assert coder.log_likelihood(same, others)[:, k].argmax() == found[k]


def test_latents_have_length_one(coder):
    np.testing.assert_allclose(np.linalg.norm(coder.encode(EVERYTHING), axis=2), 1, rtol=1e-5)


def test_the_generator_decides_the_weights():
    latents = [
        GeneCoder(ARITY, np.random.default_rng(seed), hidden=8).encode(EVERYTHING)
        for seed in (3, 3, 4)
    ]
    assert np.array_equal(latents[0], latents[1])
    assert not np.array_equal(latents[0], latents[2])


@pytest.mark.slow
def test_it_learns_to_rewrite_and_to_predict():
    arity, rng = (3,) * 5, np.random.default_rng(0)
    genes = rng.permutation(np.array(list(product(range(3), repeat=5))))
    y = genes.mean(axis=1) - 1
    coder = GeneCoder(arity, rng, hidden=32)
    options = {"steps": 400, "batch": 64, "lr": 1e-2, "trade_off": 0.5}
    coder.fit(genes[:160], y[:160], rng, **options)
    latents = coder.encode(genes[160:])
    assert (coder.decode(latents) == genes[160:]).mean() > 0.9
    assert np.corrcoef(coder.predict(latents), y[160:])[0, 1] > 0.95


class Plain(nn.Module):
    """The coder in torch, which derives its slopes by itself."""

    def __init__(self, arity, *, hidden):
        super().__init__()
        choices = np.array(arity)
        self.exists = torch.from_numpy(np.arange(choices.max()) < choices[:, None])
        self.offsets = torch.from_numpy(1 + np.cumsum(choices) - choices)
        self.embedding = nn.Embedding(1 + int(choices.sum()), hidden)
        self.encoder = nn.LSTM(hidden, hidden, batch_first=True)
        self.predictor = nn.Sequential(nn.Linear(hidden, hidden), nn.ReLU(), nn.Linear(hidden, 1))
        self.decoder = nn.LSTM(hidden, hidden, batch_first=True)
        self.out = nn.Linear(2 * hidden, int(choices.max()))

    def encode(self, genes):
        states, _ = self.encoder(self.embedding(self.offsets + genes))
        return nn.functional.normalize(states, dim=-1)

    def predict(self, latents):
        return self.predictor(latents.mean(dim=1))[:, 0]

    def log_likelihood(self, latents, genes):
        written = (self.offsets + genes)[:, :-1]
        tokens = torch.cat([torch.zeros_like(genes[:, :1]), written], dim=1)
        start = latents[:, -1].contiguous()[None]
        states, _ = self.decoder(self.embedding(tokens), (start, torch.zeros_like(start)))
        attention = (states @ latents.transpose(1, 2)).softmax(dim=-1)
        logits = self.out(torch.cat([states, attention @ latents], dim=-1))
        logits = logits.masked_fill(~self.exists, -math.inf)
        return logits.log_softmax(dim=-1).gather(2, genes[:, :, None]).squeeze(2)


def train(coder, genes, y, rng, *, steps, batch, lr, trade_off):
    adam = torch.optim.Adam(coder.parameters(), lr)
    for some in torch.from_numpy(rng.integers(len(y), size=(steps, batch))):
        latents = coder.encode(genes[some])
        error = ((coder.predict(latents) - y[some]) ** 2).mean()
        rewriting = -coder.log_likelihood(latents, genes[some]).mean()
        adam.zero_grad()
        (trade_off * error + (1 - trade_off) * rewriting).backward()
        nn.utils.clip_grad_norm_(coder.parameters(), 5.0)
        adam.step()
