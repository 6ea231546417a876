"""`nasbench show`, run as from a shell."""

import json
import os
import subprocess
import sys
from xml.etree import ElementTree

import pytest

from nasbench import registry
from nasbench.cli import main
from nasbench.spaces.cell201 import Cell201
from nasbench.testing.toy import ToySpace

RESNET = "|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|"


@pytest.fixture
def show(capsys):
    """Runs the command; gives exit code, stdout, stderr."""

    def run(*words):
        with pytest.raises(SystemExit) as exit_:
            main(["show", *map(str, words)])
        printed = capsys.readouterr()
        return exit_.value.code or 0, printed.out, printed.err

    return run


@pytest.mark.parametrize("arch", ["11472", "3,0,3,1,0,1", RESNET])
def test_index_genes_and_string_show_the_same_cell(show, arch):
    code, out, _ = show(arch)
    assert code == 0
    assert "11472" in out
    assert RESNET in out
    assert "3,0,3,1,0,1" in out


@pytest.mark.parametrize(
    ("index", "params", "macs"), [(0, 0.129306, 15.64737), (11, 0.802426, 113.95137)]
)
def test_size_is_the_published_one(show, index, params, macs):
    """Of the full-size network on CIFAR-10: millions of parameters, MFLOPs."""
    told = json.loads(show(index, "--json")[1])
    assert told["cifar10_params"] / 1e6 == pytest.approx(params, abs=5e-7)
    assert told["cifar10_macs"] / 1e6 == pytest.approx(macs, abs=5e-6)


def test_canonical_twin_and_class_size_are_those_of_the_space(show):
    space = Cell201()
    told = json.loads(show(11472, "--json")[1])
    form = space.canonical(space.arch(11472))
    assert told["canonical_index"] == space.index(form)
    assert told["canonical"] == space.format(form)
    assert told["class_size"] == (space.classes() == space.classes()[11472]).sum()


def test_the_drawing_is_part_of_the_text(show):
    assert "skip" in show(11472)[1].split("\n\n")[1]
    assert "output = input + b" in show(11472, "--graph")[1]


@pytest.mark.parametrize(("encoding", "ascii_only"), [("latin-1", True), ("utf-8", False)])
def test_a_terminal_without_unicode_gets_ascii(encoding, ascii_only):
    words = [sys.executable, "-m", "nasbench", "show", "11472"]
    environment = os.environ | {"PYTHONIOENCODING": encoding}
    printed = subprocess.run(words, env=environment, capture_output=True, check=True).stdout
    assert printed.decode(encoding).isascii() == ascii_only


def test_svg_and_png_are_written_by_suffix(show, tmp_path):
    svg, png = tmp_path / "new" / "cell.svg", tmp_path / "cell.png"
    assert f"wrote {svg}" in show(9930, "-o", svg)[1]
    assert "9930" in "".join(ElementTree.parse(svg).getroot().itertext())
    show(9930, "--graph", "--output", png)
    assert png.read_bytes().startswith(b"\x89PNG")


def test_another_suffix_is_wrong_usage(show, tmp_path):
    code, _, err = show(9930, "-o", tmp_path / "cell.pdf")
    assert code == 2
    assert ".svg" in err
    assert not list(tmp_path.iterdir())


def test_a_place_that_cannot_be_written_is_an_error_without_a_traceback(show, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = show(9930, "-o", tmp_path / "file" / "cell.svg")
    assert code == 1
    assert err.startswith("error: cannot write")


@pytest.mark.parametrize("arch", ["15625", "1,2,3", "|none~0|"])
def test_an_unknown_architecture_is_an_error_without_a_traceback(show, arch):
    code, _, err = show(arch)
    assert code == 1
    assert err.startswith("error: ")
    assert "Traceback" not in err


def test_an_unknown_space_is_an_error_with_the_nearest_name(show):
    code, _, err = show(0, "--space", "cell-201")
    assert code == 1
    assert "did you mean 'cell201-v1'?" in err


def test_a_space_without_wiring_shows_its_graph(show, monkeypatch):
    monkeypatch.setattr(registry, "space", lambda name: ToySpace())
    code, out, _ = show("0-2-3-4", "--space", "toy")
    assert code == 0
    assert "gene3=4(" in out
    assert json.loads(show("0-2-3-4", "--json")[1])["class_size"] == 3
