import itertools
import math

import numpy as np
import pytest
import torch

from nasbench.networks.controller import seeded_controller

ARITY = (2, 4, 3)
EVERYTHING = list(itertools.product(*map(range, ARITY)))


@pytest.fixture
def controller():
    """Far from uniform, so that mistakes show."""
    return seeded_controller(ARITY, 0, hidden=8, layers=2, span=1.5)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def step_by_step(controller, genes):
    """(probabilities of every choice) of each decision, by the cells of the LSTM one after another.

    Written from the equations of the LSTM, sharing the weights only.
    """
    layers = controller.lstm.num_layers
    h = [torch.zeros(controller.lstm.hidden_size) for _ in range(layers)]
    c = [torch.zeros(controller.lstm.hidden_size) for _ in range(layers)]
    token, first, result = 0, 1, []
    for i, gene in enumerate(genes):
        x = controller.embedding.weight[token]
        for k in range(layers):
            w = {
                name: getattr(controller.lstm, f"{name}_l{k}")
                for name in ("weight_ih", "weight_hh", "bias_ih", "bias_hh")
            }
            gates = w["weight_ih"] @ x + w["bias_ih"] + w["weight_hh"] @ h[k] + w["bias_hh"]
            read, forget, new, out = gates.chunk(4)
            c[k] = forget.sigmoid() * c[k] + read.sigmoid() * new.tanh()
            h[k] = x = out.sigmoid() * c[k].tanh()
        logits = (x @ controller.weight[i] + controller.bias[i])[: ARITY[i]]
        if controller.squash:
            temperature, constant = controller.squash
            logits = constant * (logits / temperature).tanh()
        result.append(logits.exp() / logits.exp().sum())
        token, first = first + gene, first + ARITY[i]
    return result


@pytest.mark.parametrize("squash", [None, (5.0, 2.5)])
def test_log_probabilities_are_those_of_the_lstm_run_by_hand(squash):
    controller = seeded_controller(ARITY, 1, hidden=8, layers=2, span=1.5, squash=squash)
    with torch.no_grad():
        log_pi, entropies = controller(torch.tensor(EVERYTHING))
        by_hand = [step_by_step(controller, genes) for genes in EVERYTHING]
    for row, genes in enumerate(EVERYTHING):
        for i, chances in enumerate(by_hand[row]):
            assert float(log_pi[row, i].exp()) == pytest.approx(float(chances[genes[i]]), abs=1e-6)
            plain = -float((chances * chances.log()).sum())
            assert float(entropies[row, i]) == pytest.approx(plain, abs=1e-5)


def test_the_probabilities_of_everything_sum_to_one(controller):
    with torch.no_grad():
        log_pi, _ = controller(torch.tensor(EVERYTHING))
    assert float(log_pi.sum(dim=1).exp().sum()) == pytest.approx(1, abs=1e-5)


def test_the_mean_entropy_of_a_row_is_the_entropy_of_the_policy(controller):
    with torch.no_grad():
        log_pi, entropies = controller(torch.tensor(EVERYTHING))
    chances = log_pi.sum(dim=1).exp()
    joint = -float((chances * chances.log()).sum())
    assert float((chances * entropies.sum(dim=1)).sum()) == pytest.approx(joint, abs=1e-4)


def test_draws_are_as_frequent_as_they_are_probable(controller, rng):
    log_pi, _ = controller(torch.tensor(EVERYTHING))
    expected = log_pi.sum(dim=1).exp().detach().numpy()
    numbers = np.ravel_multi_index(controller.sample(20_000, rng).T, ARITY)
    found = np.bincount(numbers, minlength=len(EVERYTHING)) / 20_000
    assert np.abs(found - expected).max() < 5 * math.sqrt(expected.max() / 20_000)
    assert expected.max() > 3 / len(EVERYTHING)  # not uniform, or the test would see little


def test_a_forced_decision_is_certain_and_the_others_share_what_is_allowed(controller, rng):
    allowed = torch.zeros(1, 3, 4, dtype=torch.bool)
    allowed[0, 0, 1] = allowed[0, 1, [1, 3]] = allowed[0, 2] = True
    some = [genes for genes in EVERYTHING if genes[0] == 1 and genes[1] in (1, 3)]
    with torch.no_grad():
        log_pi, entropies = controller(torch.tensor(some), allowed.expand(len(some), -1, -1))
    assert log_pi[:, 0].tolist() == entropies[:, 0].tolist() == [0.0] * len(some)
    assert float(log_pi.sum(dim=1).exp().sum()) == pytest.approx(1, abs=1e-5)
    drawn = controller.sample(200, rng, allowed.expand(200, -1, -1))
    assert {tuple(row) for row in drawn.tolist()} == set(some)


def test_gradients_are_finite_where_choices_are_not_allowed(controller):
    allowed = torch.zeros(1, 3, 4, dtype=torch.bool)
    allowed[0, :, :2] = True
    log_pi, entropies = controller(torch.tensor([[0, 1, 1]]), allowed)
    (log_pi.sum() + entropies.sum()).backward()
    assert all(p.grad.isfinite().all() for p in controller.parameters())


def test_the_likeliest_come_first_and_none_is_missing(controller):
    rows = controller.likeliest()
    assert sorted(map(tuple, rows.tolist())) == EVERYTHING
    log_pi, _ = controller(torch.from_numpy(rows))
    assert np.all(np.diff(log_pi.sum(dim=1).detach().numpy()) <= 1e-6)


def test_weights_are_uniform_within_the_span_and_decided_by_the_seed():
    def weights(seed, global_seed=0):
        torch.manual_seed(global_seed)
        before = torch.get_rng_state()
        made = seeded_controller(ARITY, seed, hidden=30, layers=1, span=0.1)
        assert torch.equal(torch.get_rng_state(), before)
        return torch.cat([p.detach().flatten() for p in made.parameters()])

    first = weights(1)
    assert 0.099 < float(first.abs().max()) <= 0.1
    assert float(first.std()) == pytest.approx(0.1 / math.sqrt(3), rel=0.05)
    assert torch.equal(first, weights(1, global_seed=9))
    assert not torch.equal(first, weights(2))
