import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import fakes
import pandas as pd
import pytest
from typer.testing import CliRunner

from nasbench import registry
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig, OutputFault, TableFault, UnknownBenchmark, WrongSpace
from tabular import build as building
from tabular.commands import app
from tabular.hdf5 import open_table
from tabular.pack import count


@pytest.fixture
def run(monkeypatch):
    """Runs a command of `nasbench table` with the fakes registered."""
    monkeypatch.setattr(registry, "space", lambda name: fakes.SPACE)
    monkeypatch.setattr(registry, "task", lambda name: fakes.FakeTask())
    monkeypatch.setattr("nasbench.training.train.pick_device", lambda name: name or "cpu")
    monkeypatch.setattr(building.build, "__kwdefaults__", _faked(building.build.__kwdefaults__))

    def invoke(*arguments, code=0):
        result = CliRunner().invoke(app, [str(each) for each in arguments], catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return invoke


def _faked(defaults):
    return {**defaults, "trainer": fakes.train, "counter": fakes.count}


def test_build_writes_a_table_and_says_so(run, tmp_path, toy_file):
    path = tmp_path / "a.h5"
    said = run("build", "toy", "fake-task", "-o", path, "--seeds", "0,1,2", "--workers", 1)
    assert "240 of 240" in said.stderr
    assert f"Wrote {path}" in said.stderr
    assert path.read_bytes() == toy_file.read_bytes()


def test_build_packs_what_is_there_with_a_limit_of_none(run, tmp_path):
    fakes.build(tmp_path / "a.h5", limit=5)
    (tmp_path / "a.h5").unlink()
    run("build", "toy", "fake-task", "-o", tmp_path / "a.h5", "--limit", 0)
    assert int((open_table(tmp_path / "a.h5", fakes.SPACE).status > 0).sum()) == 5


def test_build_trains_the_architectures_of_a_file_or_of_a_table(
    run, tmp_path, toy_file, monkeypatch
):
    table = open_table(toy_file, fakes.SPACE)
    asked = []
    monkeypatch.setattr(building, "build", lambda *_, archs, **__: asked.append(archs))
    monkeypatch.setattr(registry, "benchmark", lambda name: table)
    archs = [Architecture(fakes.SPACE.name, tuple(row)) for row in table.genes.tolist()]
    text = tmp_path / "archs.txt"
    lines = ["# all of them", *map(fakes.SPACE.format, archs[:-1])]
    last = fakes.SPACE.format(archs[-1])
    text.write_text("\n".join([*lines, "", f"{last}  # the last one"]) + "\n\n")
    for source in (text, toy_file):
        run("build", "toy", "fake-task", "-o", tmp_path / "a.h5", "--archs", source)
    assert asked == [archs, archs]


def test_build_says_what_it_takes_architectures_from(run, tmp_path):
    with pytest.raises(InvalidConfig, match=r"darts/nope is no registered table and cannot be"):
        run("build", "toy", "fake-task", "-o", tmp_path / "a.h5", "--archs", "darts/nope")


def test_build_refuses_the_architectures_of_another_space(run, tmp_path, toy_file, monkeypatch):
    table = open_table(toy_file, fakes.SPACE)
    monkeypatch.setattr(registry, "benchmark", lambda name: table)
    monkeypatch.setattr(registry, "space", lambda name: SimpleNamespace(name=name))
    with pytest.raises(WrongSpace, match=r"table of other-v1, got .*\.h5 of toy-"):
        run("build", "other-v1", "fake-task", "-o", tmp_path / "a.h5", "--archs", toy_file)


@pytest.mark.parametrize("seeds", ["", "a", "0;1", "1.5"])
def test_seeds_that_are_no_numbers_are_wrong_usage(run, tmp_path, seeds):
    said = run("build", "toy", "fake-task", "-o", tmp_path / "a.h5", "--seeds", seeds, code=2)
    assert "0,1,2" in said.stderr


def test_an_interrupted_build_says_how_to_resume(run, tmp_path, monkeypatch):
    def interrupted(*_, **__):
        raise KeyboardInterrupt

    monkeypatch.setattr(building, "build", interrupted)
    said = run("build", "toy", "fake-task", "-o", tmp_path / "a.h5", code=130)
    assert "run the same command again" in said.stderr


def test_inspect_shows_what_the_table_is(run, toy_file):
    said = run("inspect", toy_file).stdout
    for text in ("toy-2x3x4x5/fake-task", "240 of 240", "valid_accuracy", "k / 24", "lr 0.1"):
        assert text in said
    sha256 = open_table(toy_file, fakes.SPACE).sha256
    assert sha256 in said.replace("\n", "").replace(" ", "")


def test_inspect_shows_partial_and_imported_tables(run, tmp_path):
    fakes.build(tmp_path / "p.h5", limit=3)
    assert "3 of 80" in run("inspect", tmp_path / "p.h5").stdout


def test_check_fails_by_its_exit_code(run, tmp_path, monkeypatch):
    monkeypatch.setattr("tabular.checks.check.__kwdefaults__", {"counter": fakes.count})
    fakes.build(tmp_path / "p.h5", limit=3)
    said = run("check", tmp_path / "p.h5", code=1).stdout
    assert "FAILED everything is trained: 77 of 80 trainings are missing" in said
    assert "ok     every hash holds" in said


def test_check_passes_a_sound_table(run, toy_file, monkeypatch):
    monkeypatch.setattr("tabular.checks.check.__kwdefaults__", {"counter": fakes.count})
    assert "FAILED" not in run("check", toy_file).stdout


def test_check_trains_again(run, toy_file, monkeypatch):
    from tabular import checks, retraining

    monkeypatch.setattr(checks.check, "__kwdefaults__", {"counter": fakes.count})
    defaults = {**retraining.retrain.__kwdefaults__, "trainer": fakes.train}
    monkeypatch.setattr(retraining.retrain, "__kwdefaults__", defaults)
    said = run("check", toy_file, "--retrain", 5, "--workers", 1).stdout
    assert "5 of 5 equal in every epoch" in said


def test_query_answers_as_json(run, toy_file):
    said = run("query", toy_file, "1-0-0-1", "--epochs", 3, "--noise-seed", 4, "--json").stdout
    answer = json.loads(said)
    assert answer["genes"] == [1, 0, 0, 1]
    assert (answer["epochs"], answer["noise_seed"], answer["params"]) == (3, 4, 102)
    assert answer["table_sha256"] == open_table(toy_file, fakes.SPACE).sha256


def test_export_writes_both_formats(run, toy_file, tmp_path):
    pytest.importorskip("pyarrow")
    run("export", toy_file, "--csv", tmp_path / "t.csv", "--parquet", tmp_path / "t.parquet")
    assert len(pd.read_csv(tmp_path / "t.csv")) == len(pd.read_parquet(tmp_path / "t.parquet"))


@pytest.mark.parametrize("option", ["--parquet", "--configspace", "--csv"])
def test_export_replaces_a_file_only_if_it_is_told_to(run, toy_file, tmp_path, option):
    pytest.importorskip("pyarrow")
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(OutputFault, match="is there already; choose another output, or pass --ove"):
        run("export", toy_file, "--csv", tmp_path / "new", option, tmp_path / "mine")
    assert [path.name for path in tmp_path.iterdir() if path != toy_file] == ["mine"]
    assert (tmp_path / "mine").read_text() == "mine"
    run("export", toy_file, option, tmp_path / "mine", "--overwrite")
    assert (tmp_path / "mine").read_bytes() != b"mine"


def test_export_without_an_output_is_wrong_usage(run, toy_file):
    run("export", toy_file, code=2)


def test_cost_measures_and_writes_the_table_again(run, tmp_path, monkeypatch):
    from tabular import cost

    fakes.build(tmp_path / "a.h5")
    defaults = {
        **cost.measure_costs.__kwdefaults__,
        "stopwatch": lambda *_: 2.0,
        "counter": fakes.count,
    }
    monkeypatch.setattr(cost.measure_costs, "__kwdefaults__", defaults)
    run("cost", tmp_path / "a.h5")
    assert open_table(tmp_path / "a.h5", fakes.SPACE).cost_measured == "quiet"


def test_cost_warns_on_a_busy_machine(run, tmp_path, monkeypatch):
    from tabular import cost

    monkeypatch.setattr(cost, "load_per_core", lambda: 1.5)
    monkeypatch.setattr(cost, "measure_costs", lambda *_, **__: None)
    assert "busy" in run("cost", tmp_path / "a.h5").stderr


def test_a_file_that_is_no_benchmark_is_an_error(run, tmp_path):
    with pytest.raises(UnknownBenchmark):
        run("inspect", "cell201/digits")
    with pytest.raises(TableFault):
        run("inspect", tmp_path / "none.h5")


def test_a_benchmark_that_is_no_table_is_an_error(run, monkeypatch):
    monkeypatch.setattr(registry, "benchmark", lambda name: object())
    with pytest.raises(TableFault, match="not a table"):
        run("inspect", "formula")


def test_help_loads_neither_torch_nor_h5py():
    script = (
        "import sys; from tabular.commands import app\n"
        "from typer.testing import CliRunner\n"
        "for name in ('build', 'cost', 'inspect', 'check', 'query', 'import', 'export', 'card'):\n"
        "    assert CliRunner().invoke(app, [name, '--help']).exit_code == 0\n"
        "print([name for name in ('torch', 'h5py', 'pandas', 'xgboost') if name in sys.modules])"
    )
    said = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=True
    )
    assert said.stdout.strip() == "[]"


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # ignored where tests run in background
sys.path[:0] = {path!r}
import fakes
from nasbench import registry
from tabular import build as building
from tabular.commands import app
if __name__ == "__main__":
    registry.space = lambda name: fakes.SPACE
    registry.task = lambda name: fakes.FakeTask()
    building.build.__kwdefaults__.update(trainer=fakes.train_slowly, counter=fakes.count)
    app({arguments!r})
"""


@pytest.mark.slow
def test_ctrl_c_stops_at_once_and_nothing_finished_is_lost(tmp_path, toy_file):
    """The signal goes to the workers, too, as from a terminal."""
    path = tmp_path / "a.h5"
    arguments = ["build", "toy", "fake-task", "-o", str(path), "--workers", "2"]
    script = tmp_path / "child.py"
    script.write_text(INTERRUPTED.format(path=sys.path, arguments=arguments))
    child = subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, start_new_session=True
    )
    parts = building.parts_folder(path)
    while not (found := list(parts.glob("*.records"))) or found[0].stat().st_size < 2000:
        assert child.poll() is None
        time.sleep(0.01)
    os.killpg(child.pid, signal.SIGINT)
    _, said = child.communicate(timeout=30)
    assert child.returncode == 130
    assert b"run the same command again" in said
    assert b"Traceback" not in said
    assert not path.exists()
    fakes.build(path, seeds=(0, 1, 2))
    assert path.read_bytes() == toy_file.read_bytes()


def test_the_real_counter_counts_real_networks():
    from nasbench.spaces.cell201 import Cell201
    from nasbench.tasks.digits_on_photos import DigitsOnPhotos

    task = DigitsOnPhotos()
    data = task.load()
    params, macs = count(Cell201().arch(1462), task.recipe, data.input, data.classes)
    assert params == 21_650
    assert macs > params
