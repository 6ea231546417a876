from __future__ import annotations

import dataclasses
import math
from collections import Counter
from itertools import product

import numpy as np
import pytest
from scipy.stats import binomtest, chisquare

from nasbench.core import Architecture, Candidate
from nasbench.errors import InvalidConfig
from nasbench.searchers.bohb import Bohb, Config, Density

ARITY = (2, 3, 4, 1)
GENES = np.array([(0, 0, 0, 0), (0, 2, 3, 0), (0, 2, 1, 0), (0, 1, 3, 0), (0, 2, 3, 0)])


def kernel_density(x, genes, arity, bandwidth):
    """Eq. 2 with Aitchison & Aitken's kernel, term by term."""
    total = 0.0
    for row in genes:
        term = 1.0
        for j, choices in enumerate(arity):
            if x[j] == row[j]:
                term *= 1 - bandwidth[j]
            else:
                term *= bandwidth[j] / (choices - 1)
        total += term
    return total / len(genes)


def everything(arity):
    return np.array(list(product(*map(range, arity))))


def test_the_density_is_that_of_aitchison_and_aitken():
    density = Density(GENES, np.array(ARITY))
    found = np.exp(density.log(everything(ARITY)))
    expected = [kernel_density(x, GENES, ARITY, density.bandwidth) for x in everything(ARITY)]
    np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_the_density_sums_to_one():
    density = Density(GENES[:, :3], np.array(ARITY[:3]))
    assert np.exp(density.log(everything(ARITY[:3]))).sum() == pytest.approx(1)


def test_draws_follow_the_density():
    density, n = Density(GENES, np.array(ARITY)), 20_000
    drawn = Counter(map(tuple, density.draw(n, np.random.default_rng(0)).tolist()))
    cells = everything(ARITY)
    chances = np.exp(density.log(cells))
    chances /= chances.sum()  # the gene without choice keeps a bandwidth
    common = chances * n > 5
    share = chances[common] / chances[common].sum()
    seen = np.array([drawn[tuple(cell)] for cell in cells.tolist()])
    assert chisquare(seen[common], share * seen[common].sum()).pvalue > 1e-4


def test_a_bandwidth_is_the_normal_reference_of_a_binary_gene():
    genes = np.array([[0], [1], [1], [1], [0], [1]])
    sigma = genes.std()  # of the numbers 0 and 1
    expected = 1.06 * sigma * 6 ** (-1 / 5)
    assert Density(genes, np.array([2])).bandwidth == pytest.approx([expected])


def test_bandwidths_do_not_depend_on_how_choices_are_numbered():
    rng = np.random.default_rng(0)
    genes, arity = rng.integers(5, size=(30, 6)), np.full(6, 5)
    renamed = rng.permutation(5)[genes]
    found = Density(renamed, arity).bandwidth
    np.testing.assert_allclose(found, Density(genes, arity).bandwidth)


def test_bandwidths_stay_between_the_least_and_uniform():
    arity = np.array([5, 2, 1])
    alike = Density(np.zeros((9, 3), dtype=int), arity).bandwidth
    assert alike.tolist() == [1e-3] * 3
    spread = Density(np.array([[0, 0, 0], [1, 1, 0], [2, 0, 0]]), arity).bandwidth
    assert (spread <= [0.8, 0.5, 1e-3]).all()


@pytest.fixture
def long(make_problem):
    """Makes a problem on a toy space with the training lengths 1 and 8."""
    return lambda *arity: dataclasses.replace(make_problem(*arity), epochs=(1, 8))


def rows(problem, n, epochs, observe, seed=0):
    """Observations of n different architectures with random values, the best first."""
    picked = np.random.default_rng(seed).permutation(len(problem.space))[:n]
    values = np.sort(np.random.default_rng(seed + 1).random(n))
    archs = [problem.space.arch(int(i)) for i in picked]
    return [observe(Candidate(a, epochs), float(v)) for a, v in zip(archs, values, strict=True)]


def best_by_hand(problem, ranked, good, known):
    """The architecture with the largest l / g that is not known, by brute force."""
    d = len(problem.space.arity)
    n_l = max(d + 1, int(good * len(ranked)))
    n_g = max(d + 1, len(ranked) - n_l)
    genes = np.array([seen.candidate.arch.genes for seen in ranked])
    arity = np.array(problem.space.arity)
    l, g = Density(genes[:n_l], arity), Density(genes[len(genes) - n_g :], arity)  # noqa: E741
    left = [problem.space.arch(i) for i in range(len(problem.space))]
    left = [arch for arch in left if arch not in known]
    ratios = [
        kernel_density(a.genes, genes[:n_l], arity, l.bandwidth)
        / kernel_density(a.genes, genes[len(genes) - n_g :], arity, g.bandwidth)
        for a in left
    ]
    return left[int(np.argmax(ratios))]


@pytest.mark.parametrize("n", [7, 12, 60])
def test_proposals_are_the_best_new_ones_by_l_over_g(long, rng, observe, n):
    problem = long()
    ranked = rows(problem, n, 8, observe)
    searcher = Bohb(problem, rng, Config(random=0.0, draws=5_000))
    searcher.tell(list(np.random.default_rng(2).permutation(np.array(ranked, dtype=object))))
    known = set()
    for candidate in searcher.ask(4):  # enough draws to contain every architecture
        assert candidate.arch == best_by_hand(problem, ranked, 0.15, known)
        known.add(candidate.arch)


def test_the_model_is_that_of_the_longest_training_with_enough_results(long, observe):
    problem, config = long(), Config(random=0.0, draws=5_000)
    short, full = rows(problem, 40, 1, observe), rows(problem, 7, 8, observe, seed=5)
    for told, used in ([*short, *full[:6]], short), ([*short, *full], full):
        searcher = Bohb(problem, np.random.default_rng(0), config)
        searcher.tell(told)
        assert searcher.ask()[0].arch == best_by_hand(problem, used, 0.15, set())


def test_before_there_is_a_model_it_draws_uniformly(long, observe):
    problem, twin = long(), np.random.default_rng(0)
    searcher = Bohb(problem, np.random.default_rng(0), Config())
    searcher.tell(rows(problem, 6, 8, observe))  # one less than N_min + 2
    for candidate in searcher.ask(30):
        twin.random()
        assert candidate.arch == problem.space.sample(1, twin)[0]


def marked(space, **methods):
    """The space with other methods, such as one whose draws can be told from proposals."""
    return type("Marked", (type(space),), methods)(space.arity)


def test_the_share_of_uniform_draws_is_rho(long, observe):
    problem = long(6, 6, 6, 6)
    mark = Architecture(problem.space.name, (5, 5, 5, 5))
    space = marked(problem.space, sample=lambda self, n, rng: [mark] * n)
    told = rows(problem, 60, 8, observe)
    problem = dataclasses.replace(problem, space=space)
    searcher = Bohb(problem, np.random.default_rng(0), Config(random=0.25))
    searcher.tell(told)
    drawn = sum(candidate.arch == mark for candidate in searcher.ask(100))
    assert binomtest(drawn, 100, 0.25).pvalue > 1e-3


def test_infeasible_and_failed_ones_are_bad(long, observe):
    problem = long()
    ranked = rows(problem, 40, 8, observe)
    broken = [
        observe(seen.candidate, math.inf if k % 2 else -1.0, feasible=bool(k % 2))
        for k, seen in enumerate(ranked[:20])
    ]
    ordered = [*ranked[20:], *broken[1::2], *broken[::2]]
    searcher = Bohb(problem, np.random.default_rng(0), Config(random=0.0, draws=5_000))
    searcher.tell([*broken, *ranked[20:]])
    assert searcher.ask()[0].arch == best_by_hand(problem, ordered, 0.15, set())


def test_a_proposal_stays_inside_a_restricted_space(long, rng, observe):
    problem = long()
    inside = Architecture(problem.space.name, (1, 2, 3, 1))
    space = marked(
        problem.space,
        is_valid=lambda self, arch: arch.genes[3] != 2,
        sample=lambda self, n, rng: [inside] * n,
    )
    problem = dataclasses.replace(problem, space=space)
    searcher = Bohb(problem, rng, Config(random=0.0))
    middle = [Architecture(space.name, (1, b, c, 2)) for b in range(3) for c in range(4)]
    searcher.tell([observe(Candidate(a, 8), -1.0) for a in middle])
    searcher.tell(rows(problem, 50, 8, observe))
    assert all(space.is_valid(c.arch) for c in searcher.ask(30))


@pytest.mark.parametrize("setting", [{"eta": 1}, {"random": 1.5}, {"good": 0.0}, {"draws": 0}])
def test_impossible_settings_are_refused(setting):
    with pytest.raises(InvalidConfig, match="expected eta >= 2, 0 <= random <= 1"):
        Config(**setting)
