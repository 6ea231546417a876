"""The blackbox directory, read by hand and by Syne Tune itself."""

import json
import os
import subprocess
import sys

import fakes
import numpy as np
import pandas as pd
import pytest
from typer.testing import CliRunner

from nasbench import registry
from nasbench.core import Candidate
from nasbench.errors import InvalidConfig, MissingExtra, OutputFault
from tabular.commands import app
from tabular.exporters import syne_tune
from tabular.hdf5 import open_table

pytest.importorskip("pyarrow")
NAMES = [
    *(f"metric_{split}_loss" for split in ("train", "valid", "test")),
    *(f"metric_{split}_error" for split in ("train", "valid", "test")),
    "metric_params",
    "metric_macs",
    "metric_elapsed_time",
    "metric_runtime",
]


@pytest.fixture(scope="module")
def folder(toy_file, tmp_path_factory):
    made = tmp_path_factory.mktemp("blackbox") / "toy"
    syne_tune.export(open_table(toy_file, fakes.SPACE), made)
    return made


def read(folder):
    """Configurations, values (n, seeds, epochs, objectives) and metadata of a blackbox."""
    frame = pd.read_parquet(folder / "hyperparameters.parquet")
    values = np.load(folder / "objectives_evaluations.npy")
    return frame, values[0], json.loads((folder / "metadata.json").read_text())


def test_every_architecture_has_the_numbers_of_its_trainings(folder, toy):
    frame, values, about = read(folder)
    assert values.shape == (len(fakes.SPACE), 3, 4, len(NAMES)) == (len(frame), 3, 4, 10)
    assert about["objectives_names"] == NAMES
    for row, genes in enumerate(frame.astype(int).itertuples(index=False)):
        canonical = fakes.SPACE.canonical(fakes.SPACE.parse("-".join(map(str, genes))))
        for seed in range(3):
            curve = fakes.curve(canonical.genes, seed, 4)
            found = dict(zip(NAMES, values[row, seed].T, strict=True))
            expected = 1 - curve.valid_accuracy / 100
            np.testing.assert_allclose(found["metric_valid_error"], expected, atol=1e-6)
            np.testing.assert_allclose(found["metric_test_loss"], curve.test_loss, rtol=2e-4)
            assert (found["metric_params"] == 100 + sum(canonical.genes)).all()


def test_times_are_those_that_queries_charge(folder, toy):
    frame, values, _ = read(folder)
    arch = fakes.SPACE.parse("-".join(frame.loc[77]))
    charged = [r.cost_s for r in toy.query([Candidate(arch, n) for n in toy.epochs])]
    elapsed = values[77, 1, :, NAMES.index("metric_elapsed_time")]
    np.testing.assert_allclose(elapsed, charged, rtol=1e-6)
    runtime = values[77, 1, :, NAMES.index("metric_runtime")]
    np.testing.assert_allclose(runtime.cumsum(), elapsed, rtol=1e-6)


def test_the_metadata_name_table_time_and_objective(folder, toy):
    about = read(folder)[2]
    assert about["task_names"] == [toy.name]
    assert about["table_sha256"] == toy.sha256
    assert about["time_attr"] == "hp_epoch"
    assert about["metric_elapsed_time"] == "metric_elapsed_time"
    assert about["metric_default"] == "metric_valid_error"


def test_what_was_not_trained_is_left_out_or_nan(tmp_path):
    fakes.build(tmp_path / "p.h5", limit=7)
    fakes.build(tmp_path / "p.h5", seeds=(0, 1), limit=3)
    table = open_table(tmp_path / "p.h5", fakes.SPACE)
    syne_tune.export(table, tmp_path / "blackbox")
    frame, values, _ = read(tmp_path / "blackbox")
    rows = table.rows_of(frame.astype(int).to_numpy())
    assert set(rows) == set(np.flatnonzero((table.status > 0).any(axis=1)))
    assert (np.isnan(values[..., -1]) == (table.status[rows] == 0)[..., None]).all()


def test_a_folder_with_files_is_not_touched(toy, tmp_path):
    (tmp_path / "mine").write_text("mine")
    with pytest.raises(InvalidConfig, match="holds files already"):
        syne_tune.export(toy, tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_a_full_disk_leaves_nothing_behind(toy, tmp_path, monkeypatch):
    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(np, "save", full)
    with pytest.raises(OutputFault, match="the disk is full"):
        syne_tune.export(toy, tmp_path / "blackbox")
    assert list(tmp_path.iterdir()) == []


def test_a_place_that_cannot_be_written_is_an_output_fault(toy, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(OutputFault):
        syne_tune.export(toy, tmp_path / "file" / "blackbox")


def test_without_pyarrow_the_extra_is_named(toy, tmp_path, monkeypatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtra, match=r"nasbench-lab\[syne-tune\]"):
        syne_tune.export(toy, tmp_path / "blackbox")


def test_the_command_exports_blackbox_and_space(toy, tmp_path, monkeypatch, folder):
    space = pytest.importorskip("ConfigSpace").ConfigurationSpace
    monkeypatch.setattr(registry, "benchmark", lambda name: toy)
    words = ["export", "toy", "--syne-tune", tmp_path / "bb", "--configspace", tmp_path / "s.json"]
    done = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
    assert done.exit_code == 0
    for path in folder.iterdir():
        assert (tmp_path / "bb" / path.name).read_bytes() == path.read_bytes()
    assert space.from_json(tmp_path / "s.json").estimate_size() == len(fakes.SPACE)


SCHEDULED = """
import json, sys
import numpy as np
from syne_tune import StoppingCriterion, Tuner
from syne_tune.backend.simulator_backend.simulator_callback import SimulatorCallback
from syne_tune.blackbox_repository import UserBlackboxBackend
from syne_tune.blackbox_repository.blackbox_tabular import deserialize, serialize
from syne_tune.optimizer.baselines import ASHA

def schedule(folder, name, again):
    blackbox = deserialize(folder)[name]
    serialize({name: blackbox}, again)
    np.random.seed(0)
    backend = UserBlackboxBackend(
        blackbox=blackbox, elapsed_time_attr="metric_elapsed_time", tuner_sleep_time=0.1
    )
    scheduler = ASHA(
        dict(blackbox.configuration_space), metric="metric_valid_error", time_attr="hp_epoch",
        max_t=max(blackbox.fidelity_values), grace_period=1, random_seed=0,
    )
    tuner = Tuner(
        trial_backend=backend, scheduler=scheduler, n_workers=2, sleep_time=0, save_tuner=False,
        stop_criterion=StoppingCriterion(max_num_trials_started=40),
        callbacks=[SimulatorCallback()], results_update_interval=1e9, print_update_interval=1e9,
    )
    tuner.run()
    _, best = tuner.best_config("metric_valid_error")
    rows = tuner.tuning_status.get_dataframe()
    columns = [*blackbox.configuration_space, "iter", "metric_valid_error", "metric_elapsed_time"]
    seen = rows[rows.iter > 0][columns].to_dict("records")
    return {"best": {k: best[k] for k in blackbox.configuration_space}, "seen": seen}

print(json.dumps({words[1]: schedule(*words) for words in json.loads(sys.argv[1])}))
"""


@pytest.fixture(scope="module")
def scheduled(folder, toy_file, tmp_path_factory):
    """What ASHA saw of each table by its name; in a process that may write to its home only here.

    One process for both tables: Syne Tune takes seconds to import.
    """
    pytest.importorskip("syne_tune")
    pytest.importorskip("fastparquet")
    pytest.importorskip("huggingface_hub")
    home = tmp_path_factory.mktemp("scheduled")
    found = {}
    for where, table in (
        (folder, open_table(toy_file, fakes.SPACE)),
        (home / "blackbox", registry.benchmark("cell201/digits-on-photos")),
    ):
        if not where.exists():
            syne_tune.export(table, where)
        found[table.name] = table, where, home / f"again-{where.name}"
    words = [[str(where), name, str(again)] for name, (_, where, again) in found.items()]
    environment = {**os.environ, "SYNETUNE_FOLDER": str(home), "HOME": str(home)}
    command = [sys.executable, "-c", SCHEDULED, json.dumps(words)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    said = json.loads(done.stdout.splitlines()[-1])
    return {name: (*parts, said[name]) for name, parts in found.items()}


@pytest.mark.slow
@pytest.mark.parametrize("name", ["toy", "cell201/digits-on-photos"])
def test_a_scheduler_of_syne_tune_runs_on_the_exported_table(name, scheduled, toy):
    table, folder, again, said = scheduled[toy.name if name == "toy" else name]
    assert len(said["seen"]) >= 38
    lengths = {trial["iter"] for trial in said["seen"]}
    assert min(lengths) < max(lengths) == len(table.epochs)  # some were stopped early
    for trial in said["seen"]:
        check(table, trial)
    for file in ("configspace.json", "fidelityspace.json"):  # as Syne Tune itself writes them
        ours, theirs = (json.loads((f / file).read_text()) for f in (folder, again))
        assert ours == theirs
    assert (again / "objectives_evaluations.npy").read_bytes() == (
        folder / "objectives_evaluations.npy"
    ).read_bytes()


def check(table, trial):
    """A trial's last result is that of one of the table's trainings."""
    from nasbench.compat.configspace import architecture

    words = {name: value for name, value in trial.items() if name.startswith("hp_x")}
    (row,) = table.rows_of([architecture(table.space, words).genes])
    errors = 1 - table.curves("valid_accuracy")[row, :, int(trial["iter"]) - 1] / 100
    assert np.isclose(errors, trial["metric_valid_error"], atol=1e-6).any()
