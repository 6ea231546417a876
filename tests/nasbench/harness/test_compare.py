from __future__ import annotations

import hashlib
import json
import os

import pytest

from nasbench import registry
from nasbench.core import Budget, Constraint
from nasbench.errors import (
    InvalidConfig,
    OutputFault,
    RunFault,
    SearcherFault,
    TestMetricRefused,
)
from nasbench.harness import compare as module
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


def test_searchers_whose_runs_would_have_the_same_files_are_refused(start, file, tmp_path):
    beside, inside = tmp_path / "sub__mine.py", tmp_path / "sub" / "mine.py"
    inside.parent.mkdir()
    for path in (beside, inside):
        path.write_text(file.read_text())
    with pytest.raises(InvalidConfig, match="the same files"):
        start(searchers=[f"{beside}:Uniform", f"{inside}:Uniform"])
    assert not list(tmp_path.rglob("seed-*.json"))


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
        ({"constraints": [Constraint("params", upper=400.0)]}, "constraints"),
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


def test_a_searcher_that_exits_is_a_failed_run(start, file, tmp_path):
    leave = "raise SystemExit(0)  # ZeroDivisionError"
    file.write_text(file.read_text().replace("raise ZeroDivisionError", leave))
    with pytest.raises(SearcherFault, match=r"3 of 6 runs failed.*SystemExit"):
        start(searchers=[f"{file}:{name}" for name in ("Broken", "Uniform")])
    assert len(list(tmp_path.rglob("seed-*.json"))) == 3


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


def test_an_edited_searcher_is_not_taken_for_the_old_one(inline, start, file, tmp_path):
    first = start()
    assert {done.code for done in first} == {hashlib.sha256(file.read_bytes()).hexdigest()}
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    file.write_text(file.read_text().replace("sample(n, self.rng)", "sample(n, self.rng)[::-1]"))
    again = inline()
    with pytest.raises(RunFault, match=r"source has changed.*--out.*--overwrite"):
        start(executor=again)
    assert again.count == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before
    assert {done.code for done in start(overwrite=True)} != {first[0].code}


@pytest.mark.parametrize("overwrite", [False, True])
@pytest.mark.parametrize(
    ("changes", "says"),
    [
        ({"budget": Budget(7)}, "different budget"),
        ({"objectives": ("valid_loss",)}, "different objectives"),
        ({"workers": 2}, "different workers"),
        ({"settings": {"epochs": 4}}, "one configuration"),
        ({"repeats": 3}, "means over repeats"),
        ({"code": True}, "source changed"),
    ],
)
def test_a_folder_whose_other_runs_do_not_fit_is_refused_at_once(
    inline, start, registered, file, tmp_path, changes, says, overwrite
):
    start(seeds=range(2))
    before = {path: path.read_bytes() for path in tmp_path.rglob("*.json")}
    changes = dict(changes)
    if "repeats" in changes:
        registered.repeats = changes.pop("repeats")
    if "settings" in changes:
        changes["settings"] = {f"{file}:Uniform": changes["settings"]}
    if changes.pop("code", False):
        file.write_text(file.read_text() + "\n")
    again = inline()
    with pytest.raises(RunFault, match=rf"{says}.*--out"):
        start(executor=again, seeds=[7], overwrite=overwrite, **changes)
    assert again.count == 0
    assert {path: path.read_bytes() for path in tmp_path.rglob("*.json")} == before


def test_two_comparisons_in_one_folder_do_not_disturb_each_other(inline, start, file, tmp_path):
    part = tmp_path / "out" / ".compare.json.abcdef.part"
    second = []

    class Slow(inline):
        def submit(self, function, /, *args, **kwargs):
            if not second:
                part.write_text("of the first one, at work")
                with pytest.raises(OutputFault, match="another comparison is at work") as caught:
                    start(seeds=[5])
                second.append(caught)
                assert part.exists()
            return super().submit(function, *args, **kwargs)

    assert len(start(executor=Slow())) == 3
    assert second
    assert len(start(seeds=[5])) == 1


def test_what_cannot_be_removed_is_an_output_fault(start, tmp_path):
    start()
    path = next(tmp_path.rglob("seed-1.json"))
    note = path.with_suffix(".traceback.txt")
    note.mkdir()
    with pytest.raises(OutputFault, match="cannot write"):
        start()


def test_a_table_that_was_replaced_is_opened_again(tmp_path, monkeypatch):
    path, opened = tmp_path / "table.h5", []
    monkeypatch.setattr(registry, "benchmark", lambda name: opened.append(name) or object())
    path.write_text("one")
    first = module._benchmark(str(path))
    assert module._benchmark(str(path)) is first
    os.utime(path, ns=(1, 1))
    assert module._benchmark(str(path)) is not first
    assert opened == [str(path)] * 2


def test_the_table_of_a_sample_is_refused_before_any_run(tmp_path):
    name = "darts/digits-on-photos"
    told = rf"knows 350 architectures of darts-v1 .* compare them on {name}@gnn or {name}@xgb"
    with pytest.raises(InvalidConfig, match=told):
        module.compare(name, ["random-search"], [0], budget=Budget(2), out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_without_a_registered_surrogate_of_a_sample_fitting_one_is_advised(
    start, registered, monkeypatch
):
    monkeypatch.setattr(module, "knows_all", lambda benchmark: False)
    with pytest.raises(InvalidConfig, match="`nasbench surrogate fit`"):
        start()
