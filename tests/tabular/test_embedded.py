import subprocess
import sys

import pytest

from nasbench import registry
from nasbench.core import Candidate
from tabular import embedded

NAME = "cell201/digits-on-photos"


@pytest.fixture(scope="module", params=embedded.NAMES)
def table(request):
    return registry.benchmark(request.param)


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
    assert len(table.genes) == 5260
    assert (table.status > 0).all()


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


def test_convolutions_beat_an_empty_cell(table):
    space = table.space
    empty = space.parse("|none~0|+|none~0|none~1|+|none~0|none~1|none~2|")
    results = table.query([Candidate(space.arch(1462)), Candidate(empty)])
    full, nothing = (result.metrics["test_accuracy"] for result in results)
    assert 2 * nothing < full
