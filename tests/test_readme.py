"""What the README tells people to type."""

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import typer

import nasbench
from nasbench import registry
from nasbench.cli import compose
from nasbench.harness.suite import all_tables
from nasbench.testing.toy import ToyBenchmark
from tabular import embedded

README = (Path(__file__).parents[1] / "README.md").read_text()
PYTHON = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
SHELL = [
    line.strip()
    for line in re.sub(r"\\\n\s+", "", README).splitlines()
    if line.startswith("    nasbench ")
]


def test_the_searcher_of_the_readme_searches(tmp_path):
    (code,) = [block for block in PYTHON if "class Hillclimber" in block]
    path = tmp_path / "hillclimber.py"
    path.write_text(code)
    benchmark, budget = ToyBenchmark(), nasbench.Budget(queries=60)
    mine, random = (
        [nasbench.run(benchmark, name, seed, budget=budget) for seed in range(10)]
        for name in (f"{path}:Hillclimber", "random-search")
    )
    assert {len(run.trajectory) for run in mine} == {60}
    best = [sum(run.trajectory.values.min() for run in runs) for runs in (mine, random)]
    assert best[0] < best[1]


@pytest.mark.slow
def test_the_python_of_the_readme_runs(tmp_path):
    (code,) = [block for block in PYTHON if "nasbench.load" in block]
    words = [sys.executable, "-W", "error", "-c", code]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    accuracy = float(done.stdout.split()[1])
    assert 10 < accuracy < 100


@pytest.mark.parametrize("line", SHELL)
def test_every_command_line_of_the_readme_is_one_that_the_program_takes(line):
    _, *words = shlex.split(line, comments=True)
    command, above = typer.main.get_command(compose(words)), "nasbench"
    while inner := getattr(command, "commands", None):
        command, above = inner[words.pop(0)], command.name
    assert "unavailable" not in (command.help or ""), command.help
    command.make_context(above, words)  # parses, and does nothing


def test_the_readme_shows_the_commands_it_promises():
    said = {shlex.split(line)[1] for line in SHELL}
    assert {"list", "query", "show", "compare", "verify", "report", "table"} <= said


@pytest.mark.parametrize("name", embedded.NAMES)
def test_what_the_readme_says_of_a_table_is_so(name):
    (row,) = (line for line in README.splitlines() if line.startswith(f"| [`{name}`]"))
    task = registry.task(name.partition("/")[2])
    data = task.load()
    sizes = " / ".join(f"{len(split):,}" for split in (data.train, data.valid, data.test))
    repeats = registry.benchmark(name).repeats
    assert row.endswith(f" | {sizes} | {data.classes} | {task.recipe.epochs} | {repeats} |")


def test_what_the_readme_says_of_all_tables_is_so():
    space, text = registry.space("cell201-v1"), " ".join(README.split())
    whole = all_tables()
    recipes = [registry.task(name.partition("/")[2]).recipe for name in whole]
    widths = [recipe.channels * 2**stage for recipe in recipes for stage in range(recipe.stages)]
    assert {recipe.stages for recipe in recipes} == {1, 2}
    assert f"one or two stages of {min(widths)} to {max(widths)} channels" in text
    assert f"{len(space):,} cells" in text
    assert f"{len({space.canonical(space.arch(i)) for i in range(len(space))}):,} classes" in text
    assert len(whole) == 4
    assert "Four tables" in text
    (sample,) = set(embedded.NAMES) - set(whole)
    assert f"`{sample}` holds {len(registry.benchmark(sample).genes)} of them" in text
