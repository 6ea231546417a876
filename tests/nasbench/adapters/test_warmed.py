"""warm-start and zero-cost-warmup: what the first draws are, and what is never looked at."""

import copy
from dataclasses import dataclass, replace
from types import SimpleNamespace

import numpy as np
import pytest

from nasbench import registry
from nasbench.adapters.warm_start import best_on_average
from nasbench.adapters.warmed import Warmed, distinct
from nasbench.core import Architecture, Budget, Candidate, Constraint
from nasbench.errors import InvalidConfig, UnknownName, UnknownSearcher, WrongSpace
from nasbench.harness.problem import find_searcher
from nasbench.harness.run import run
from nasbench.spaces.restricted import Restricted
from nasbench.testing.elsewhere import play_elsewhere
from nasbench.testing.games import as_lists, make_problem, play
from nasbench.testing.searchers import SearcherConformance
from nasbench.testing.toy import ToyBenchmark, ToySpace

PHOTOS = "cell201/digits-on-photos"
CELLS = registry.space("cell201-v1")


class FamilyConformance(SearcherConformance):
    reference, quick = "", {}

    @pytest.fixture
    def factory(self):
        return find_searcher(self.reference)[1]

    @pytest.fixture
    def space(self):
        return CELLS

    @pytest.fixture
    def config(self, factory):
        return factory.Config(**self.quick)

    def test_another_process_proposes_the_same(self, start, problem, config):
        there = play_elsewhere(self.reference, problem.space, config, 5, 40)
        assert there == as_lists(play(start(5), problem, 40))


@pytest.mark.slow
class TestWarmStart(FamilyConformance):
    reference = "warm-start:regularized-evolution"

    def test_it_opens_neither_benchmark_nor_task(self, start, problem, monkeypatch):
        """It opens tables of other tasks, see below, but no task."""
        monkeypatch.setattr(registry, "task", lambda name: pytest.fail(f"opens {name}"))
        play(start(), problem, 40)


@pytest.mark.slow
class TestZeroCostWarmup(FamilyConformance):
    reference = "zero-cost-warmup:regularized-evolution"
    quick = {"proxy": "params", "pool": 30}  # noqa: RUF012


class Source(ToyBenchmark):
    """A toy table of some task, with values of our own."""

    def __init__(self, task="other", values=lambda genes: sum(genes), space=None):
        super().__init__(space)
        self.task, self.values = task, values

    def rows(self):
        genes, columns = super().rows()
        values = np.array([float(self.values(row)) for row in genes.tolist()])
        return genes, {**columns, "valid_accuracy": values}


@pytest.fixture
def tables(monkeypatch):
    """Registered toy benchmarks by name, each of the task it is named after; records openings."""
    known, opened, names = {}, [], registry.names

    def benchmark(name):
        opened.append(name)
        return known[name]

    monkeypatch.setattr(registry, "benchmark", benchmark)
    ours = registry.BENCHMARKS
    monkeypatch.setattr(registry, "names", lambda g: sorted(known) if g == ours else names(g))
    return SimpleNamespace(known=known, opened=opened)


@pytest.fixture
def problem():
    return make_problem(SimpleNamespace(needs_task=True), ToySpace())


def started(reference, problem, **config):
    factory = find_searcher(reference)[1]
    return factory(problem, np.random.default_rng(0), factory.Config(**config))


def first(searcher, n):
    return [candidate.arch.genes for candidate in searcher.ask(n)]


def test_the_first_draws_are_the_best_of_the_mean_rank(tables, problem):
    family = "toy-2x3x4x5"
    tables.known[f"{family}/a"] = Source("a")
    tables.known[f"{family}/b"] = Source("b", lambda genes: sum(genes) - 3 * genes[-1])
    found = first(started("warm-start:random-search", problem, start=5), 5)
    genes = [tuple(row) for row in Source().rows()[0].tolist()]
    ranks = []
    for table in tables.known.values():  # by comparing all with all
        value = {g: table.values(g) for g in genes}
        ranks.append(
            {g: sum((v > value[g]) + (v == value[g]) / 2 for v in value.values()) for g in genes}
        )
    mean = {g: sum(rank[g] for rank in ranks) for g in genes}
    assert found == sorted(genes, key=lambda g: (mean[g], g))[:5]


def test_the_table_of_the_task_that_is_searched_is_never_opened(tables, problem):
    family = "toy-2x3x4x5"
    names = ("noise", "noise@xgb", "a", "a@xgb", "b")
    tables.known |= {f"{family}/{name}": Source(name) for name in names}
    started("warm-start:random-search", problem)
    assert tables.opened == [f"{family}/a", f"{family}/b"]  # surrogates know no more
    for own in ("noise", "noise@xgb"):
        with pytest.raises(InvalidConfig, match=f"{own} is a table of noise, the task that is"):
            started("warm-start:random-search", problem, sources=(f"{family}/{own}",))
    assert tables.opened == [f"{family}/a", f"{family}/b"]


def test_a_file_of_the_task_that_is_searched_is_refused(tables, problem):
    tables.known["somewhere.h5"] = Source("noise")
    with pytest.raises(InvalidConfig, match=r"somewhere\.h5 is a table of noise"):
        started("warm-start:random-search", problem, sources=("somewhere.h5",))


def test_the_embedded_table_is_left_out_when_it_is_searched():
    with pytest.raises(InvalidConfig, match=f"{PHOTOS} is a table of digits-on-photos"):
        run(
            registry.benchmark(PHOTOS),
            "warm-start:random-search",
            0,
            budget=Budget(5),
            config={"sources": [PHOTOS]},
        )


def test_without_other_tables_it_says_what_to_do(tables, problem):
    with pytest.raises(WrongSpace, match="pass their files as `sources`"):
        started("warm-start:random-search", problem)
    tables.known["toy-2x3x4x5/noise"] = Source("noise")
    with pytest.raises(InvalidConfig, match="of other tasks than noise"):
        started("warm-start:random-search", problem)


def test_sources_of_another_space_or_without_the_objective_are_refused(tables, problem):
    tables.known["x"] = Source(space=ToySpace((2, 2)))
    with pytest.raises(WrongSpace, match="expected a table of toy-2x3x4x5-v1"):
        started("warm-start:random-search", problem, sources=("x",))
    tables.known["y"] = Source()
    tables.known["y"].metrics = ()
    with pytest.raises(InvalidConfig, match="y has no valid_accuracy to learn from"):
        started("warm-start:random-search", problem, sources=("y",))


def test_an_architecture_that_was_not_trained_somewhere_counts_where_it_was(problem):
    def holes(genes):
        return np.nan if genes == [1, 2, 3, 4] else sum(genes)

    ranked = best_on_average([Source(), Source("b", holes)], problem)
    assert ranked[0].genes == (1, 2, 3, 4)  # the best where it was trained
    assert len(ranked) == len(Source().rows()[0])


def test_a_lower_objective_is_ranked_from_below(problem):
    lower = replace(problem.objectives[0], better="lower")
    ranked = best_on_average([Source()], replace(problem, objectives=(lower,)))
    assert ranked[0].genes == (0, 0, 0, 0)


def test_a_population_is_the_design_and_evolves_from_it(tables, problem):
    tables.known["x"] = Source()
    evolution = find_searcher("warm-start:regularized-evolution")[1]
    config = evolution.Config(sources=("x",), start=10, settings={"population": 10, "sample": 10})
    played = play(evolution(problem, np.random.default_rng(0), config), problem, 12)
    design = best_on_average([Source()], problem)[:10]
    assert [candidate.arch for candidate in played[:10]] == design
    assert any(played[10].arch in ToySpace().neighbors(arch) for arch in design)


def test_a_restricted_space_is_respected(tables, problem):
    tables.known["x"] = Source()
    bounded = Restricted(ToySpace(), [Constraint("choices[4]", upper=0)])
    assert not bounded.is_valid(best_on_average([Source()], problem)[0])
    searcher = started("warm-start:random-search", replace(problem, space=bounded), sources=("x",))
    assert all(bounded.is_valid(Architecture(bounded.name, g)) for g in first(searcher, 30))


def test_settings_reach_the_searcher_inside(problem, monkeypatch):
    with pytest.raises(InvalidConfig, match="population >= 1"):
        started(
            "zero-cost-warmup:regularized-evolution",
            replace(problem, space=CELLS),
            proxy="params",
            pool=10,
            settings={"population": 0},
        )


def test_the_best_of_the_pool_by_the_proxy_come_first(problem):
    problem = replace(problem, space=CELLS)
    settings = {"proxy": "params", "pool": 40, "start": 40}
    found = first(started("zero-cost-warmup:random-search", problem, **settings), 60)
    data = problem.task
    counted = registry.resolve(registry.PROXIES, "params")(data)
    archs = [Architecture(CELLS.name, genes) for genes in found]
    values = [estimate.value for estimate in counted.estimate(archs)]
    ranked = len(distinct(CELLS.sample(40, _rng_behind_a_seed()), CELLS, 40))
    assert values[:ranked] == sorted(values[:ranked], reverse=True)
    assert values[:ranked] != sorted(values[:ranked])
    assert values[ranked:] != sorted(values[ranked:], reverse=True)


def _rng_behind_a_seed():
    rng = np.random.default_rng(0)
    rng.integers(2**31)
    return rng


def test_scoring_is_charged():
    found = run(
        registry.benchmark(PHOTOS),
        "zero-cost-warmup:random-search",
        0,
        budget=Budget(1),
        config={"pool": 3, "start": 1, "batch_size": 8},
    )
    trained = registry.benchmark(PHOTOS).query(
        [Candidate(Architecture(CELLS.name, tuple(found.trajectory.genes[0].tolist())))]
    )
    own = found.trajectory.overhead_s[0]
    assert own > 3 * 1e-3  # three networks were built and run
    assert found.trajectory.spent_s[0] == pytest.approx(trained[0].cost_s + own)


@pytest.mark.parametrize("settings", [{"start": 0}, {"start": 9, "pool": 8}])
def test_a_start_that_the_pool_cannot_give_is_refused(settings):
    factory = find_searcher("zero-cost-warmup:random-search")[1]
    with pytest.raises(InvalidConfig, match="expected 1 <= start <= pool"):
        factory.Config(**settings)


def test_unknown_searchers_and_proxies_are_named(problem):
    for family in ("warm-start", "zero-cost-warmup"):
        with pytest.raises(UnknownSearcher, match="unknown searcher 'nobody'"):
            find_searcher(f"{family}:nobody")
    with pytest.raises(UnknownName, match="unknown zero-cost proxy 'nothing'"):
        started("zero-cost-warmup:random-search", problem, proxy="nothing")


def test_families_may_be_nested():
    factory = find_searcher("warm-start:zero-cost-warmup:random-search")[1]
    assert factory.needs_task


def test_a_warmed_space_can_be_copied_and_has_all_that_the_whole_one_has():
    arch = ToySpace().arch(7)
    space = copy.deepcopy(Warmed(ToySpace(), [arch]))
    rng = np.random.default_rng(0)
    assert space.sample(3, rng)[0] == arch
    assert arch not in space.sample(0, rng)
    assert (space.name, len(space), space.index(arch)) == (ToySpace().name, len(ToySpace()), 7)


@dataclass(frozen=True, slots=True)
class _Config:
    """Nothing to set."""


class Curious:
    """Says what it is given."""

    Config = _Config

    def __init__(self, problem, rng, config=None):
        assert problem.task is None, "a searcher that trains nothing is given no data"

    def ask(self, n=1):
        return []

    def tell(self, observations):
        pass


def test_a_searcher_that_needs_no_data_is_given_none(tables, problem):
    tables.known["x"] = Source()
    assert started(f"warm-start:{__file__}:Curious", problem, sources=("x",)).ask(1) == []
