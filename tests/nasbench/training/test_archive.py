from __future__ import annotations

import dataclasses
import math
from collections import Counter

import numpy as np
import pytest
from scipy.stats import norm

from nasbench.core import Budget, Candidate, Metric, Observation, Problem
from nasbench.spaces.size import Size
from nasbench.testing.toy import ToySpace
from nasbench.training import archive
from nasbench.training.archive import Archive, scores


@pytest.fixture
def problem():
    accuracy = Metric("valid_accuracy", "%", "higher", "valid")
    return Problem(ToySpace(), epochs=(1, 8), objectives=(accuracy,), budget=Budget(200))


@pytest.fixture
def make(problem):
    def start(problem=problem, initial=1, cap=500, seed=0):
        return Archive(problem, np.random.default_rng(seed), initial=initial, cap=cap)

    return start


def seen(arch, value, *, feasible=True, epochs=None):
    return Observation(Candidate(arch, epochs), (value,), cost_s=1.0, feasible=feasible)


def nothing():
    return ()


def test_scores_are_normal_quantiles_of_the_ranks():
    found = scores([(False, 3.0), (False, -5.0), (False, 4.0), (False, 1e9)])
    np.testing.assert_allclose(found, norm.ppf([0.375, 0.125, 0.625, 0.875]))


def test_infeasible_ones_score_after_feasible_and_failed_after_finished():
    ranks = [(True, math.inf), (False, math.inf), (True, -9.0), (False, 2.0)]
    assert np.argsort(scores(ranks)).tolist() == [3, 1, 2, 0]


def test_equal_ones_score_the_same():
    found = scores([(False, 1.0), (False, 1.0), (False, 0.0), (False, math.inf)])
    assert found[0] == found[1] == pytest.approx(0)  # the mean of ranks 2 and 3 of 4
    assert (scores([(False, math.inf)] * 5) == 0).all()


def test_every_class_is_proposed_once_and_then_nothing(make, problem):
    space, asked = problem.space, make().ask(1000, nothing)
    forms = Counter(space.canonical(candidate.arch) for candidate in asked)
    everything = {space.canonical(space.arch(k)) for k in range(len(space))}
    assert set(forms) == everything
    assert max(forms.values()) == 1


def test_a_space_too_large_to_list_never_ends(problem, monkeypatch):
    monkeypatch.setattr(archive, "MAX_LISTED", 100)
    begun = Archive(problem, np.random.default_rng(0), initial=1, cap=9)
    assert len(begun.ask(200, nothing)) == 200


def test_the_first_ones_are_draws_and_then_batches_follow(make, problem):
    begun, fixed = make(initial=3), [problem.space.arch(k) for k in (100, 101, 102)]
    begun.tell([seen(problem.space.arch(5), 0.0)])
    asked = [candidate.arch for candidate in begun.ask(6, lambda: fixed)]
    assert asked[3:] == fixed
    assert len(set(asked)) == 6


def test_without_any_word_there_are_only_draws(make):
    def never():
        pytest.fail("a batch was made from nothing")

    assert len(make(initial=2).ask(20, never)) == 20


def test_what_others_evaluated_meanwhile_is_not_proposed(make, problem):
    begun, fixed = make(initial=0), [problem.space.arch(k) for k in (100, 101, 102)]
    begun.tell([seen(problem.space.arch(5), 0.0)])
    assert begun.ask(1, lambda: fixed)[0].arch == fixed[0]
    begun.tell([seen(fixed[1], 0.0)])
    assert begun.ask(1, lambda: fixed)[0].arch == fixed[2]


def test_the_best_are_feasible_and_finished_ones_first(make, problem):
    begun, archs = make(), [problem.space.arch(k) for k in range(100, 104)]
    told = zip(archs, (3.0, math.inf, -9.0, 1.0), (True, True, False, True), strict=True)
    begun.tell([seen(arch, value, feasible=feasible) for arch, value, feasible in told])
    assert begun.best(9) == [archs[3], archs[0], archs[1], archs[2]]


def test_shorter_trainings_are_no_data(make, problem):
    begun = make()
    arch = problem.space.arch(100)
    begun.tell([seen(arch, 0.0, epochs=1)])
    assert begun.best(5) == []
    begun.tell([seen(arch, 0.0, epochs=8)])
    assert begun.best(5) == [arch]


def test_data_are_capped_to_the_best_half_and_a_choice_of_others(make, problem):
    begun, space = make(cap=20), problem.space
    archs = [space.arch(k) for k in range(60, 120)]  # no twins
    begun.tell([seen(arch, float(k)) for k, arch in enumerate(archs)])
    chosen, y = begun.data()
    expected = scores([(False, float(k)) for k in range(60)])
    assert chosen[:10] == archs[:10]
    assert len(set(chosen)) == 20
    np.testing.assert_array_equal(y, [expected[archs.index(arch)] for arch in chosen])


def test_it_is_due_again_after_a_twentieth_more(make, problem):
    begun, space = make(), problem.space
    assert begun.due()
    begun.tell([seen(space.arch(k), 0.0) for k in range(60, 100)])
    begun.data()
    begun.tell([seen(space.arch(100), 0.0)])
    assert not begun.due()
    begun.tell([seen(space.arch(101), 0.0)])
    assert begun.due()


def test_mutants_are_new_and_within_so_many_mutations(make, problem):
    begun, parent = make(), problem.space.arch(119)
    begun.tell([seen(parent, 0.0)])
    near = begun.mutants([parent], 50)
    assert set(near) == set(problem.space.neighbors(parent)) - {parent}
    far = begun.mutants([parent], 100, most=2)
    distances = {sum(map(int.__ne__, arch.genes, parent.genes)) for arch in far}
    assert distances == {1, 2}


def test_candidates_stay_inside_a_restricted_space(problem):
    class Restricted(ToySpace):
        def is_valid(self, arch):
            return super().is_valid(arch) and arch.genes[3] != 2

        def sample(self, n, rng):
            return [self.arch(119)] * n

        def mutate(self, arch, rng):
            return next(near for near in self.neighbors(arch) if self.is_valid(near))

    space = Restricted()
    begun = Archive(
        dataclasses.replace(problem, space=space), np.random.default_rng(0), initial=1, cap=9
    )
    asked = [candidate.arch for candidate in begun.ask(200, nothing)]
    assert all(map(space.is_valid, asked))
    assert len(asked) == len({space.canonical(a) for a in asked}) > 60


def test_draws_in_a_large_space_are_uniform(problem):
    large = dataclasses.replace(problem, space=Size())
    drawn = Archive(large, np.random.default_rng(1), initial=1, cap=9).draws(800)
    firsts = np.bincount([arch.genes[0] for arch in drawn], minlength=8)
    assert ((firsts > 60) & (firsts < 145)).all()  # 100 each, more than 4 standard deviations
