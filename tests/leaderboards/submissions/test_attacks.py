"""Everything that a submission may try; each is refused with a message that says what is wrong."""

import json
import os
import time
import zipfile

import numpy as np
import pytest

from leaderboards.documents import Refused, parse
from leaderboards.flags import flags
from nasbench.core import Architecture, Budget, Candidate
from nasbench.errors import OutputFault
from nasbench.harness.files import to_json
from nasbench.harness.lock import locked
from nasbench.harness.run import run

from .conftest import FOLDER, QUERIES, TABLE

RUN = f"{FOLDER}/seed-0.json"


def result_of(table, genes):
    return table.query([Candidate(Architecture(table.space.name, tuple(genes)))])[0]


def test_an_honest_submission_is_accepted(entry):
    report = entry.check()
    assert (report.complaints, report.flags) == ([], [])
    assert report.level == "replayed"
    assert report.accepted(strict=True)
    assert sum(len(done.trajectory) for done in report.runs.values()) == 3 * QUERIES


def test_a_changed_value(entry):
    entry.edit(RUN, lambda run: run["trajectory"]["values"].__setitem__(7, [-99.0]))
    assert f"{RUN}: values.7: expected [-" in entry.complaints()
    assert "got [-99.0]" in entry.complaints()
    assert [flag.kind for flag in entry.check().flags] == ["better than the optimum"]


def test_a_changed_architecture(entry):
    def change(run):
        genes = run["trajectory"]["genes"]
        genes[7] = next(other for other in genes if other != genes[7])

    entry.edit(RUN, change)
    assert "values.7" in entry.complaints()


def test_a_changed_architecture_with_its_own_value(entry, table):
    def change(run):
        columns = run["trajectory"]
        columns["genes"][7] = next(g for g in columns["genes"] if g != columns["genes"][7])
        result = result_of(table, columns["genes"][7])
        columns["values"][7] = [-result.metrics["valid_accuracy"]]

    entry.edit(RUN, change)
    assert f"{RUN}: spent_s.7 - overhead_s.7: expected" in entry.complaints()


@pytest.mark.parametrize(
    ("genes", "message"), [([0, 1, 2], "genes"), ([9, 9, 9, 9, 9, 9], "genes.4"), ("x", "list")]
)
def test_an_architecture_that_the_space_lacks(entry, genes, message):
    entry.edit(RUN, lambda run: run["trajectory"]["genes"].__setitem__(4, genes))
    assert message in entry.complaints()


def test_bad_seeds_that_were_dropped(entry):
    entry.run(1).unlink()
    assert entry.complaints() == f"{FOLDER}/seed-1.json: expected a run file, got none"


def test_extra_seeds(entry, compared):
    (more,) = compared.rglob("seed-3.json")
    entry.run(3).write_bytes(more.read_bytes())
    assert f"{FOLDER}/seed-3.json: expected only the runs of small-v1" in entry.complaints()


def test_one_seed_under_the_name_of_another(entry):
    entry.run(1).write_bytes(entry.run(2).read_bytes())
    assert f"{FOLDER}/seed-1.json: seed: expected 1, got 2" in entry.complaints()


def test_reordered_steps(entry):
    def change(run):
        for name, column in run["trajectory"].items():
            run["trajectory"][name] = column[::-1]

    entry.edit(RUN, change)
    assert "spent_s.0 - overhead_s.0" in entry.complaints()


@pytest.mark.parametrize("factor", [0.5, 0.999, 1.5])
def test_a_wrong_cost(entry, factor):
    def change(run):
        timings = run["timings"]
        trained = np.subtract(timings["spent_s"], timings["overhead_s"])
        timings["spent_s"] = (factor * trained + timings["overhead_s"]).tolist()

    entry.edit(RUN, change)
    assert "s of training so far" in entry.complaints()


def test_more_evaluations_than_the_budget_allows(entry, table, mine):
    longer = run(table, f"{mine}:Mine", 0, budget=Budget(QUERIES + 5))
    entry.run().write_text(to_json(longer))
    entry.edit(RUN, lambda run: run.__setitem__("searcher", "mine.py:Mine"))
    told = entry.complaints()
    assert f"budget.queries: expected {QUERIES}, the track's, got {QUERIES + 5}" in told
    assert f"trajectory: expected at most the track's {QUERIES}, got {QUERIES + 5}" in told


def test_more_evaluations_than_the_file_itself_allows(entry):
    entry.edit(RUN, lambda run: run["trajectory"]["epochs"].append(6))
    assert f"trajectory: expected at most {QUERIES} evaluations, got 26" in entry.complaints()


def test_a_limit_on_seconds_that_the_track_does_not_have(entry):
    entry.edit(RUN, lambda run: run["budget"].__setitem__("cost_s", 1e6))
    assert "budget.cost_s: expected inf, the track's, got 1000000.0" in entry.complaints()


def test_a_test_metric_as_objective(entry):
    entry.edit(RUN, lambda run: run.__setitem__("objectives", ["test_accuracy"]))
    assert "nothing may be searched on the test split, got ('test_accuracy',)" in entry.complaints()


def test_another_objective(entry):
    entry.edit(RUN, lambda run: run.__setitem__("objectives", ["valid_loss"]))
    assert "objectives: expected ('valid_accuracy',)" in entry.complaints()


def test_a_wrong_table_hash(entry):
    entry.edit(RUN, lambda run: run.__setitem__("table_sha256", "0" * 64))
    assert "which the track is frozen with, got '0000" in entry.complaints()


def test_results_of_a_surrogate(entry):
    entry.edit(RUN, lambda run: run.__setitem__("benchmark", f"{TABLE}@xgb"))
    assert f"'{TABLE}' itself, not a surrogate of it, got '{TABLE}@xgb'" in entry.complaints()


def test_results_of_several_workers(entry):
    entry.edit(RUN, lambda run: run.__setitem__("workers", 4))
    assert "workers: expected 1 worker, got 4" in entry.complaints()


def test_a_constraint_that_the_track_does_not_have(entry):
    bound = {"metric": "params", "upper": 1e9, "lower": None}
    entry.edit(RUN, lambda run: run["constraints"].append(bound))
    assert "constraints: expected ()" in entry.complaints()


@pytest.mark.parametrize("field", ["searcher", "config", "code"])
def test_runs_of_several_searchers(entry, field):
    values = {"searcher": "random-search", "config": {"lucky": 7}, "code": "0" * 64}
    entry.edit(entry.run(2), lambda run: run.__setitem__(field, values[field]))
    assert f"{FOLDER}/seed-2.json: {field}: expected" in entry.complaints()


def test_a_source_that_is_not_the_one_that_ran(entry):
    (entry.folder / "mine.py").write_text("raise SystemExit('executed')\n")
    assert entry.complaints().count("of one source for all runs") == 3


def test_a_run_without_evaluations(entry):
    def change(run):
        for columns in (run["trajectory"], run["timings"]):
            for name in columns.keys() - {"environment"}:
                columns[name] = []

    entry.edit(RUN, change)
    assert f"{RUN}: trajectory: expected one evaluation or more, got none" in entry.complaints()


@pytest.mark.parametrize("name", ["mine", "m-ine", "m1ne", "mlne", "rnine"])
def test_a_name_that_is_taken_or_looks_like_one_that_is(entry, tmp_path, name):
    (tmp_path / "entries/small-v1" / name).mkdir(parents=True)
    told = entry.complaints(entries=tmp_path / "entries")
    assert f"'mine', where there is '{name}'" in told


def test_an_entry_is_no_rival_of_itself(entry, tmp_path):
    place = tmp_path / "entries/small-v1/mine"
    place.parent.mkdir(parents=True)
    entry.folder = entry.folder.rename(place)
    assert entry.check(entries=tmp_path / "entries").complaints == []


def test_a_folder_of_another_name(entry, tmp_path):
    place = tmp_path / "entries/small-v1/yours"
    place.parent.mkdir(parents=True)
    entry.folder = entry.folder.rename(place)
    assert "name: expected 'yours', after its folder, got 'mine'" in entry.complaints(
        entries=tmp_path / "entries"
    )


def test_a_folder_of_another_track(entry, tmp_path):
    place = tmp_path / "entries/large-v1/mine"
    place.parent.mkdir(parents=True)
    entry.folder = entry.folder.rename(place)
    told = entry.complaints(entries=tmp_path / "entries")
    assert "track: expected 'large-v1', after its folder, got 'small-v1'" in told


@pytest.mark.parametrize("path", ["submission.json", RUN])
def test_ten_gigabytes_of_json_are_not_read(entry, path):
    with (entry.folder / path).open("ab") as stream:
        stream.truncate(10 * 1024**3)  # a hole, which takes no room on the disk
    told = entry.complaints()
    assert f"{path}: expected at most " in told
    assert "got 10,737,418,240 bytes" in told


@pytest.mark.parametrize("path", ["submission.json", RUN, "rerun.json"])
@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deeply_nested_json(entry, path, opening):
    (entry.folder / path).write_text(opening * 10_000)
    assert f"{path}: expected JSON, got JSON that is nested too deeply" in entry.complaints()


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999", "-1e999"])
@pytest.mark.parametrize("path", ["submission.json", RUN])
def test_numbers_that_are_none(entry, path, number):
    text = (entry.folder / path).read_text()
    field = '"evaluations"' if path == "submission.json" else '"spent_s"'
    (entry.folder / path).write_text(text.replace(f"{field}:", f"{field}: {number}, {field}:", 1))
    assert f"{path}: expected JSON, got what is none: {number} is" in entry.complaints()


@pytest.mark.parametrize("digits", [400, 5_000])
@pytest.mark.parametrize("field", ["seed", "noise_seed", "schema_version", "workers"])
def test_whole_numbers_without_end(entry, field, digits):
    text = entry.run().read_text()
    start = text.index(f'"{field}":') + len(field) + 3
    end = text.index(",", start)
    entry.run().write_text(f"{text[:start]}{'9' * digits}{text[end:]}")
    assert RUN in entry.complaints()


def test_a_value_beyond_a_double(entry):
    entry.edit(RUN, lambda run: run["trajectory"]["values"].__setitem__(3, [10**400]))
    assert RUN in entry.complaints()


def test_a_key_twice(entry):
    text = entry.run().read_text()
    entry.run().write_text(text.replace('"seed":', '"seed":5,"seed":', 1))
    assert "'seed' is there twice" in entry.complaints()


def test_a_key_twice_at_the_end_of_very_many_is_found_at_once():
    keys = ",".join(f'"{k}":1' for k in range(20_000))
    before = time.process_time()
    with pytest.raises(Refused, match="'last' is there twice"):
        parse(f'{{{keys},"last":1,"last":1}}'.encode())
    assert time.process_time() - before < 1


def test_architectures_without_genes(entry):
    def change(run):
        run["trajectory"]["genes"] = [[] for _ in run["trajectory"]["genes"]]

    entry.edit(RUN, change)
    assert f"{RUN}: trajectory.genes.0: expected 1 genes, got 0" in entry.complaints()


def test_folders_in_folders_without_end(entry):
    (entry.folder / "/".join("a" * 300)).mkdir(parents=True)
    assert "a/a/a: expected folders at most 2 deep" in entry.complaints()


def test_an_empty_folder(entry):
    (entry.folder / FOLDER / "sub").mkdir()
    told = entry.complaints()
    assert f"{FOLDER}/sub/: expected a folder that holds something, got an empty one" in told


@pytest.mark.parametrize("target", ["/etc/passwd", "../mine/cell201__digits-on-photos/seed-1.json"])
def test_links_to_files(entry, target):
    entry.run().unlink()
    entry.run().symlink_to(target)
    told = entry.complaints()
    assert f"{RUN}: expected a regular file or folder, got a link" in told
    assert "root" not in told


def test_links_to_folders(entry, tmp_path):
    (entry.folder / FOLDER).rename(tmp_path / "elsewhere")
    (entry.folder / FOLDER).symlink_to(tmp_path / "elsewhere")
    assert f"{FOLDER}: expected a regular file or folder, got a link" in entry.complaints()


def test_a_folder_that_is_a_link(entry, tmp_path):
    entry.folder = entry.folder.rename(tmp_path / "elsewhere")
    link = tmp_path / "mine"
    link.symlink_to(entry.folder)
    entry.folder = link
    assert "expected a folder, got a link" in entry.complaints()


def test_a_pipe_is_not_waited_for(entry):
    entry.run().unlink()
    os.mkfifo(entry.run())
    assert "got a device, pipe or socket" in entry.complaints()


@pytest.mark.parametrize(
    "source", ["../mine.py", "/etc/passwd", "a/../../b.py", "..", ".py", "mine.py\0", "mine.pyc"]
)
def test_paths_that_lead_elsewhere(entry, source):
    entry.edit("submission.json", lambda about: about.__setitem__("source", source))
    assert "submission.json: source: expected" in entry.complaints()


def test_archives(entry):
    with zipfile.ZipFile(entry.folder / "runs.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("seed-0.json", " " * 1_000_000)
    assert (
        "runs.zip: expected plain files, got an archive, and none is opened" in entry.complaints()
    )


def test_other_files(entry):
    (entry.folder / FOLDER / "index.html").write_text("<script>alert(1)</script>")
    assert "index.html: expected only the runs of small-v1" in entry.complaints()


@pytest.mark.parametrize(
    "name", ["se\u202eed.json", "seed-0.json\u200b", "\u0455eed-0.json", "a\nb"]
)
def test_file_names_that_are_not_what_they_look_like(entry, name):
    (entry.folder / FOLDER / name).write_text("{}")
    told = entry.complaints()
    assert "expected a name of ASCII letters" in told
    assert told.isascii()
    assert len(told.splitlines()) == 1


NAMES = [
    "Mine",
    "m\u0456ne",
    "mi\u200bne",
    "mine\n",
    "../mine",
    "mine ",
    "-mine",
    "m" * 65,
    "mine.py",
    "",
]


@pytest.mark.parametrize("name", NAMES)
def test_names_that_are_not_plain(entry, name):
    entry.edit("submission.json", lambda about: about.__setitem__("name", name))
    assert "submission.json: name: expected" in entry.complaints()


TRICKS = {
    "right to left": "Ada\u202egnissap",
    "zero width": "A\u200bda",
    "control": "Ada\x1b[31m",
    "null": "Ada\0",
    "tag": "Ada\U000e0041",
    "private use": "Ada\ue000",
    "line separator": "Ada\u2028Lovelace",
    "not normalized": "Mu\u0308ller",
    "Cyrillic a": "\u0410da",
    "Greek o": "L\u03bfvelace",
    "Armenian o": "L\u0585velace",
    "Cherokee a": "\u13aada",
    "full width": "\uff21da",
    "mathematical bold": "\U0001d400da",
    "filler": "Ada\u3164Lovelace",
    "joiner": "A\u034fda",
    "variation": "Ada\ufe0f",
}


@pytest.mark.parametrize("text", TRICKS.values(), ids=TRICKS)
def test_text_that_hides_something(entry, text):
    def change(about):
        about["authors"] = [text]
        about["description"] = f"By {text}."
        about["tuning"] = {"evaluations": 0, "cost_s": 0.0, "description": text}
        about["environment"]["cpu"] = text

    entry.edit("submission.json", change)
    told = entry.complaints()
    for field in ("authors.0", "description", "tuning.description", "environment.cpu"):
        assert f"submission.json: {field}: expected" in told
    assert len(told.splitlines()) == 4
    assert not [c for c in told if not c.isprintable() and c != "\n"]


@pytest.mark.parametrize("text", [" ", "\u00a0", "Ada\nBeats everyone"])
def test_a_name_of_an_author_is_one_line_that_is_seen(entry, text):
    entry.edit("submission.json", lambda about: about.__setitem__("authors", [text]))
    assert "submission.json: authors.0: expected one line" in entry.complaints()


@pytest.mark.parametrize("text", ["李雷", "Ирина П.", "in µs on m²… № 5, AIモデル", "Øyvind Ł."])
def test_text_of_many_languages_is_accepted(entry, text):
    entry.edit("submission.json", lambda about: about.__setitem__("authors", [text]))
    assert entry.check().complaints == []


@pytest.mark.parametrize(
    "address",
    [
        "https://x.org/\x00a",
        "https://x.org/\x1b]0;hi\x07",
        "\x01https://x.org/",
        "https://github.com@evil.org/",
        "javascript:alert(1)",
        "data:text/html,<script>alert(1)</script>",
        "https://",
        "https://x.org/\u202e",
        'https://x.org/"><script>',
        "file:///etc/passwd",
        "https://[::1",
        "//x.org/a",
        "https://\u0430pple.com/",
    ],
)
def test_addresses_that_are_not_of_the_web(entry, address):
    entry.edit("submission.json", lambda about: about.__setitem__("paper", address))
    assert "submission.json: paper: expected" in entry.complaints()


def test_all_complaints_come_at_once(entry):
    entry.edit("submission.json", lambda about: about.__setitem__("searcher", "other"))
    entry.edit(RUN, lambda run: run["trajectory"]["values"].__setitem__(7, [-99.0]))
    entry.edit(entry.run(1), lambda run: run.__setitem__("workers", 2))
    entry.run(2).unlink()
    (entry.folder / "more.txt").write_text("more")
    told = entry.complaints()
    for part in ("searcher", "values.7", "workers", "seed-2.json", "more.txt"):
        assert part in told


def test_complaints_do_not_flood(entry):
    def change(run):
        run["trajectory"]["values"] = [["x"] for _ in range(QUERIES)]

    entry.edit(RUN, change)
    lines = entry.complaints().splitlines()
    assert len(lines) == 21
    assert lines[-1] == f"{RUN}: expected no complaint, got 5 more of them"


@pytest.fixture(scope="module")
def best(table):
    """The best cells of the table, the best first."""
    genes, columns = table.rows()
    return genes[np.argsort(-columns["valid_accuracy"])][:30].tolist()


def searcher_of(cells):
    """A searcher that knows these cells and proposes them, then draws uniformly."""

    class Knowing:
        def __init__(self, problem, rng, config=None):
            self.space, self.rng, self.left = problem.space, rng, list(cells(rng))

        def ask(self, n=1):
            known = [self.left.pop(0) for _ in range(min(n, len(self.left)))]
            archs = [Architecture(self.space.name, tuple(genes)) for genes in known]
            return [Candidate(a) for a in [*archs, *self.space.sample(n - len(archs), self.rng)]]

        def tell(self, observations):
            pass

    from nasbench.searchers.random_search import Config

    Knowing.Config = Config
    return Knowing


@pytest.mark.parametrize(
    ("cells", "kinds"),
    [
        (lambda best, rng: best[:1], {"look-up signature", "implausible convergence"}),
        (lambda best, rng: [best[rng.integers(30)] for _ in range(5)], {"look-up signature"}),
        (lambda best, rng: [], set()),
    ],
    ids=["the best one", "of the best 30", "nothing"],
)
def test_a_searcher_that_knows_the_table_is_flagged(table, best, cells, kinds):
    factory = searcher_of(lambda rng: cells(best, rng))
    runs = [run(table, factory, seed, budget=Budget(60)) for seed in range(10)]
    assert {flag.kind for flag in flags(runs, table)} >= kinds
    if not kinds:
        assert flags(runs, table) == []


def test_a_searcher_that_knows_the_test_accuracies_is_flagged(table):
    """Its first cell is not the best of what it is told, but it is scored by another metric."""
    genes, columns = table.rows()
    valid, test = columns["valid_accuracy"], columns["test_accuracy"]
    good = np.flatnonzero(valid >= np.quantile(valid, 0.98))
    chosen = genes[good[np.argmax(test[good])]].tolist()
    factory = searcher_of(lambda rng: [chosen])
    runs = [run(table, factory, seed, budget=Budget(60)) for seed in range(10)]
    found = [flag for flag in flags(runs, table) if flag.text.startswith("by test_accuracy")]
    assert {flag.kind for flag in found} == {"look-up signature", "implausible convergence"}


def test_runs_that_end_where_they_look_best_are_flagged(entry):
    def cut(run):
        columns = run["trajectory"] | run["timings"]
        for name in ("genes", "epochs", "values", "feasible", "spent_s", "overhead_s"):
            del columns[name][QUERIES // 2 :]

    assert entry.check().accepted(strict=True)
    entry.edit(entry.run(1), cut)
    report = entry.check()
    assert report.complaints == []
    (flag,) = report.flags
    assert flag.kind == "ended early"
    assert f"seed 1 after {QUERIES // 2} of {QUERIES} evaluations" in flag.text
    assert not report.accepted(strict=True)


def test_what_the_tolerance_lets_pass_is_not_scored(entry):
    honest = entry.check()
    entry.edit(entry.run(0), lambda run: shrink(run["trajectory"]["values"], 7))
    spoilt = entry.check()
    assert spoilt.complaints == []
    for path, claimed in honest.runs.items():
        assert np.array_equal(spoilt.runs[path].trajectory.values, claimed.trajectory.values)


def shrink(values, k):
    values[k][0] *= 1 + 5e-10


@pytest.mark.parametrize("kind", ["folder", "link", "content"])
def test_nothing_hides_behind_the_name_of_a_lock(entry, tmp_path, kind):
    lock = entry.folder / ".verification.lock"
    if kind == "folder":
        lock.mkdir()
        (lock / "more.txt").write_text("more")
    elif kind == "link":
        lock.symlink_to(tmp_path / "elsewhere")
        with pytest.raises(OutputFault), locked(entry.folder, "verification"):
            pass
        assert not (tmp_path / "elsewhere").exists()
    else:
        lock.write_text("more")
    assert ".verification.lock" in entry.complaints()


def test_an_empty_lock_is_no_file_of_the_entry(entry):
    with locked(entry.folder, "verification"):
        pass
    assert entry.check().accepted()


def test_keys_are_not_printed_raw(entry):
    key = "\n::error title=x::y\x1b[2J"
    entry.edit("submission.json", lambda document: document.update({key: 1}))
    told = entry.complaints()
    assert len(told.splitlines()) == 1
    assert "\x1b" not in told


def test_what_is_flagged_is_refused_if_strict(entry, table, best):
    factory = searcher_of(lambda rng: best[:1])
    for seed in range(3):
        done = run(table, factory, seed, budget=Budget(QUERIES))
        document = json.loads(to_json(done)) | {"searcher": "mine.py:Mine"}
        entry.run(seed).write_text(
            json.dumps(document | {"code": json.loads(entry.run(seed).read_text())["code"]})
        )
    report = entry.check()
    assert report.accepted()
    assert not report.accepted(strict=True)


@pytest.mark.parametrize(
    "searcher", ["random-search", "local-search", "regularized-evolution", "asha"]
)
def test_searchers_of_the_project_are_not_flagged(table, searcher):
    runs = [run(table, searcher, seed, budget=Budget(200)) for seed in range(10)]
    assert flags(runs, table) == []
