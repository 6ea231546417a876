"""A third party's distribution, installed the way a third party installs it, beside the project."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.slow
SOURCE = Path(__file__).parent / "acme"


@pytest.fixture(scope="module")
def plugin(tmp_path_factory):
    """A folder with the installed plug-in; on PYTHONPATH it is as good as site-packages."""
    place = tmp_path_factory.mktemp("plugin")
    source = shutil.copytree(SOURCE, place / "source")
    flags = ["--no-deps", "--no-build-isolation", "--no-index", "--disable-pip-version-check"]
    words = [sys.executable, "-m", "pip", "install", *flags, "--target", place / "site", source]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return place / "site"


@pytest.fixture
def run(plugin, tmp_path):
    """Runs `python WORDS` where the plug-in is installed, away from the checkout."""

    def call(*words, code=0):
        path = os.pathsep.join([str(plugin), *os.environ.get("PYTHONPATH", "").split(os.pathsep)])
        environment = {**os.environ, "PYTHONPATH": path.rstrip(os.pathsep), "COLUMNS": "200"}
        done = subprocess.run(
            [sys.executable, *words], env=environment, cwd=tmp_path, capture_output=True, text=True
        )
        assert done.returncode == code, f"{done.stdout}\n{done.stderr}"
        return done.stdout + done.stderr

    return call


def test_what_a_plug_in_registers_is_listed_with_its_distribution(run):
    catalog = json.loads(run("-m", "nasbench", "list", "--json"))
    acme = {
        (kind, row["name"])
        for kind, rows in catalog.items()
        for row in rows
        if row["from"] == "acme-nas" and "error" not in row
    }
    assert acme == {
        ("spaces", "acme-mlp-v1"),
        ("benchmarks", "acme-mlp/bowl"),
        ("searchers", "acme-sweep"),
        ("commands", "acme-hello"),
    }


def test_the_command_of_a_plug_in_stands_beside_the_others(run):
    assert "acme-hello" in run("-m", "nasbench", "--help")
    said = run("-m", "nasbench", "acme-hello", "21")  # genes 1 1 1: 90 - (3 - 5)^2
    assert said == "hello from acme: 16-16-16 reaches 86.0\n"


def test_a_broken_command_of_a_plug_in_is_shown_and_leaves_the_others_alone(run):
    assert "(unavailable: acme-broken" in run("-m", "nasbench", "--help")
    assert "acme_nas.nowhere" in run("-m", "nasbench", "acme-broken", code=1)


def test_a_mistyped_plug_in_searcher_gets_a_suggestion(run):
    words = ["compare", "acme-mlp/bowl", "--searcher", "acme-swep", "--queries", "5"]
    assert "did you mean 'acme-sweep'" in run("-m", "nasbench", *words, code=1)


def test_a_plug_in_searcher_is_compared_on_a_plug_in_benchmark(run, tmp_path):
    words = ["--searcher", "acme-sweep", "--searcher", "random-search", "--seeds", "3"]
    words += ["--queries", "8", "--out", "runs"]
    run("-m", "nasbench", "compare", "acme-mlp/bowl", *words)
    for searcher in ("acme-sweep", "random-search"):
        files = sorted((tmp_path / "runs" / "acme-mlp__bowl" / searcher).glob("seed-*.json"))
        assert [path.name for path in files] == ["seed-0.json", "seed-1.json", "seed-2.json"]
        for path in files:
            assert json.loads(path.read_text())["space"] == "acme-mlp-v1"


def test_the_shipped_conformance_classes_pass_on_the_plug_in(run):
    words = ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib"]
    said = run(*words, "-rs", SOURCE / "conformance.py")
    assert int(re.search(r"(\d+) passed", said)[1]) > 50
    skipped = [line for line in said.splitlines() if line.startswith("SKIPPED")]
    assert all("rows" in line for line in skipped)  # the bowl is no table
