import hashlib
import json
import shutil
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import load, save

from nasbench.core import Candidate
from nasbench.errors import (
    InvalidArchitecture,
    InvalidConfig,
    OutputFault,
    SurrogateFault,
    UnknownSpace,
    WrongSpace,
)
from nasbench.testing.benchmarks import exact
from nasbench.testing.toy import ToySpace
from surrogates import artifact
from surrogates import fit as fitting
from surrogates.benchmark import surrogate
from surrogates.gnn import Config, Gnn

SPACE = ToySpace()


@pytest.fixture(scope="module")
def stored(tmp_path_factory, parts):
    folder = tmp_path_factory.mktemp("stored") / "toy.surrogate"
    artifact.write(parts, folder)
    return folder


@pytest.fixture
def copy(stored, tmp_path):
    return shutil.copytree(stored, tmp_path / "copy.surrogate")


def rewritten(folder, **changes):
    """Changes fields of the head, and its hash with them."""
    file = folder / artifact.HEAD
    head = {**json.loads(file.read_text()), **changes}
    del head["sha256"]
    file.write_text(json.dumps({**head, "sha256": artifact._digest(head)}))


def test_what_was_stored_answers_bit_for_bit(stored, fitted):
    again = artifact.read(stored, SPACE)
    asked = [Candidate(SPACE.arch(k), n) for k in range(0, 120, 7) for n in fitted.epochs]
    for seed in (None, 4):
        assert exact(again.query(asked, noise_seed=seed)) == exact(
            fitted.query(asked, noise_seed=seed)
        )
    assert again.name == fitted.name
    assert again.sha256 == json.loads((stored / artifact.HEAD).read_text())["sha256"]


@pytest.mark.parametrize("model", ["forest", "xgb"])
def test_other_models_are_stored_as_well(toy, tmp_path, model):
    made = fitting.fit(toy, fitting.Config(model, 20, components=1, members=2, folds=2))
    artifact.write(made, tmp_path / "one.surrogate")
    again = artifact.read(tmp_path / "one.surrogate", SPACE)
    archs = SPACE.sample(10, np.random.default_rng(0))
    told = surrogate(made).predict(archs, "valid_accuracy")
    assert np.array_equal(again.predict(archs, "valid_accuracy"), told)


@pytest.fixture(scope="module")
def graphs(parts):
    """The toy surrogate with graph networks in the place of its model."""
    archs = [SPACE.arch(k) for k in range(0, len(SPACE), 3)]
    matrix, _ = parts.model.predict([SPACE.canonical(arch) for arch in archs])
    return replace(parts, model=Gnn(SPACE, Config(steps=20)).fit(archs, matrix))


def test_graph_networks_answer_bit_for_bit_after_being_stored(graphs, tmp_path):
    artifact.write(graphs, tmp_path / "graphs.surrogate")
    assert {file.name for file in (tmp_path / "graphs.surrogate").iterdir()} == {
        artifact.HEAD,
        artifact.ARRAYS,
    }
    again = artifact.read(tmp_path / "graphs.surrogate", SPACE)
    asked = [Candidate(SPACE.arch(k)) for k in range(0, 120, 7)]
    for seed in (None, 4):
        told = exact(surrogate(graphs).query(asked, noise_seed=seed))
        assert exact(again.query(asked, noise_seed=seed)) == told


def forged(graphs, change):
    """Files of graph networks of which arrays were changed, and every hash with them."""
    files = artifact.pack(graphs)
    arrays = load(files[artifact.ARRAYS])
    change(arrays)
    head = json.loads(files[artifact.HEAD])
    del head["sha256"]
    content = save(arrays)
    head["files"][artifact.ARRAYS] = hashlib.sha256(content).hexdigest()
    head["sha256"] = artifact._digest(head)
    return {artifact.HEAD: json.dumps(head).encode(), artifact.ARRAYS: content}


@pytest.mark.parametrize("value", [1.0, np.nan])
def test_a_changed_weight_is_found_out_though_all_hashes_hold(graphs, value):
    def change(arrays):
        arrays["model.out.weight"][0, 0] += value

    with pytest.raises(SurrogateFault, match="a reference prediction is off by"):
        artifact.unpack(forged(graphs, change), SPACE)


def test_networks_of_another_shape_are_refused(graphs):
    with pytest.raises(InvalidConfig, match="got one that does not fit"):
        artifact.unpack(forged(graphs, lambda arrays: arrays.pop("model.out.weight")), SPACE)


def test_the_same_surrogate_is_the_same_bytes(parts):
    assert artifact.pack(parts) == artifact.pack(parts)


def test_no_file_is_a_pickle(stored):
    assert {file.suffix for file in stored.iterdir()} <= {".json", ".safetensors", ".gz"}


def test_a_changed_file_is_found_out(copy):
    file = copy / artifact.ARRAYS
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    with pytest.raises(SurrogateFault, match=r"arrays.safetensors .* is not the file that was"):
        artifact.read(copy, SPACE)


def test_a_changed_head_is_found_out(copy):
    file = copy / artifact.HEAD
    file.write_text(file.read_text().replace("toy/", "TOY/"))
    with pytest.raises(SurrogateFault, match="is not what was written"):
        artifact.read(copy, SPACE)


def test_a_changed_reference_prediction_is_found_out(copy):
    told = json.loads((copy / artifact.HEAD).read_text())["references"]
    told[3]["values"][0] += 0.01
    rewritten(copy, references=told)
    with pytest.raises(SurrogateFault, match=r"off by 0\.01.*it was written with python"):
        artifact.read(copy, SPACE)


def test_a_lazy_one_checks_its_predictions_when_it_is_first_asked(copy, stored):
    asked = [Candidate(SPACE.arch(7))]
    (answer,) = artifact.read(copy, SPACE, lazy=True).query(asked)
    assert [answer] == artifact.read(stored, SPACE).query(asked)
    told = json.loads((copy / artifact.HEAD).read_text())["references"]
    told[3]["values"][0] += 0.01
    rewritten(copy, references=told)
    opened = artifact.read(copy, SPACE, lazy=True)
    for _ in range(2):
        with pytest.raises(SurrogateFault, match=r"off by 0\.01"):
            opened.query(asked)


def test_a_foreign_space_is_refused(stored):
    with pytest.raises(WrongSpace, match="was fitted on toy-2x3x4x5-v1"):
        artifact.read(stored, ToySpace((2, 3, 4)))


def test_a_space_that_is_not_registered_is_named(stored):
    with pytest.raises(UnknownSpace, match="toy-2x3x4x5-v1"):
        artifact.read(stored)


def test_another_version_is_refused(copy):
    rewritten(copy, version=99)
    with pytest.raises(SurrogateFault, match="version 99"):
        artifact.read(copy, SPACE)


@pytest.mark.parametrize("content", ["", "[]", "null", '{"format": "other"}', '"text"', "{"])
def test_other_json_is_refused(copy, content):
    (copy / artifact.HEAD).write_text(content)
    with pytest.raises(SurrogateFault, match=r"but surrogate.json is of none"):
        artifact.read(copy, SPACE)


def test_a_missing_file_is_named(copy):
    (copy / artifact.ARRAYS).unlink()
    with pytest.raises(SurrogateFault, match=r"arrays.safetensors cannot be read"):
        artifact.read(copy, SPACE)


def test_a_missing_folder_is_named(tmp_path):
    with pytest.raises(SurrogateFault, match=r"nowhere.surrogate"):
        artifact.read(tmp_path / "nowhere.surrogate", SPACE)


def test_names_that_lead_out_of_the_folder_are_refused(copy):
    rewritten(copy, files={"../secret": "0" * 64})
    with pytest.raises(SurrogateFault, match="files of its own folder only"):
        artifact.read(copy, SPACE)


@pytest.mark.parametrize(
    "changes",
    [{"files": ["x"]}, {"files": {}}, {"references": []}, {"model": None}, {"space": 5}],
    ids=str,
)
def test_a_head_of_another_form_is_refused(copy, changes):
    rewritten(copy, **changes)
    with pytest.raises(SurrogateFault, match="lacks what every surrogate has"):
        artifact.read(copy, SPACE)


@pytest.mark.parametrize(
    "changes",
    [{"files": {"surrogate.json": "0"}}, {"references": [{"genes": [9]}]}, {"layout": {}}],
    ids=str,
)
def test_a_head_that_contradicts_itself_is_refused(copy, changes):
    rewritten(copy, **changes)
    with pytest.raises((SurrogateFault, InvalidArchitecture)):
        artifact.read(copy, SPACE)


def test_a_model_that_cannot_be_restored_is_told_with_its_libraries(copy):
    model = json.loads((copy / artifact.HEAD).read_text())["model"]
    del model["settings"]["model"]
    rewritten(copy, model=model)
    with pytest.raises(SurrogateFault, match=r"cannot be restored \(KeyError.*xgboost"):
        artifact.read(copy, SPACE)


def test_nothing_is_replaced_unasked(parts, copy):
    with pytest.raises(OutputFault, match="--overwrite"):
        artifact.write(parts, copy)
    artifact.write(parts, copy, overwrite=True)
    assert artifact.read(copy, SPACE).name == parts.name


def test_an_interruption_puts_the_old_one_back(parts, copy, monkeypatch):
    def interrupted(self, target, rename=Path.rename):
        if self.name == "new":
            raise KeyboardInterrupt
        return rename(self, target)

    monkeypatch.setattr(Path, "rename", interrupted)
    with pytest.raises(KeyboardInterrupt):
        artifact.write(parts, copy, overwrite=True)
    assert artifact.read(copy, SPACE).name == parts.name


def test_a_folder_that_is_no_surrogate_is_never_replaced(parts, tmp_path):
    folder = tmp_path / "mine.surrogate"
    folder.mkdir()
    (folder / "thesis.tex").write_text("years of work")
    with pytest.raises(OutputFault, match="is there already"):
        artifact.write(parts, folder, overwrite=True)
    assert (folder / "thesis.tex").exists()


def test_other_names_are_refused(parts, tmp_path):
    with pytest.raises(OutputFault, match=r"named \*.surrogate"):
        artifact.write(parts, tmp_path / "model")


def test_a_full_disk_leaves_what_was_there(parts, copy, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    before = {file.name: file.read_bytes() for file in copy.iterdir()}
    monkeypatch.setattr(artifact.os, "fsync", full)
    with pytest.raises(OutputFault, match="disk is full"):
        artifact.write(parts, copy, overwrite=True)
    assert {file.name: file.read_bytes() for file in copy.iterdir()} == before
    assert [each.name for each in copy.parent.iterdir()] == [copy.name]
