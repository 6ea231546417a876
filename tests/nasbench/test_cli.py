import json
import os
import signal
import subprocess
import sys
import time
from importlib import metadata
from pathlib import Path

import pytest

from nasbench import cli, registry
from nasbench.commands import doctor

COMMANDS = '''
import errno, os, signal, time
import typer
from nasbench.errors import OutputFault, UnknownTask

def fine(word: str = "ok") -> None:
    """Says a word in [brackets]."""
    print(word)

def wrong() -> None:
    raise UnknownTask("unknown task 'x'; Known: y.")

def full() -> None:
    raise OutputFault(errno.ENOSPC, "cannot write z: free some space")

def stopped() -> None:
    raise KeyboardInterrupt

def stopped_politely() -> None:
    print("stopped; what is done is in x")
    raise typer.Exit(130)

def terminated() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(60)

def terminated_politely() -> None:
    try:
        terminated()
    except KeyboardInterrupt:
        print("stopped")
        raise typer.Exit(130)

def odd(setting: "no such type" = None) -> None:
    pass

group = typer.Typer(help="A group.")

@group.command()
def inner() -> None:
    """Inside."""
    print("inside")

@group.command()
def other() -> None:
    """Beside."""
'''


@pytest.fixture
def commands(monkeypatch, tmp_path):
    """Puts the commands above in the place of the installed ones, and three that do not load."""
    (tmp_path / "acme_commands.py").write_text(COMMANDS)
    (tmp_path / "acme_explodes.py").write_text("1 / 0")
    monkeypatch.syspath_prepend(tmp_path)
    names = ["fine", "wrong", "full", "stopped", "stopped_politely", "odd", "group"]
    names += ["terminated", "terminated_politely"]
    values = {name: f"acme_commands:{name}" for name in names}
    values |= {"missing": "acme_nowhere:x", "explodes": "acme_explodes:x"}
    points = {
        name: metadata.EntryPoint(name, value, registry.COMMANDS) for name, value in values.items()
    }
    monkeypatch.setattr(registry, "_entry_points", lambda group: points)
    yield
    for name in ("acme_commands", "acme_explodes"):
        sys.modules.pop(name, None)


@pytest.fixture
def nasbench(capsys):
    """Runs a command line in this process: exit code, standard output, standard error."""

    def call(*words):
        with pytest.raises(SystemExit) as stop:
            cli.main(words)
        return stop.value.code or 0, *capsys.readouterr()

    return call


def test_the_help_lists_every_command_also_those_that_do_not_load(commands, nasbench):
    code, out, _ = nasbench("--help")
    assert code == 0
    for line in ("fine", "group", "wrong"):
        assert line in out
    assert "Says a word in [brackets]." in out
    assert out.count("(unavailable: ") == 3


def test_a_command_runs_with_its_options(commands, nasbench):
    assert nasbench("fine", "--word", "yes") == (0, "yes\n", "")


def test_a_group_has_its_commands_below_its_name(commands, nasbench):
    assert nasbench("group", "inner") == (0, "inside\n", "")


def test_only_the_wanted_command_is_imported(commands, nasbench):
    nasbench("missing")
    assert "acme_commands" not in sys.modules


@pytest.mark.parametrize("name", ["missing", "explodes", "odd"])
def test_a_command_that_does_not_load_says_so_whatever_its_arguments(commands, nasbench, name):
    code, out, err = nasbench(name, "--seeds", "10", "x")
    assert (code, out) == (1, "")
    assert err.startswith(f"error: the command {name} is unavailable: ")


def test_our_errors_are_one_line_on_standard_error_and_exit_one(commands, nasbench):
    assert nasbench("wrong") == (1, "", "error: unknown task 'x'; Known: y.\n")


def test_an_error_of_the_operating_system_is_told_without_its_number(commands, nasbench):
    assert nasbench("full") == (1, "", "error: cannot write z: free some space\n")


def test_an_interruption_exits_130_and_says_how_to_go_on(commands, nasbench):
    code, out, err = nasbench("stopped")
    assert (code, out) == (130, "")
    assert "run the same command again" in err


def test_a_termination_exits_143_whatever_the_command_says_of_interruptions(commands, nasbench):
    before = signal.getsignal(signal.SIGTERM)
    code, out, err = nasbench("terminated")
    assert (code, out) == (143, "")
    assert "run the same command again" in err
    assert nasbench("terminated_politely") == (143, "stopped\n", "")
    assert signal.getsignal(signal.SIGTERM) is before


def test_an_argument_that_begins_with_a_dash_is_told_where_to_go(commands, nasbench):
    code, _, err = nasbench("fine", "-1")
    assert code == 2
    assert "Put -- before" in " ".join(err.split())
    assert "Put --" not in nasbench("fine", "--wrd")[2]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has it")
@pytest.mark.slow
def test_a_full_standard_output_is_told_without_a_traceback():
    words = [sys.executable, "-m", "nasbench", "list"]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(words, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 1
    assert done.stderr == "error: cannot write to standard output: No space left on device\n"


def test_a_command_that_handles_its_interruption_has_the_last_word(commands, nasbench):
    said = (130, "stopped; what is done is in x\n", "")
    assert nasbench("stopped_politely") == said


@pytest.mark.parametrize("words", [["fin"], ["fine", "--wrd", "x"], ["--nothing"], []])
def test_wrong_usage_exits_two(commands, nasbench, words):
    code, out, err = nasbench(*words)
    assert code == 2
    assert "Usage: nasbench" in out + err


def test_a_mistyped_command_gets_a_suggestion(commands, nasbench):
    assert "Did you mean 'fine'" in nasbench("fin")[2]


def test_the_version_is_the_one_of_the_distribution(nasbench):
    assert nasbench("--version") == (0, f"nasbench-lab {metadata.version('nasbench-lab')}\n", "")


HELP_AND_LIST = """
import sys, typer
from nasbench.cli import compose, main

def lines(command, *above):
    yield above
    for name, inner in getattr(command, "commands", {}).items():
        yield from lines(inner, *above, name)

heavy = {"torch", "xgboost", "sklearn", "matplotlib", "scipy", "pandas", "h5py"}
helps = [[*words, "--help"] for words in lines(typer.main.get_command(compose([])))]
for words in [*helps, ["list", "--json"]]:
    try:
        main(words)
    except SystemExit as stop:
        assert not stop.code, words
    if words == ["list", "--json"]:
        heavy.remove("h5py")  # tables are opened
    loaded = heavy & set(sys.modules)
    assert not loaded, f"nasbench {' '.join(words)} loads {loaded}"
    print("RAN", *words)
"""


@pytest.mark.slow
def test_help_of_every_command_and_list_load_nothing_heavy():
    found = subprocess.run([sys.executable, "-c", HELP_AND_LIST], capture_output=True, text=True)
    assert found.returncode == 0, found.stderr
    helped = [line for line in found.stdout.splitlines() if line.startswith("RAN")]
    assert len(helped) > len(registry.names(registry.COMMANDS))
    assert helped[-1] == "RAN list --json"
    assert "unavailable" not in found.stdout


def test_the_module_runs_as_the_command():
    words = [sys.executable, "-m", "nasbench", "--version"]
    assert subprocess.run(words, capture_output=True, text=True).stdout.startswith("nasbench-lab ")


@pytest.mark.slow
def test_a_closed_pipe_is_no_error():
    writer = subprocess.Popen(
        [sys.executable, "-m", "nasbench", "list", "--json"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    writer.stdout.close()
    assert writer.stderr.read() == ""
    writer.stderr.close()
    writer.wait()


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_real_interruption_has_its_exit_code_and_no_traceback(tmp_path, number, code):
    (tmp_path / "sleeper.py").write_text(
        "import signal, time\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from importlib import metadata\nfrom nasbench import cli, registry\n"
        "def sleep() -> None:\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "point = metadata.EntryPoint('sleep', 'sleeper:sleep', registry.COMMANDS)\n"
        "registry._entry_points = lambda group: {'sleep': point}\n"
        "if __name__ == '__main__':\n    cli.main(['sleep'])\n"
    )
    sleeper = subprocess.Popen(
        [sys.executable, tmp_path / "sleeper.py"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert sleeper.stdout.readline() == "ready\n"
    time.sleep(0.1)
    sleeper.send_signal(number)
    _, err = sleeper.communicate(timeout=30)
    assert sleeper.returncode == code
    assert "Traceback" not in err
    assert "run the same command again" in err


def test_the_catalog_as_json_names_what_is_registered(nasbench):
    code, out, _ = nasbench("list", "spaces", "--json")
    assert code == 0
    listed = {row["name"]: row for row in json.loads(out)["spaces"]}
    assert list(listed) == registry.names(registry.SPACES)
    assert listed["cell201-v1"]["architectures"] == 15_625
    assert listed["cell201-v1"]["from"] == "nasbench-lab"


def test_the_catalog_shows_the_settings_of_a_searcher(nasbench):
    _, out, _ = nasbench("list", "searchers", "--json")
    listed = {row["name"]: row for row in json.loads(out)["searchers"]}
    assert listed["regularized-evolution"]["settings"]["sample"] == 3
    assert listed["random-search"]["settings"] == {}


@pytest.fixture
def listed_commands(commands):
    """The commands above that typer takes, one with brackets in its name, and `nasbench list`."""
    points = registry._entry_points(registry.COMMANDS)
    del points["odd"]
    points["a[bold]b"] = points["missing"]
    value = "nasbench.commands.catalog:list_"
    points["list"] = metadata.EntryPoint("list", value, registry.COMMANDS)


def test_a_line_of_the_catalog_that_fails_does_not_hide_the_others(listed_commands, nasbench):
    code, out, _ = nasbench("list", "commands", "--json")
    assert code == 0
    rows = {row["name"]: row for row in json.loads(out)["commands"]}
    assert "ZeroDivisionError: division by zero" in rows["explodes"]["error"]
    assert rows["fine"]["about"] == "Says a word in [brackets]."


def test_brackets_in_names_are_shown_as_they_are(listed_commands, nasbench):
    code, out, _ = nasbench("list", "commands")
    assert code == 0
    assert "a[bold]b" in out


def test_the_doctor_calls_a_folder_that_cannot_be_made_broken(tmp_path):
    (tmp_path / "file").touch()
    assert doctor._writable(tmp_path / "file" / "runs").level == "broken"
    assert doctor._writable(tmp_path / "new" / "runs").level == "ok"


def test_the_doctor_notes_a_plug_in_that_fails_and_goes_on(commands, tmp_path):
    found = {
        each.what: each for each in doctor._attempts(registry.COMMANDS, lambda name: name[9999])
    }
    assert found["command fine"].level == "note"
    assert found["command fine"].text == "IndexError: string index out of range"


@pytest.mark.slow
def test_the_doctor_finds_this_installation_healthy(tmp_path):
    found = list(doctor.findings(tmp_path))
    assert [each for each in found if each.level == "broken"] == []
    looked_at = " ".join(each.what for each in found)
    for what in ("python", "requirements", "devices", "task mnist1d", "benchmark cell201/"):
        assert what in looked_at


def test_the_doctor_exits_one_when_something_essential_is_broken(nasbench, monkeypatch, tmp_path):
    broken = doctor.Finding("broken", "x", "not [there]")
    monkeypatch.setattr(doctor, "findings", lambda runs: iter([broken]))
    code, out, _ = nasbench("doctor", "--runs", os.fspath(tmp_path))
    assert code == 1
    assert "not [there]" in out


def test_a_closed_standard_output_is_no_error(monkeypatch):
    monkeypatch.setattr(sys, "stdout", None)  # how Python starts with `>&-`
    with pytest.raises(SystemExit) as stop:
        cli.main(["list", "tasks"])
    assert not stop.value.code
