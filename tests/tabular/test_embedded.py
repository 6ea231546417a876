import subprocess
import sys

import numpy as np
import pytest

from nasbench import registry
from nasbench.core import Architecture, Candidate
from nasbench.errors import InvalidArchitecture
from tabular import embedded

NAME, SAMPLE = "cell201/digits-on-photos", "darts/digits-on-photos"


@pytest.fixture(scope="module", params=embedded.NAMES)
def table(request):
    return registry.benchmark(request.param)


@pytest.fixture(scope="module")
def sample():
    return registry.benchmark(SAMPLE)


def test_every_shipped_file_is_named_and_registered():
    files = {path.name for path in embedded.path_of(embedded.NAMES[0]).parent.glob("*.h5")}
    assert files == {f"{name.replace('/', '_')}.h5" for name in embedded.NAMES}
    ours = (
        name
        for name in registry.names(registry.BENCHMARKS)
        if registry.provider(registry.BENCHMARKS, name) == "nasbench-lab"
        and registry.table_of(name) == name
    )
    assert list(ours) == list(embedded.NAMES)


def test_the_table_goes_by_its_registered_name(table):
    assert table.name in embedded.NAMES
    assert registry.benchmark(table.name).sha256 == table.sha256


def test_every_class_is_trained(table):
    assert table.name == SAMPLE or len(table.genes) == 5260
    assert (table.status > 0).all()


def test_the_sample_has_hundreds_of_cells_from_no_convolution_to_hardly_anything_else(sample):
    assert len(sample.genes) >= 300
    archs = [Architecture(sample.space.name, tuple(row)) for row in sample.genes.tolist()]
    convolutions = [sample.space.format(arch).count("conv") for arch in archs]  # of 16 operations
    assert min(convolutions) <= 2
    assert max(convolutions) >= 14


def test_the_sample_refuses_what_it_does_not_have_and_names_who_answers(sample):
    (stranger,) = sample.space.sample(1, np.random.default_rng(12345))
    with pytest.raises(InvalidArchitecture, match=r"knows .* no others; ask a surrogate"):
        sample.query([Candidate(stranger)])
    for model in ("xgb", "gnn"):
        (result,) = registry.benchmark(f"{SAMPLE}@{model}").query([Candidate(stranger)])
        assert 10 < result.metrics["valid_accuracy"] < 100


def test_it_was_trained_by_the_recipe_of_its_task(table):
    assert table.recipe == registry.task(table.task).recipe


def test_it_is_small_enough_to_be_shipped(table):
    assert table.source.path.stat().st_size < 3 * 2**20


def test_it_answers_from_any_folder(tmp_path):
    script = (
        "import nasbench.registry as r\n"
        "from nasbench.core import Candidate\n"
        f"t = r.benchmark({NAME!r})\n"
        "print(t.query([Candidate(t.space.arch(1462))])[0].metrics['valid_accuracy'])"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, capture_output=True, text=True, check=True
    )
    expected = registry.benchmark(NAME)
    result = expected.query([Candidate(expected.space.arch(1462))])[0]
    assert float(done.stdout) == result.metrics["valid_accuracy"]


@pytest.mark.parametrize("name", [name for name in embedded.NAMES if name != SAMPLE])
def test_convolutions_beat_an_empty_cell(name):
    table = registry.benchmark(name)
    space = table.space
    empty = space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    results = table.query([Candidate(space.arch(1462)), Candidate(empty)])
    full, nothing = (result.metrics["test_accuracy"] for result in results)
    assert 2 * nothing < full
