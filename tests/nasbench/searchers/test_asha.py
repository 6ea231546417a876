from __future__ import annotations

import dataclasses
import math
from collections import Counter

import numpy as np
import pytest

from nasbench.core import Architecture, Budget, Candidate
from nasbench.errors import InvalidConfig
from nasbench.harness.run import run
from nasbench.searchers.asha import Asha, Config
from nasbench.testing.toy import ToyBenchmark


class Published:
    """Algorithm 2 of Li et al. (2020), written down from the paper with the same draws."""

    def __init__(self, space, rng, lengths, eta):
        self.space, self.rng, self.lengths, self.eta = space, rng, lengths, eta
        self.rungs = [[] for _ in lengths]  # (loss, number, arch) of every result
        self.promoted = [set() for _ in lengths]

    def get_job(self):
        for k in reversed(range(len(self.lengths) - 1)):
            top = sorted(self.rungs[k])[: len(self.rungs[k]) // self.eta]
            promotable = [entry for entry in top if entry[1] not in self.promoted[k]]
            if promotable:
                self.promoted[k].add(promotable[0][1])
                return Candidate(promotable[0][2], self.lengths[k + 1])
        return Candidate(self.space.sample(1, self.rng)[0], self.lengths[0])

    def update(self, candidate, loss):
        rung = self.rungs[self.lengths.index(candidate.epochs)]
        rung.append((loss, len(rung), candidate.arch))


@pytest.mark.parametrize(
    ("eta", "s", "lengths"), [(2, 0, [1, 2, 4, 8]), (4, 0, [2, 8]), (2, 2, [4, 8])]
)
@pytest.mark.parametrize("running", [1, 6])
def test_it_is_the_published_algorithm(problem, observe, eta, s, lengths, running):
    problem = dataclasses.replace(problem, epochs=(1, 2, 4, 8))
    searcher = Asha(problem, np.random.default_rng(3), Config(eta, s))
    paper = Published(problem.space, np.random.default_rng(3), lengths, eta)
    order, noise, under_way = np.random.default_rng(0), np.random.default_rng(1), []
    for _ in range(400):
        while len(under_way) < running:
            (candidate,) = searcher.ask()
            assert candidate == paper.get_job()
            under_way.append(candidate)
        done = under_way.pop(order.integers(running))
        loss = float(noise.integers(50))  # with ties
        searcher.tell([observe(done, loss)])
        paper.update(done, loss)


def test_workers_share_the_seconds():
    toy, budget = ToyBenchmark(), Budget(400)
    one, four = (run(toy, Asha, 0, budget=budget, workers=k).trajectory for k in (1, 4))
    seconds = [made.spent_s[-1] - made.overhead_s[-1] for made in (one, four)]
    assert seconds[0] / seconds[1] == pytest.approx(4, rel=0.15)
    for made in one, four:
        counts = Counter(made.epochs.tolist())
        assert counts[8] / counts[2] == pytest.approx(1 / 4, rel=0.15)


def test_foreign_results_join_the_rung_of_their_epochs(problem, rng, observe):
    problem = dataclasses.replace(problem, epochs=(1, 2, 4, 8))
    searcher = Asha(problem, rng, Config(eta=2))
    known = [problem.space.arch(index) for index in range(4)]
    searcher.tell([observe(Candidate(arch, 4), float(k)) for k, arch in enumerate(known)])
    searcher.tell([observe(Candidate(arch), -1.0) for arch in known])  # in full: the last rung
    searcher.tell([observe(Candidate(known[0], 3), -9.0)] * 4)  # no rung
    assert searcher.ask(3)[:2] == [Candidate(known[0], 8), Candidate(known[1], 8)]
    assert searcher.ask()[0].epochs == 1


def test_infeasible_and_failed_ones_go_on_last(problem, rng, observe):
    problem = dataclasses.replace(problem, epochs=(1, 8))
    searcher = Asha(problem, rng, Config(eta=2))
    good, failed, infeasible, worst = (problem.space.arch(index) for index in range(4))
    told = [(worst, math.inf, False), (infeasible, 0.0, False), (failed, math.inf, True)]
    for arch, value, feasible in [*told, (good, 5.0, True)]:
        searcher.tell([observe(Candidate(arch, 1), value, feasible=feasible)])
    assert searcher.ask(2) == [Candidate(good, 8), Candidate(failed, 8)]


def test_equal_architectures_go_on_one_by_one(make_problem, rng, observe):
    problem = dataclasses.replace(make_problem(1, 1), epochs=(1, 8))
    searcher = Asha(problem, rng, Config(eta=2))
    searcher.tell([observe(candidate, 0.0) for candidate in searcher.ask(4)])
    arch = Architecture(problem.space.name, (0, 0))
    assert searcher.ask(3) == [Candidate(arch, 8), Candidate(arch, 8), Candidate(arch, 1)]


@pytest.mark.parametrize("setting", [{"eta": 1}, {"s": -1}])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(InvalidConfig, match="eta >= 2 and s >= 0"):
        Config(**setting)


def test_leaving_out_every_rung_is_refused(problem, rng):
    problem = dataclasses.replace(problem, epochs=(1, 8))
    with pytest.raises(InvalidConfig, match=r"rungs \(1, 8\).*s < 2"):
        Asha(problem, rng, Config(eta=2, s=2))
