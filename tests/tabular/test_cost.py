import fakes
import numpy as np
import pytest

from nasbench.core import Architecture, Candidate
from nasbench.errors import InvalidConfig, TableFault
from tabular.checks import check
from tabular.cost import measure_costs
from tabular.hdf5 import open_table
from tabular.records import read_records


def stopwatch(arch, data, recipe, device):
    return 0.5 + sum(arch.genes)


def measure(path, **changes):
    settings = {"stopwatch": stopwatch, "counter": fakes.count} | changes
    measure_costs(path, space=fakes.SPACE, task=fakes.FakeTask(), **settings)


@pytest.fixture
def path(tmp_path):
    fakes.build(tmp_path / "a.h5")
    return tmp_path / "a.h5"


def test_the_measured_cost_takes_the_place_of_the_busy_one(path):
    busy = open_table(path, fakes.SPACE)
    measure(path)
    quiet = open_table(path, fakes.SPACE)
    assert quiet.cost_measured == "quiet"
    assert quiet.sha256 != busy.sha256
    np.testing.assert_allclose(quiet.cost_s(), 0.5 + quiet.genes.sum(axis=1))
    arch = fakes.SPACE.arch(61)
    half = quiet.query([Candidate(arch, 2)])[0]
    assert half.cost_s == (0.5 + sum(arch.genes)) / 2
    np.testing.assert_array_equal(quiet.train_s(), busy.train_s())


def test_measuring_resumes_where_it_was_interrupted(path):
    asked = []

    def impatient(arch, data, recipe, device):
        if len(asked) == 30:
            raise KeyboardInterrupt
        asked.append(arch.genes)
        return stopwatch(arch, data, recipe, device)

    with pytest.raises(KeyboardInterrupt):
        measure(path, stopwatch=impatient)
    assert len(read_records(path.with_name("a.h5.parts")).costs) == 30
    rest = []
    measure(path, stopwatch=lambda *given: rest.append(given[0].genes) or stopwatch(*given))
    assert len(rest) == 50
    assert not set(rest) & set(asked)


def test_costs_outlive_the_folder_of_parts(path):
    measure(path)
    for part in path.with_name("a.h5.parts").iterdir():
        part.unlink()
    fakes.build(path, seeds=(1,))
    again = open_table(path, fakes.SPACE)
    assert again.cost_measured == "quiet"
    assert again.repeats == 2
    np.testing.assert_allclose(again.cost_s(), 0.5 + again.genes.sum(axis=1))


def test_classes_without_a_measurement_are_charged_their_own_trainings_rescaled(path):
    measure(path, limit=9)
    table = open_table(path, fakes.SPACE)
    costs, trained = table.cost_s(), np.median(table.train_s(), axis=1)
    known = np.isfinite(costs)
    assert known.sum() == 9
    scale = np.median(costs[known] / trained[known])
    archs = [Architecture(fakes.SPACE.name, tuple(row)) for row in table.genes.tolist()]
    charged = [result.cost_s for result in table.query([Candidate(arch) for arch in archs])]
    np.testing.assert_allclose(charged, np.where(known, costs, scale * trained))
    assert len(set(np.array(charged)[~known])) > 9


def test_a_table_with_some_measured_costs_passes_its_check(path):
    measure(path, limit=9)
    table = open_table(path, fakes.SPACE)
    found = {finding.what: finding for finding in check(table, counter=fakes.count)}
    about = found["only what is missing has no value"]
    assert about.passed
    assert about.detail == "cost_s is quiet, and not measured of 71 rows"


def test_progress_is_told(path):
    told = []
    measure(path, limit=4, progress=lambda *given: told.append(given))
    assert told == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_table_that_does_not_exist_has_no_costs(tmp_path):
    with pytest.raises(TableFault, match="build the table first"):
        measure(tmp_path / "none.h5")


def test_costs_are_measured_on_the_kind_of_device_that_trained(path):
    used = set()
    measure(path, limit=2, stopwatch=lambda *given: used.add(given[3]) or 1.0)
    measure(path, limit=3, device="cpu", stopwatch=lambda *given: used.add(given[3]) or 1.0)
    assert used == {"cpu"}


def test_costs_of_another_device_are_refused(path):
    before = path.read_bytes()
    with pytest.raises(InvalidConfig, match="trained on cpu, and costs of cuda:0"):
        measure(path, device="cuda:0")
    assert path.read_bytes() == before
