"""From a comparison to a submission, and from its seeds to the same runs again."""

import json
import shutil
from dataclasses import fields, replace
from pathlib import Path

import jsonschema
import pytest

from leaderboards import records
from leaderboards.check import check
from leaderboards.documents import to_json
from leaderboards.pack import command, pack
from leaderboards.rerun import difference, rerun
from leaderboards.submission import json_schema, read_submission
from leaderboards.track import TRACKS, find_track, read_track, read_tracks
from nasbench import registry
from nasbench.cli import main
from nasbench.core import Budget, Constraint, Trajectory
from nasbench.errors import (
    InvalidConfig,
    SearcherFault,
    TestMetricRefused,
    UnknownName,
)
from nasbench.harness.files import read_run, run_path, write_run
from nasbench.harness.run import run

from .conftest import ABOUT, FOLDER, QUERIES, TABLE

SCHEMA = Path(__file__).parents[3] / "docs/submission.schema.json"


def test_a_run_of_seconds_that_is_much_longer_than_its_repetition_is_told(table):
    whole = run(table, "random-search", 0, budget=Budget(50, cost_s=1e9))
    trajectory = whole.trajectory
    for n, told in ((50, 0), (30, 0), (20, 1), (0, 1)):
        part = Trajectory(*(getattr(trajectory, each.name)[:n] for each in fields(trajectory)))
        assert len(difference("a", whole, replace(whole, trajectory=part))) == told
        assert len(difference("a", replace(whole, trajectory=part), whole)) == told


def test_the_published_schema_is_the_models():
    assert json.loads(SCHEMA.read_text()) == json_schema()


def test_a_packed_submission_fits_the_schema(packed):
    document = json.loads((packed / "submission.json").read_text())
    jsonschema.validate(document, json_schema())
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.validate(document | {"extra": 1}, json_schema())


def test_packing_keeps_what_was_told_and_leaves_other_seeds_out(packed, compared):
    assert sorted(path.name for path in packed.rglob("*.*")) == [
        *("mine.py", "seed-0.json", "seed-1.json", "seed-2.json", "submission.json")
    ]
    (before,) = compared.rglob("seed-1.json")
    a, b = read_run(before), read_run(packed / FOLDER / "seed-1.json")
    assert b.searcher == "mine.py:Mine"
    assert a.trajectory.values.tolist() == b.trajectory.values.tolist()
    assert a.trajectory.genes.tolist() == b.trajectory.genes.tolist()
    assert 0 <= (a.trajectory.spent_s - b.trajectory.spent_s).max() <= 1.01e-7


def test_packing_twice_gives_the_same_bytes(packed, compared, track, tracks, tmp_path):
    pack([compared], tmp_path / "again", track, about=ABOUT, tracks=tracks)
    for path in packed.rglob("*.*"):
        assert (tmp_path / "again" / path.relative_to(packed)).read_bytes() == path.read_bytes()


def test_runs_of_several_folders_are_packed_as_those_of_one(
    packed, compared, track, tracks, tmp_path
):
    halves = [tmp_path / "a", tmp_path / "b"]
    for half, seeds in zip(halves, ("[01]", "[23]"), strict=True):
        half.mkdir()
        for path in compared.rglob(f"seed-{seeds}.json"):
            shutil.copyfile(path, half / path.name)
    pack([*halves, halves[0]], tmp_path / "out", track, about=ABOUT, tracks=tracks)
    for path in packed.rglob("*.*"):
        assert (tmp_path / "out" / path.relative_to(packed)).read_bytes() == path.read_bytes()


def test_two_runs_of_one_seed_are_not_packed(compared, track, tracks, tmp_path):
    shutil.copytree(compared, tmp_path / "again")
    folders = [compared, tmp_path / "again"]
    with pytest.raises(InvalidConfig, match=r"expected one run of .* with seed 0, got .* and .*"):
        pack(folders, tmp_path / "out", track, about=ABOUT, tracks=tracks)
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_none_is_named(compared, track, tracks, tmp_path):
    folders = [compared, tmp_path / "nowhere"]
    with pytest.raises(InvalidConfig, match="nowhere is no folder"):
        pack(folders, tmp_path / "out", track, about=ABOUT, tracks=tracks)


def test_missing_runs_are_named_with_the_command_that_makes_them(compared, frozen, tmp_path):
    with pytest.raises(InvalidConfig, match=r"lacks 1 of the 5 .* seed 4.* --seeds 5 --queries 25"):
        pack([compared], tmp_path / "out", frozen(seeds=range(5)), about=ABOUT)
    assert list(tmp_path.iterdir()) == []


def test_what_would_be_refused_is_not_written(compared, track, tracks, tmp_path):
    with pytest.raises(InvalidConfig, match=r"submission.json: name: expected .* got 'No Name'"):
        pack([compared], tmp_path / "out", track, about=ABOUT | {"name": "No Name"}, tracks=tracks)
    opened = ABOUT | {"access": "open"}
    with pytest.raises(InvalidConfig, match="access: expected 'closed', as small-v1 is"):
        pack([compared], tmp_path / "out", track, about=opened, tracks=tracks)
    assert list(tmp_path.iterdir()) == []


def test_a_name_that_the_board_has_is_not_packed(compared, track, tracks, packed, tmp_path):
    board, setting = tmp_path / "entries", {"about": ABOUT, "tracks": tracks}
    shutil.copytree(packed, board / track.slug / ABOUT["name"])
    with pytest.raises(InvalidConfig, match="expected another name, unlike those on the board"):
        pack([compared], tmp_path / "out", track, **setting, entries=board)
    other = board / track.slug / "other"
    with pytest.raises(InvalidConfig, match="expected 'other', after its folder"):
        pack([compared], other, track, **setting, entries=board)
    assert not other.exists()
    assert not (tmp_path / "out").exists()


def test_a_folder_that_is_there_is_kept(packed, compared, track, tracks):
    before = sorted(packed.rglob("*"))
    with pytest.raises(InvalidConfig, match="is there already"):
        pack([compared], packed, track, about=ABOUT, tracks=tracks)
    assert sorted(packed.rglob("*")) == before


def test_seeds_give_the_same_runs_again_and_a_record_of_it(entry):
    found = rerun(entry.folder, record=True, tracks=entry.tracks)
    assert (found.runs, found.evaluations, found.complaints) == (3, 3 * QUERIES, [])
    assert entry.check().level == "re-run"


LEAVING = """import os, sys
from nasbench.searchers.random_search import RandomSearch
{first}
class Mine(RandomSearch):
    def ask(self, n=1):
        {then}
"""


@pytest.mark.parametrize(
    ("first", "then", "told"),
    [
        ("sys.exit(0)", "pass", "SystemExit"),
        ("", "sys.exit(0)", "SystemExit"),
        ("", "os._exit(0)", "ended abruptly"),
    ],
)
def test_a_searcher_that_ends_its_process_is_no_reproduction(entry, first, then, told, tmp_path):
    (tmp_path / "leaving.py").write_text(LEAVING.format(first=first, then=then))
    with pytest.raises(SearcherFault, match=told):
        rerun(
            entry.folder, searcher=f"{tmp_path}/leaving.py:Mine", record=True, tracks=entry.tracks
        )
    assert not (entry.folder / "rerun.json").exists()


def test_a_submission_that_is_no_folder_is_told_once(tmp_path):
    (complaint,) = check(tmp_path / "gone").complaints
    assert f"{complaint}" == "gone: expected a folder, got none"
    assert "no such file" in f"{check(tmp_path).complaints[0]}"


def test_a_folder_of_entries_that_is_not_there_is_told(entry, tmp_path, capsys):
    with pytest.raises(SystemExit) as ended:
        main(["submit", "check", f"{entry.folder}", "--entries", f"{tmp_path / 'gone'}"])
    assert ended.value.code == 1
    assert "expected a folder of entries (--entries)" in capsys.readouterr().err


def test_a_record_lapses_when_a_run_changes(entry):
    rerun(entry.folder, record=True, tracks=entry.tracks)
    entry.edit(entry.run(), lambda run: run["timings"]["environment"].__setitem__("cpu", "other"))
    assert "rerun.json: expected a record of the run files as they are" in entry.complaints()


def test_another_searcher_does_not_give_the_same_runs(entry):
    found = rerun(entry.folder, searcher="reinforce", record=True, tracks=entry.tracks)
    assert [c.field.partition(".")[0] for c in found.complaints] == ["trajectory"] * 3
    assert not (entry.folder / "rerun.json").exists()


def exchange(a: Path, b: Path) -> None:
    """Give two runs the seed of each other, and nothing else."""
    texts = [path.read_text() for path in (a, b)]
    first, second = (json.loads(text)["seed"] for text in texts)
    b.write_text(texts[0].replace(f'"seed":{first}', f'"seed":{second}'))
    a.write_text(texts[1].replace(f'"seed":{second}', f'"seed":{first}'))


def test_reordered_seeds_are_found_by_running_again(mine, frozen, tmp_path):
    """Each of two runs is true in itself, only not of its seed, where answers have no noise."""
    track = frozen(benchmarks=["cell201/mnist1d"], seeds=range(3))
    (tmp_path / "tracks").mkdir()
    (tmp_path / f"tracks/{track.slug}.json").write_text(to_json(track))
    for seed in track.seeds:
        done = run(
            registry.benchmark("cell201/mnist1d"), f"{mine}:Mine", seed, budget=Budget(QUERIES)
        )
        write_run(done, run_path(tmp_path / "runs", "cell201/mnist1d", "mine", seed))
    out = tmp_path / "out"
    pack([tmp_path / "runs"], out, track, about=ABOUT, tracks=tmp_path / "tracks")
    files = [f"cell201__mnist1d/seed-{seed}.json" for seed in (1, 2)]
    exchange(*(out / file for file in files))
    assert check(out, tracks=tmp_path / "tracks", entries=None).level == "replayed"
    found = rerun(out, tracks=tmp_path / "tracks")
    assert [complaint.file for complaint in found.complaints] == files


def test_reordered_seeds_of_a_table_of_several_trainings_are_refused(entry):
    """A run is told the trainings of its own seed."""
    exchange(entry.run(1), entry.run(2))
    assert f"{FOLDER}/seed-1.json: noise_seed: expected 1, got 2" in entry.complaints()


def test_what_is_refused_is_not_run(entry):
    (entry.folder / "mine.py").write_text("raise SystemExit('executed')\n")
    with pytest.raises(InvalidConfig, match="is refused, so it is not run again"):
        rerun(entry.folder, tracks=entry.tracks)


def test_under_a_limit_on_seconds_runs_are_compared_as_far_as_both_go(
    table, mine, frozen, tmp_path
):
    track = frozen(budget=Budget(QUERIES, 20.0), kind="any-time", seeds=[0])
    (tmp_path / "tracks").mkdir()
    (tmp_path / f"tracks/{track.slug}.json").write_text(to_json(track))
    done = run(table, f"{mine}:Mine", 0, budget=track.run_budget)
    write_run(done, run_path(tmp_path / "runs", TABLE, "mine", 0))
    assert 0 < len(done.trajectory) < QUERIES
    pack([tmp_path / "runs"], tmp_path / "out", track, about=ABOUT, tracks=tmp_path / "tracks")
    found = rerun(tmp_path / "out", tracks=tmp_path / "tracks")
    assert found.complaints == []
    assert found.evaluations >= len(done.trajectory) - 1


def verification(entry, sha256):
    """A verification's file about the run of seed 0."""
    bounds = {"estimate": 70.0, "low": 68.0, "high": 72.0}
    source = {"searcher": "mine.py:Mine", "seed": 0, "file": "seed-0.json", "sha256": sha256}
    measurement = {
        "genes": [0] * 6,
        "text": "a cell",
        "found_by": [source],
        "predicted": bounds,
        "repeats": 1,
        "accuracies": [69.0, 70.0, 71.0],
        "files": ["a", "b", "c"],
        "diverged": 0,
        "measured": bounds,
        "p_value": 0.4,
        "verdict": "confirmed",
        "against_reference": None,
    }
    maker = {"code": "x"}
    return {
        "benchmark": TABLE,
        "table_sha256": None,
        "space": "cell201-v1",
        "task": "digits-on-photos",
        "recipe": {},
        "seeds": [1000, 1001, 1002],
        "top": 1,
        "device": "cpu",
        "maker": maker,
        "table_makers": [],
        "same_maker": None,
        "level": 0.95,
        "noise": 1.0,
        "degrees": 2,
        "shift": None,
        "train_s": 3.0,
        "measurements": [measurement],
        "skipped": [],
    }


def test_winners_that_were_retrained_are_the_highest_level(entry):
    import hashlib

    sha256 = hashlib.sha256(entry.run().read_bytes()).hexdigest()
    path = entry.folder / FOLDER / "verify.json"
    path.write_text(json.dumps(verification(entry, sha256)))
    assert entry.check().complaints == []
    assert entry.check().level == "replayed"  # the levels are climbed one by one
    rerun(entry.folder, record=True, tracks=entry.tracks)
    report = entry.check()
    assert report.level == "winner retrained"
    (found,) = report.evidence.retrainings
    assert (found.mean, found.low, found.high, found.trainings) == (70.0, 68.0, 72.0, 3)
    path.write_text(json.dumps(verification(entry, "0" * 64)))
    assert "verify.json: expected a record of the run files as they are" in entry.complaints()


def test_only_files_of_a_verification_may_lie_beside_the_runs():
    folders = {FOLDER}
    assert records.retrained(f"{FOLDER}/verify/a/b.json", folders)
    assert not records.retrained(f"{FOLDER}/verify/a/b.html", folders)
    assert not records.retrained("verify.json", folders)
    assert not records.retrained("other/verify.json", folders)


def test_the_tracks_that_ship_are_of_the_tables_that_ship():
    for track in read_tracks():
        newest = find_track(track.name)
        for benchmark in newest.benchmarks:
            assert newest.benchmark(benchmark.name).name == benchmark.name
        assert len(track.seeds) >= 10


def test_a_track_is_read_as_it_was_frozen(track, tmp_path):
    path = tmp_path / "small-v1.json"
    path.write_text(to_json(track))
    assert read_track(path) == track
    path.rename(tmp_path / "other-v1.json")
    with pytest.raises(InvalidConfig, match=r"expected the file name small-v1.json"):
        read_track(tmp_path / "other-v1.json")


def test_the_newest_version_is_found_and_older_ones_by_name(frozen, tmp_path):
    for version in (1, 2):
        track = frozen(version=version)
        (tmp_path / f"{track.slug}.json").write_text(to_json(track))
    assert find_track("small", folder=tmp_path).version == 2
    assert find_track("small-v1", folder=tmp_path).version == 1
    assert find_track("small", 1, folder=tmp_path).version == 1
    with pytest.raises(UnknownName, match="did you mean 'small-v2'"):
        find_track("smal-v2", folder=tmp_path)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"seeds": [0, 0]}, "different seeds"),
        ({"name": "Small"}, "name"),
        ({"kind": "aggregate"}, "several benchmarks"),
        ({"kind": "multi-objective"}, "several objectives"),
        ({"benchmarks": [TABLE, f"{TABLE}@xgb"]}, "tables or of surrogates"),
        ({"version": 0}, "version"),
        ({"constraints": [Constraint("test_accuracy", upper=1)]}, "test split"),
        ({"objectives": ["test_accuracy"]}, "test split"),
    ],
)
def test_tracks_that_make_no_sense_are_refused(frozen, changes, message):
    with pytest.raises((InvalidConfig, TestMetricRefused), match=message):
        frozen(**changes)


def test_a_track_of_another_table_is_refused(track):
    other = track.model_copy(
        update={"benchmarks": [track.benchmarks[0].model_copy(update={"sha256": "0" * 64})]}
    )
    with pytest.raises(InvalidConfig, match=r"frozen with .* of sha256 0000"):
        other.benchmark(TABLE)


def test_a_submission_to_a_track_of_another_table_is_not_replayed(entry, track, tmp_path):
    document = json.loads(to_json(track))
    document["benchmarks"][0]["sha256"] = "0" * 64
    entry.tracks = tmp_path / "tracks"
    entry.tracks.mkdir()
    (entry.tracks / "small-v1.json").write_text(json.dumps(document))
    assert "small-v1.json: benchmarks: expected" in entry.complaints()


def test_a_submission_to_no_track_is_refused(entry):
    entry.edit("submission.json", lambda about: about["track"].__setitem__("version", 9))
    assert "track: expected a track of the board, got unknown track 'small-v9'" in (
        entry.complaints()
    )


def test_the_command_of_a_track_names_all_that_matters(frozen):
    track = frozen(
        kind="multi-objective",
        objectives=["valid_accuracy", "params"],
        constraints=[Constraint("params", upper=5e4)],
        budget=Budget(30, 60.5),
    )
    assert command(track, "mine.py:Mine") == (
        f"nasbench compare {TABLE} -s mine.py:Mine --seeds 3 --queries 30 --seconds 60.5 "
        "--objective valid_accuracy --objective params --constraint 'params<=50000.0'"
    )


def test_a_submission_is_read(packed):
    found = read_submission(packed)
    assert (found.name, found.source, found.authors) == ("mine", "mine.py", ABOUT["authors"])


def test_the_folder_of_tracks_holds_nothing_else():
    assert {path.stem for path in TRACKS.iterdir()} == {track.slug for track in read_tracks()}
