from __future__ import annotations

import json

import pytest

from nasbench.core import Budget, Constraint
from nasbench.errors import InvalidConfig, RunFault, SearcherFault, TestMetricRefused
from nasbench.harness.files import read_run, to_json, without_timings
from nasbench.harness.run import run


def test_every_run_is_what_run_gives_and_lies_in_its_file(start, registered, file, tmp_path):
    options = {"objectives": ("valid_loss",), "constraints": [Constraint("params", upper=400.0)]}
    done = start(**options, workers=2, settings={f"{file}:Uniform": {"epochs": 4}})
    for seed, found in enumerate(done):
        alone = run(
            registered,
            f"{file}:Uniform",
            seed,
            budget=Budget(6),
            workers=2,
            config={"epochs": 4},
            **options,
        )
        folder = tmp_path / "out" / "toy__toy-2x3x4x5-v1" / f"{file}:Uniform".replace("/", "__")
        path = folder.with_name(folder.name.replace(":", "__")) / f"seed-{seed}.json"
        assert to_json(without_timings(alone)) == to_json(without_timings(found))
        assert to_json(without_timings(read_run(path))) == to_json(without_timings(found))


def test_runs_come_by_searcher_and_seed_as_they_were_asked_for(start, file):
    names = [f"{file}:{name}" for name in ("Uniform", "Sleepy")]
    done = start(searchers=names, seeds=[4, 1])
    assert [(r.searcher, r.seed) for r in done] == [(n, s) for n in names for s in (4, 1)]


def test_runs_that_are_there_are_kept(inline, start, tmp_path):
    start(seeds=range(2))
    before = {path: path.read_bytes() for path in tmp_path.rglob("seed-*.json")}
    again, counted = inline(), []
    done = start(executor=again, on_done=lambda *numbers: counted.append(numbers))
    assert again.count == 1
    assert counted == [(2, 3), (3, 3)]
    assert [found.seed for found in done] == [0, 1, 2]
    assert all(path.read_bytes() == content for path, content in before.items())


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"budget": Budget(7)}, "budget"),
        ({"budget": Budget(6, cost_s=1e6)}, "budget"),
        ({"objectives": ("valid_loss",)}, "objectives"),
        ({"constraints": [Constraint("params", upper=1.0)]}, "constraints"),
        ({"workers": 2}, "workers"),
        ({"config": 4}, "config"),
        ({"sha256": "0" * 64}, "table_sha256"),
        ({"repeats": 3}, "noise_seed"),
    ],
)
def test_a_run_of_another_setting_is_refused_and_stays(
    inline, start, registered, file, tmp_path, changes, field
):
    start()
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    for attribute in {"sha256", "repeats"} & set(changes):
        setattr(registered, attribute, changes.pop(attribute))
    if "config" in changes:
        changes["settings"] = {f"{file}:Uniform": {"epochs": changes.pop("config")}}
    again = inline()
    with pytest.raises(RunFault, match=rf"expected {field} .*--out.*--overwrite"):
        start(executor=again, **changes)
    assert again.count == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before
    assert len(start(overwrite=True, **changes)) == 3


def test_a_malformed_file_is_refused(start, tmp_path):
    start()
    next(tmp_path.rglob("seed-1.json")).write_text("{")
    with pytest.raises(RunFault, match=r"seed-1\.json: expected JSON"):
        start()


def test_a_failing_run_does_not_lose_the_others(start, file, tmp_path):
    names = [f"{file}:{name}" for name in ("Broken", "Uniform")]
    with pytest.raises(SearcherFault, match=r"3 of 6 runs failed.*ZeroDivisionError"):
        start(searchers=names)
    assert len(list(tmp_path.rglob("seed-*.json"))) == 3
    notes = sorted(tmp_path.rglob("*.traceback.txt"))
    assert [note.name for note in notes] == [f"seed-{k}.traceback.txt" for k in range(3)]
    assert "ZeroDivisionError: of a searcher" in notes[0].read_text()


def test_a_run_to_be_overwritten_goes_even_if_the_new_one_fails(start, file, tmp_path):
    start()
    file.write_text(file.read_text().replace("archs = self", "raise ZeroDivisionError  # self"))
    with pytest.raises(SearcherFault):
        start(overwrite=True)
    assert not list(tmp_path.rglob("seed-*.json"))


def test_a_traceback_goes_when_the_run_is_done(start, file, tmp_path):
    names = [f"{file}:Broken"]
    with pytest.raises(SearcherFault):
        start(searchers=names)
    file.write_text(file.read_text().replace("raise ZeroDivisionError", "return super().ask(n) #"))
    start(searchers=names)
    assert not list(tmp_path.rglob("*.traceback.txt"))


def test_what_a_killed_comparison_left_of_a_file_goes(start, tmp_path):
    start()
    part = next(tmp_path.rglob("seed-1.json")).with_name(".seed-1.json.abcdef.part")
    part.write_text("half a ru")
    start()
    assert not part.exists()


def test_a_table_of_several_repeats_is_asked_with_the_runs_seed(start, registered):
    registered.repeats = 3
    assert [found.noise_seed for found in start()] == [0, 1, 2]
    registered.repeats = 1
    assert [found.noise_seed for found in start(overwrite=True)] == [None] * 3


def test_the_folder_tells_how_it_was_made(start, file, tmp_path):
    start(budget=Budget(6, cost_s=500.0))
    setting = json.loads((tmp_path / "out" / "compare.json").read_text())
    assert setting["searchers"] == {f"{file}:Uniform": {"epochs": None}}
    assert (setting["seeds"], setting["queries"], setting["cost_s"]) == ([0, 1, 2], 6, 500.0)


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"searchers": []}, InvalidConfig),
        ({"seeds": [1, 1]}, InvalidConfig),
        ({"settings": {"other": {}}}, InvalidConfig),
        ({"objectives": ("test_loss",)}, TestMetricRefused),
        ({"executor": None, "processes": 0}, InvalidConfig),
    ],
)
def test_a_wrong_setting_is_refused_before_any_run(start, tmp_path, changes, error):
    with pytest.raises(error):
        start(**changes)
    assert not list(tmp_path.rglob("seed-*"))


def test_a_worker_with_another_table_is_refused(inline, start, registered, tmp_path):
    class Elsewhere(inline):
        def submit(self, function, /, *args, **kwargs):
            registered.sha256 = "1" * 64
            future = super().submit(function, *args, **kwargs)
            registered.sha256 = "0" * 64
            return future

    registered.sha256 = "0" * 64
    with pytest.raises(RunFault, match="same version everywhere"):
        start(executor=Elsewhere())
    assert not list(tmp_path.rglob("seed-*"))
