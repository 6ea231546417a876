from __future__ import annotations

import dataclasses
import json
import math
from pathlib import Path

import jsonschema
import numpy as np
import pytest

from nasbench.core import Budget, Constraint
from nasbench.errors import OutputFault, RunFault
from nasbench.harness.files import (
    LARGEST_BYTES,
    from_json,
    read_run,
    run_path,
    to_json,
    without_timings,
    write_run,
)
from nasbench.harness.run import run
from nasbench.harness.schema import json_schema

SCHEMA = Path(__file__).parents[3] / "docs/run.schema.json"


@pytest.fixture
def done(toy, uniform):
    """A run with a failed training, infeasible evaluations and several objectives."""
    found = run(
        toy,
        uniform,
        3,
        budget=Budget(12),
        objectives=("valid_loss", "params"),
        constraints=[Constraint("params", upper=350)],
        config={"epochs": 4},
        workers=2,
        noise_seed=8,
    )
    found.trajectory.values[5, 0] = math.inf
    return found


@pytest.fixture
def document(done):
    return json.loads(to_json(done))


def columns(run):
    return {
        field.name: getattr(run.trajectory, field.name)
        for field in dataclasses.fields(run.trajectory)
    }


def test_a_run_that_is_written_is_read_back_digit_by_digit(done, tmp_path):
    path = tmp_path / "deep" / "er" / "run.json"
    write_run(done, path)
    again = read_run(path)
    for name, column in columns(done).items():
        assert column.dtype == columns(again)[name].dtype
        np.testing.assert_array_equal(column, columns(again)[name], strict=True)
    for field in dataclasses.fields(done):
        if field.name != "trajectory":
            assert getattr(again, field.name) == getattr(done, field.name), field.name


def test_writing_what_was_read_gives_the_same_bytes(done, tmp_path):
    write_run(done, tmp_path / "a.json")
    write_run(read_run(tmp_path / "a.json"), tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_run_without_evaluations_is_written_and_read(done, tmp_path):
    nothing = {name: column[:0] for name, column in columns(done).items()}
    empty = dataclasses.replace(done, trajectory=type(done.trajectory)(**nothing))
    write_run(empty, tmp_path / "run.json")
    assert len(read_run(tmp_path / "run.json").trajectory) == 0


def test_infinity_is_null_in_the_file(document):
    assert document["trajectory"]["values"][5][0] is None
    assert document["budget"] == {"queries": 12, "cost_s": None}


def test_timings_are_one_line_of_the_file(done):
    slower = dataclasses.replace(
        done, trajectory=dataclasses.replace(done.trajectory, spent_s=done.trajectory.spent_s * 2)
    )
    one, two = to_json(done).splitlines(), to_json(slower).splitlines()
    different = [a for a, b in zip(one, two, strict=True) if a != b]
    assert len(different) == 1
    assert different[0].startswith('"timings"')
    assert to_json(without_timings(done)) == to_json(without_timings(slower))


def test_the_published_schema_is_current():
    expected = json.dumps(json_schema(), indent=2) + "\n"
    assert SCHEMA.read_text() == expected, (
        "update it: python -m nasbench.harness.schema > docs/run.schema.json"
    )


def test_run_files_fit_the_published_schema(document):
    jsonschema.validate(document, json.loads(SCHEMA.read_text()))


def changed(document, place, value):
    *outer, last = place
    part = document
    for key in outer:
        part = part[key]
    part[last] = value
    return json.dumps(document)


@pytest.mark.parametrize(
    ("place", "value", "field"),
    [
        (("schema_version",), 2, "schema_version"),
        (("schema_version",), "1", "schema_version"),
        (("benchmark",), 3, "benchmark"),
        (("benchmark",), "", "benchmark"),
        (("seed",), -1, "seed"),
        (("seed",), 1.0, "seed"),
        (("seed",), True, "seed"),
        (("noise_seed",), "1", "noise_seed"),
        (("workers",), 0, "workers"),
        (("table_sha256",), "abc", "table_sha256"),
        (("code",), "abc", "code"),
        (("objectives",), [], "objectives"),
        (("objectives",), ["valid_loss"], "trajectory.values.0"),
        (("budget", "queries"), 0, "budget.queries"),
        (("budget", "queries"), 11, "trajectory"),
        (("budget", "cost_s"), 0.0, "budget.cost_s"),
        (("budget", "cost_s"), 0.1, "timings.spent_s"),
        (("config",), [], "config"),
        (("extra",), 1, "extra"),
        (("trajectory", "extra"), 1, "trajectory.extra"),
        (("trajectory", "epochs"), [8] * 11, "trajectory.genes"),
        (("trajectory", "epochs", 2), 0, "trajectory.epochs.2"),
        (("trajectory", "epochs", 2), 10**30, "trajectory.epochs.2"),
        (("trajectory", "genes", 3), [0, 0, 0], "trajectory.genes.3"),
        (("trajectory", "genes", 3, 0), -1, "trajectory.genes.3.0"),
        (("trajectory", "genes", 3, 0), 40_000, "trajectory.genes.3.0"),
        (("trajectory", "genes", 3, 0), 1.0, "trajectory.genes.3.0"),
        (("trajectory", "values", 3, 0), "1", "trajectory.values.3.0"),
        (("trajectory", "values", 3), None, "trajectory.values.3"),
        (("trajectory", "values"), [], "trajectory.values"),
        (("trajectory", "feasible", 0), 1, "trajectory.feasible.0"),
        (("trajectory", "feasible"), [True], "trajectory.feasible"),
        (("timings", "spent_s", 4), 0.0, "timings.spent_s.4"),
        (("timings", "spent_s"), [1.0], "timings.spent_s"),
        (("timings", "overhead_s", 0), 1e9, "timings.overhead_s"),
        (("timings", "overhead_s", 0), -1.0, "timings.overhead_s.0"),
        (("timings", "environment"), {"python": 3}, "timings.environment.python"),
        (("constraints", 0, "upper"), None, "constraints"),
        (("constraints", 0, "upper"), "350", "constraints.0.upper"),
    ],
)
def test_a_malformed_run_is_refused_with_file_field_expected_and_got(document, place, value, field):
    with pytest.raises(RunFault) as caught:
        from_json(changed(document, place, value), Path("some/run.json"))
    message = str(caught.value)
    assert message.startswith(f"some/run.json: {field}")
    assert "got" in message


@pytest.mark.parametrize("name", ["trajectory", "timings", "seed", "noise_seed", "budget"])
def test_a_missing_field_is_named(document, name):
    del document[name]
    with pytest.raises(RunFault, match=f"{name}: expected Field required"):
        from_json(json.dumps(document))


def test_a_run_without_the_hash_of_its_searcher_is_read(document):
    del document["code"]
    assert from_json(json.dumps(document)).code is None


@pytest.mark.parametrize("literal", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
def test_numbers_that_json_does_not_have_are_refused(done, literal):
    text = to_json(done).replace("null", literal, 1)
    with pytest.raises(RunFault, match=literal):
        from_json(text)


def test_a_key_that_is_there_twice_is_refused(done):
    text = to_json(done).replace('"seed"', '"seed": 1, "seed"', 1)
    with pytest.raises(RunFault, match="'seed' is there twice"):
        from_json(text)


@pytest.mark.parametrize(
    "text", ["", "{", "[]", "3", "null", "{}", '"run"', b"\xff\xfe\x00", "[" * 100_000, "9" * 5000]
)
def test_what_is_no_run_at_all_is_refused(tmp_path, text):
    path = tmp_path / "run.json"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(RunFault, match=r"run\.json: .*got"):
        read_run(path)


def test_every_truncation_is_refused(done):
    text = to_json(done).rstrip()
    for length in range(0, len(text), 97):
        with pytest.raises(RunFault):
            from_json(text[:length])


def test_a_file_too_large_is_refused_unread(tmp_path):
    path = tmp_path / "run.json"
    with path.open("wb") as stream:
        stream.truncate(LARGEST_BYTES + 1)  # sparse: takes no room
    with pytest.raises(RunFault, match="expected at most"):
        read_run(path)


@pytest.mark.parametrize("name", ["missing.json", "."])
def test_a_path_without_a_file_is_refused(tmp_path, name):
    with pytest.raises(RunFault, match="expected a run file, got 'no file'"):
        read_run(tmp_path / name)


@pytest.mark.parametrize("value", [math.nan, -math.inf])
def test_a_value_that_no_search_produces_is_not_written(done, tmp_path, value):
    done.trajectory.values[2, 0] = value
    with pytest.raises(RunFault, match=r"trajectory\.values\.2\.0"):
        write_run(done, tmp_path / "run.json")
    assert not list(tmp_path.iterdir())


def test_an_unwritable_place_is_an_output_fault(done, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputFault, match="choose another place"):
        write_run(done, tmp_path / "file" / "run.json")


def test_a_run_lies_below_its_benchmark_and_searcher():
    path = run_path(Path("out"), "toy/a", "my/file.py:Thing", 3)
    assert path == Path("out/toy__a/my__file.py__Thing/seed-3.json")
