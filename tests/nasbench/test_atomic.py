import errno
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from nasbench import atomic
from nasbench.errors import OutputFault


def test_a_written_file_holds_the_text_and_nothing_is_left_beside_it(tmp_path):
    path = tmp_path / "new" / "folder" / "run.json"
    atomic.write_text(path, "grüße\n")
    assert path.read_bytes() == "grüße\n".encode()
    assert [p.name for p in path.parent.iterdir()] == ["run.json"]


def test_a_failed_write_leaves_the_old_file_alone(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("old")
    writing = atomic.replacing(path)
    writing.__enter__().write_text("half of the new")
    assert not writing.__exit__(ZeroDivisionError, ZeroDivisionError(), None)
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_of_several_files_none_is_replaced_before_all_are_written(tmp_path):
    picture, page = tmp_path / "card" / "plot.svg", tmp_path / "card.md"
    page.write_text("old")
    (tmp_path / "card" / "folder.svg").mkdir(parents=True)
    with pytest.raises(OutputFault, match=r"folder.svg"):
        atomic.write_together({picture: b"x", tmp_path / "card/folder.svg": b"y", page: b"new"})
    assert page.read_text() == "old"
    assert [p.name for p in picture.parent.iterdir()] == ["folder.svg"]
    atomic.write_together({picture: b"x", page: b"new"})
    assert (picture.read_bytes(), page.read_bytes()) == (b"x", b"new")
    assert [p.name for p in tmp_path.glob("**/*.part")] == []


def test_a_file_has_the_permissions_of_an_ordinary_one(tmp_path):
    plain, path = tmp_path / "plain", tmp_path / "atomic"
    plain.touch()
    atomic.write_bytes(path, b"x")
    assert stat.filemode(path.stat().st_mode) == stat.filemode(plain.stat().st_mode)


def test_a_path_through_a_file_is_an_output_fault_that_says_what_to_do(tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(
        OutputFault,
        match=r"cannot write .*a part of the path is a file, not a folder; choose another",
    ):
        atomic.write_text(tmp_path / "file" / "run.json", "")


def test_a_folder_in_the_place_of_the_file_is_an_output_fault(tmp_path):
    (tmp_path / "run.json").mkdir()
    with pytest.raises(OutputFault, match="there is a folder of that name"):
        atomic.write_text(tmp_path / "run.json", "")
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_without_permission_is_an_output_fault(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(OutputFault, match="no permission"):
        atomic.write_text(tmp_path / "run.json", "")


def test_a_write_that_stopped_without_a_reason_is_told_as_it_is(tmp_path):
    fault = atomic.output_fault(tmp_path, OSError("9 requested and 4 written"))
    assert "(9 requested and 4 written): if the disk is full, free some space" in str(fault)


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_a_full_disk_asks_for_space(tmp_path, code):
    fault = atomic.output_fault(tmp_path, OSError(code, "full"))
    assert fault.errno == code
    assert "free some space and run the same command again" in str(fault)


def test_a_write_beyond_the_size_limit_keeps_the_old_file(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("old")
    code = (
        "import resource, sys\nfrom pathlib import Path\nfrom nasbench import atomic, errors\n"
        "sys.dont_write_bytecode = True  # it would be cut off, too\n"
        "resource.setrlimit(resource.RLIMIT_FSIZE, (10_000, 10_000))\n"
        "try:\n    atomic.write_bytes(Path(sys.argv[1]), b'x' * 100_000)\n"
        "except errors.OutputFault as fault:\n    print(fault)"
    )
    found = subprocess.run(
        [sys.executable, "-c", code, path],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "larger than this process may write" in found.stdout
    assert path.read_text() == "old"
    assert [p.name for p in tmp_path.iterdir()] == ["run.json"]


def test_a_process_killed_while_writing_leaves_the_old_file(tmp_path):
    path = tmp_path / "run.json"
    path.write_text("old")
    code = (
        "import os, signal, sys\nfrom pathlib import Path\nfrom nasbench import atomic\n"
        "with atomic.replacing(Path(sys.argv[1])) as part:\n"
        "    part.write_text('half of the new')\n"
        "    os.kill(os.getpid(), signal.SIGKILL)"
    )
    done = subprocess.run([sys.executable, "-c", code, path], check=False)
    assert done.returncode == -9
    assert path.read_text() == "old"


def test_a_device_is_refused_and_stays_a_device():
    with pytest.raises(OutputFault, match="a device"):
        atomic.write_text(Path("/dev/null"), "text")
    assert Path("/dev/null").is_char_device()


def test_a_pipe_is_refused_and_stays_a_pipe(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OutputFault, match="pipe"):
        atomic.write_text(tmp_path / "pipe", "text")
    assert (tmp_path / "pipe").is_fifo()


def test_a_link_stays_and_its_target_is_replaced(tmp_path):
    (tmp_path / "real.txt").write_text("old")
    (tmp_path / "link.txt").symlink_to(tmp_path / "real.txt")
    atomic.write_text(tmp_path / "link.txt", "new")
    assert (tmp_path / "link.txt").is_symlink()
    assert (tmp_path / "real.txt").read_text() == "new"


def test_a_link_in_circles_is_refused(tmp_path):
    (tmp_path / "a").symlink_to(tmp_path / "b")
    (tmp_path / "b").symlink_to(tmp_path / "a")
    with pytest.raises(OutputFault, match="cannot write"):
        atomic.write_text(tmp_path / "a", "text")
