import os
import signal
import subprocess
import sys
import time
from concurrent.futures import BrokenExecutor, Executor, Future, ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path

import fakes
import numpy as np
import pytest

from nasbench.core import Recipe
from nasbench.errors import InvalidConfig, OutputFault, TableCorrupt, TableFault
from nasbench.harness import processes
from nasbench.harness.lock import locked
from tabular import build as building
from tabular import classes, cost, jobs, setting
from tabular.hdf5 import open_table
from tabular.maker import Maker
from tabular.records import read_records


def trainings(path):
    return read_records(building.parts_folder(path)).items


def test_every_class_is_trained_with_every_seed(toy_file):
    table = open_table(toy_file, fakes.SPACE)
    assert len(table.genes) == 80  # 20 cells of the last two genes, and 3 + 1 choices before them
    assert table.seeds == (0, 1, 2)
    assert (table.status > 0).all()


def test_seeds_that_are_added_later_give_the_same_file(tmp_path, toy_file):
    fakes.build(tmp_path / "a.h5", seeds=(2,))
    fakes.build(tmp_path / "a.h5", seeds=(0, 1))
    assert (tmp_path / "a.h5").read_bytes() == toy_file.read_bytes()


def test_a_table_alone_can_be_extended(tmp_path, toy_file):
    fakes.build(tmp_path / "old.h5", seeds=(0, 2))
    (tmp_path / "a.h5").write_bytes((tmp_path / "old.h5").read_bytes())
    fakes.build(tmp_path / "a.h5", seeds=(1,))
    assert len(trainings(tmp_path / "a.h5")) == 80
    assert (tmp_path / "a.h5").read_bytes() == toy_file.read_bytes()


def test_workers_chunks_and_order_do_not_matter(tmp_path, toy_file):
    with processes.pool(2) as executor:
        fakes.build(tmp_path / "a.h5", seeds=(1, 0, 2, 1), executor=executor, in_flight=3, chunk=7)
    assert (tmp_path / "a.h5").read_bytes() == toy_file.read_bytes()


class Reversed(Executor):
    """Runs the latest job first."""

    def __init__(self):
        self.waiting = []

    def submit(self, fn, /, *arguments, **options):
        future = Future()
        self.waiting.append((future, fn, arguments))
        if len(self.waiting) == 5:
            while self.waiting:
                each, function, given = self.waiting.pop()
                each.set_result(function(*given))
        return future


def test_the_order_of_completion_does_not_matter(tmp_path, toy_file):
    fakes.build(tmp_path / "a.h5", seeds=(0, 1, 2), executor=Reversed(), in_flight=5)
    assert (tmp_path / "a.h5").read_bytes() == toy_file.read_bytes()


def test_what_is_there_is_not_trained_again(tmp_path):
    fakes.build(tmp_path / "a.h5", seeds=(0,))

    def refuse(*_):
        raise AssertionError("trained again")

    fakes.build(tmp_path / "a.h5", seeds=(0,), trainer=refuse)


def test_a_limited_build_is_a_random_sample_and_the_start_of_the_whole(tmp_path, toy_file):
    fakes.build(tmp_path / "a.h5", seeds=(0, 1, 2), limit=10)
    first = {genes for genes, _ in trainings(tmp_path / "a.h5")}
    order = [arch.genes for arch in classes.training_order(fakes.SPACE)]
    assert first == set(order[:10])
    assert order != sorted(order)
    fakes.build(tmp_path / "a.h5", seeds=(0, 1, 2))
    assert (tmp_path / "a.h5").read_bytes() == toy_file.read_bytes()


def test_a_limit_of_none_packs_what_a_running_build_has_so_far(tmp_path):
    path = tmp_path / "a.h5"
    seen = []

    def look(done, total):
        if done == 30:
            fakes.build(path, limit=0)
            seen.append(int((open_table(path, fakes.SPACE).status > 0).sum()))

    fakes.build(path, progress=look)
    assert seen == [30]
    assert (open_table(path, fakes.SPACE).status > 0).all()


def test_packing_nothing_is_a_fault(tmp_path):
    with pytest.raises(TableFault, match="build some first"):
        fakes.build(tmp_path / "a.h5", limit=0)


def test_progress_counts_trainings_and_those_found_there(tmp_path):
    told = []
    fakes.build(tmp_path / "a.h5", seeds=(0,), limit=4)
    fakes.build(tmp_path / "a.h5", seeds=(0, 1), limit=4, progress=lambda *p: told.append(p))
    assert told[0] == (4, 8)
    assert told[-1] == (8, 8)


@pytest.mark.parametrize("options", [{"seeds": ()}, {"seeds": (-1,)}, {"limit": -1}])
def test_settings_out_of_range_are_refused(tmp_path, options):
    with pytest.raises(InvalidConfig):
        fakes.build(tmp_path / "a.h5", **options)
    assert not list(tmp_path.iterdir())


def test_another_recipe_is_refused(tmp_path, monkeypatch):
    fakes.build(tmp_path / "a.h5", limit=2)
    before = (tmp_path / "a.h5").read_bytes()
    monkeypatch.setattr(fakes.FakeTask, "recipe", Recipe(epochs=4, batch_size=20, lr=0.2))
    with pytest.raises(TableFault, match=r"recipe.lr \(0.1 there, 0.2 now\).*choose another"):
        fakes.build(tmp_path / "a.h5", limit=4)
    assert (tmp_path / "a.h5").read_bytes() == before


@pytest.fixture
def made_by(monkeypatch):
    """Makes another code train from now on."""

    def change(code, **versions):
        made = Maker(code, {"python": "3", "torch": "2.6.0+cpu", **versions})
        for module in (setting, jobs):
            monkeypatch.setattr(module, "maker", lambda *roots: made)
        return made

    return change


def makers(path):
    return set(map(str, open_table(path, fakes.SPACE).setting.makers))


def test_other_code_is_refused_unless_it_is_trusted(tmp_path, made_by):
    path = tmp_path / "a.h5"
    a = made_by("aaaa")
    fakes.build(path, limit=2)
    b = made_by("bbbb")
    with pytest.raises(TableFault, match=r"code \(aaaa there, bbbb now\).*--trust-code"):
        fakes.build(path, limit=4)
    fakes.build(path, limit=4, trust_code=True)
    assert makers(path) == {str(a), str(b)}


@pytest.mark.parametrize("parts", ["kept", "removed"])
def test_code_that_was_trusted_once_goes_on_without_a_word(tmp_path, made_by, parts):
    """Builds by A, by B on the user's word, by B, and a cost pass: the makers stay A and B."""
    path = tmp_path / "a.h5"
    both = {str(made_by("aaaa"))}
    fakes.build(path, limit=2)
    both.add(str(made_by("bbbb", torch="2.7.0+cpu")))
    fakes.build(path, limit=4, trust_code=True)
    for limit in (6, 8):
        if parts == "removed":
            for part in building.parts_folder(path).iterdir():
                part.unlink()
        fakes.build(path, limit=limit)
        assert makers(path) == both
        cost.measure_costs(
            path,
            space=fakes.SPACE,
            task=fakes.FakeTask(),
            limit=limit,
            stopwatch=lambda *_: 2.0,
            counter=fakes.count,
        )
        assert makers(path) == both
    assert sum((open_table(path, fakes.SPACE).status > 0).ravel()) == 8


def test_a_known_code_with_other_libraries_is_refused(tmp_path, made_by):
    path = tmp_path / "a.h5"
    made_by("aaaa")
    fakes.build(path, limit=2)
    made_by("bbbb", torch="2.7.0+cpu")
    fakes.build(path, limit=4, trust_code=True)
    made_by("aaaa", torch="2.7.0+cpu")
    with pytest.raises(TableFault, match=r"2.6.0\+cpu or 2.7.0\+cpu there, 2.7.0\+cpu now"):
        fakes.build(path, limit=6)


def test_the_makers_do_not_depend_on_the_order_of_builds(tmp_path, made_by):
    for name, codes in (("a", ("aaaa", "bbbb")), ("b", ("bbbb", "aaaa"))):
        for limit, code in zip((40, None), codes, strict=True):
            made_by(code)
            fakes.build(tmp_path / f"{name}.h5", limit=limit, trust_code=True)
    assert (tmp_path / "a.h5").read_bytes() == (tmp_path / "b.h5").read_bytes()


def test_a_worker_with_other_code_is_refused(tmp_path, made_by, monkeypatch):
    ours = made_by("aaaa")
    monkeypatch.setattr(jobs, "maker", lambda *roots: replace(ours, code="bbbb"))
    with pytest.raises(TableFault, match=r"code bbbb with .* there, code aaaa with .* here"):
        fakes.build(tmp_path / "a.h5")
    assert not trainings(tmp_path / "a.h5")


def test_a_table_names_the_processors_that_trained_it(tmp_path, monkeypatch):
    path = tmp_path / "a.h5"
    for limit, name in ((2, "Two"), (4, "One"), (6, "Two")):
        monkeypatch.setattr(jobs, "processor", lambda device, name=name: name)
        fakes.build(path, limit=limit)
    assert open_table(path, fakes.SPACE).setting.processors == ("One", "Two")
    for part in building.parts_folder(path).iterdir():
        part.unlink()
    fakes.build(path, limit=8)
    assert open_table(path, fakes.SPACE).setting.processors == ("One", "Two")


def test_two_builds_do_not_work_on_one_table(tmp_path):
    with (
        locked(building.parts_folder(tmp_path / "a.h5"), "build"),
        pytest.raises(OutputFault, match="another build"),
    ):
        fakes.build(tmp_path / "a.h5")


def test_packing_waits_for_another_packing(tmp_path):
    """Else the slower one could put its older table in the place of a newer one."""
    path = tmp_path / "a.h5"
    fakes.build(path, limit=2)
    path.unlink()
    with ThreadPoolExecutor(1) as thread:
        with locked(building.parts_folder(path), "packing"):
            packing = thread.submit(fakes.build, path, limit=0)
            time.sleep(0.3)
            assert not packing.done()
            assert not path.exists()
        packing.result(timeout=30)
    assert path.exists()


@pytest.mark.parametrize("asked", ["space", "task"])
def test_packing_as_another_space_or_task_is_refused(tmp_path, asked, monkeypatch):
    path = tmp_path / "a.h5"
    fakes.build(path, limit=2)
    before = path.read_bytes()
    owner = fakes.FakeTask if asked == "task" else type(fakes.SPACE)
    monkeypatch.setattr(owner, "name", "another")
    with pytest.raises(TableFault, match=rf"of the {asked} .*, not of another; name that one"):
        fakes.build(path, limit=0)
    assert path.read_bytes() == before


def test_damaged_records_are_told_of_and_made_again(tmp_path, toy_file):
    path = tmp_path / "a.h5"
    fakes.build(path, seeds=(0, 1, 2))
    path.unlink()
    (file,) = building.parts_folder(path).glob("*.records")
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    lost = 240 - len(trainings(path))
    assert lost > 100
    told = []
    fakes.build(path, limit=0, warn=told.append)
    assert not told
    fakes.build(path, seeds=(0, 1, 2), warn=told.append)
    (text,) = told
    assert file.name in text
    assert "made again" in text
    assert path.read_bytes() == toy_file.read_bytes()


def test_a_damaged_table_beside_its_parts_can_be_deleted(tmp_path, toy_file):
    path = tmp_path / "a.h5"
    fakes.build(path, seeds=(0, 1, 2))
    path.write_bytes(path.read_bytes()[:5000])
    with pytest.raises(TableCorrupt, match=r"delete it.*240 finished trainings are in .*\.parts"):
        fakes.build(path, seeds=(0, 1, 2))
    path.unlink()
    fakes.build(path, seeds=(0, 1, 2))
    assert path.read_bytes() == toy_file.read_bytes()


def test_an_unwritable_place_is_refused_before_any_training(tmp_path):
    (tmp_path / "file").touch()

    def refuse(*_):
        raise AssertionError("trained")

    with pytest.raises(OutputFault, match="choose another place"):
        fakes.build(tmp_path / "file" / "a.h5", trainer=refuse)


class Breaking(ThreadPoolExecutor):
    """Breaks at the fifth job."""

    count = 0

    def submit(self, *arguments, **options):
        self.count += 1
        if self.count == 5:
            raise BrokenExecutor("a process was terminated abruptly")
        return super().submit(*arguments, **options)


def test_a_worker_that_dies_leaves_what_was_finished(tmp_path):
    with Breaking(1) as executor, pytest.raises(TableFault, match="same command again"):
        fakes.build(tmp_path / "a.h5", executor=executor, in_flight=1)
    assert len(trainings(tmp_path / "a.h5")) == 4


def test_a_trainer_that_fails_is_not_hidden(tmp_path):
    def fail(*_):
        raise ZeroDivisionError("in the trainer")

    with pytest.raises(ZeroDivisionError):
        fakes.build(tmp_path / "a.h5", trainer=fail)


CHILD = """
import sys
sys.path[:0] = {path!r}
from pathlib import Path
import fakes
from nasbench.harness import processes
if __name__ == "__main__":
    with processes.pool(2) as executor:
        fakes.build(
            Path({output!r}), seeds=(0, 1, 2), trainer=fakes.train_slowly, executor=executor
        )
"""


def start(tmp_path):
    script = tmp_path / "child.py"
    script.write_text(CHILD.format(path=sys.path, output=str(tmp_path / "a.h5")))
    return subprocess.Popen(
        [sys.executable, str(script)], stderr=subprocess.PIPE, start_new_session=True
    )


def wait_for(condition, seconds=120.0):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, "timed out"
        time.sleep(0.01)


@pytest.mark.slow
def test_kill_9_loses_the_trainings_in_hand_at_most(tmp_path, toy_file):
    """Twice killed and resumed: the same file, with nothing trained twice."""
    for goal in (20, 70):
        child = start(tmp_path)
        wait_for(lambda goal=goal: len(trainings(tmp_path / "a.h5")) >= goal)
        os.kill(child.pid, signal.SIGKILL)
        child.communicate()
        assert not (tmp_path / "a.h5").exists()
    child = start(tmp_path)
    _, said = child.communicate(timeout=60)
    assert child.returncode == 0, said.decode()
    files = list(building.parts_folder(tmp_path / "a.h5").glob("*.records"))
    assert len(files) == 3
    assert (tmp_path / "a.h5").read_bytes() == toy_file.read_bytes()
    stored = sum(path.read_bytes().count(b'"train_s"') for path in files)
    assert stored == 240


@pytest.mark.slow
@pytest.mark.skipif(not Path("/proc").exists(), reason="reads /proc")
def test_workers_end_when_their_parent_is_killed(tmp_path):
    child = start(tmp_path)
    wait_for(lambda: len(trainings(tmp_path / "a.h5")) >= 6)
    family = [int(pid) for pid in children(child.pid)]
    assert len(family) >= 2
    os.kill(child.pid, signal.SIGKILL)
    child.communicate()
    wait_for(lambda: not any(alive(pid) for pid in family))


def children(pid):
    return Path(f"/proc/{pid}/task/{pid}/children").read_text().split()


def alive(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.slow
def test_a_full_disk_stops_the_build_and_space_resumes_it(tmp_path, toy_file):
    script = f"""
import resource, sys
sys.path[:0] = {sys.path!r}
from pathlib import Path
import fakes
from nasbench.errors import OutputFault
sys.dont_write_bytecode = True  # it would be cut off, too
resource.setrlimit(resource.RLIMIT_FSIZE, (6000, 6000))
try:
    fakes.build(Path({str(tmp_path / "a.h5")!r}), seeds=(0, 1, 2))
except OutputFault as fault:
    print(fault)
"""
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, check=False
    )
    assert "larger than this process may write" in done.stdout, done.stderr
    assert not (tmp_path / "a.h5").exists()
    assert 0 < len(trainings(tmp_path / "a.h5")) < 240
    told = []
    fakes.build(tmp_path / "a.h5", seeds=(0, 1, 2), warn=told.append)
    assert len(told) == 1
    assert (tmp_path / "a.h5").read_bytes() == toy_file.read_bytes()


@pytest.mark.slow
def test_a_dask_cluster_builds_the_same_file(tmp_path, toy_file):
    distributed = pytest.importorskip("distributed")
    with (
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, processes=False, dashboard_address=None
        ) as scheduler,
        processes.cluster(scheduler.scheduler_address) as (executor, threads),
    ):
        assert threads == 1
        fakes.build(tmp_path / "a.h5", seeds=(0, 1, 2), executor=executor)
    assert (tmp_path / "a.h5").read_bytes() == toy_file.read_bytes()


@pytest.mark.slow
def test_a_dask_worker_that_dies_is_told_of(tmp_path):
    distributed = pytest.importorskip("distributed")
    import dask

    with (
        dask.config.set({"distributed.scheduler.allowed-failures": 0}),
        distributed.LocalCluster(
            n_workers=1, threads_per_worker=1, dashboard_address=None
        ) as scheduler,
        processes.cluster(scheduler.scheduler_address) as (executor, _),
        pytest.raises(TableFault, match=r"a worker process died.*same command again"),
    ):
        fakes.build(tmp_path / "a.h5", executor=executor, in_flight=1, trainer=fakes.end_at_fifth)
    assert len(trainings(tmp_path / "a.h5")) == 4


def test_the_training_order_is_a_permutation_that_never_changes():
    order = [arch.genes for arch in classes.training_order(fakes.SPACE)]
    assert sorted(order) == [tuple(row) for row in classes.canonical_genes(fakes.SPACE).tolist()]
    assert order[:3] == [arch.genes for arch in classes.training_order(fakes.SPACE)][:3]
    shuffled = np.argsort(np.random.default_rng(0).random(80), kind="stable")
    assert order[0] == sorted(order)[shuffled[0]]


def test_classes_of_a_space_with_tables_are_those_found_one_by_one():
    from nasbench.spaces.cell201 import Cell201

    space = Cell201()
    genes = classes.canonical_genes(space)
    numbers = classes.class_numbers(space)
    assert genes.shape == (5260, 6)
    for index in range(0, 15625, 977):
        arch = space.arch(index)
        assert tuple(genes[numbers[index]].tolist()) == space.canonical(arch).genes
    assert genes.tolist() == sorted(genes.tolist())


def test_a_space_too_large_to_list_gets_a_table_of_what_was_trained(tmp_path, monkeypatch):
    monkeypatch.setattr(classes, "MOST_CLASSES", 10)
    with pytest.raises(InvalidConfig, match=r"too many to train each.*--limit"):
        fakes.build(tmp_path / "a.h5")
    fakes.build(tmp_path / "a.h5", limit=6)
    fakes.build(tmp_path / "a.h5", limit=9)
    table = open_table(tmp_path / "a.h5", fakes.SPACE)
    order = classes.training_order(fakes.SPACE, 9)
    assert order[:6] == classes.training_order(fakes.SPACE, 6)
    assert table.genes.tolist() == sorted(list(arch.genes) for arch in order)
    assert (table.status > 0).all()


def test_chosen_architectures_are_trained_once_a_class(tmp_path, monkeypatch):
    monkeypatch.setattr(classes, "MOST_CLASSES", 10)
    everyone = [fakes.SPACE.arch(index) for index in range(0, len(fakes.SPACE), 7)]
    fakes.build(tmp_path / "a.h5", archs=[*everyone, *everyone])
    table = open_table(tmp_path / "a.h5", fakes.SPACE)
    wanted = {fakes.SPACE.canonical(arch).genes for arch in everyone}
    assert table.genes.tolist() == sorted(map(list, wanted))
