"""The folder of scores that `nasbench proxy rank` fills: what they are, and the scores.

`about.json` tells of which table, seed and minibatch the scores are and what each proxy measures;
`scores.csv` has a row for each architecture and proxy, with the seconds that the score took.
"""

from __future__ import annotations

import csv
import io
import json
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nasbench.atomic import write_text
from nasbench.core import Benchmark, Metric, Space
from nasbench.errors import RunFault
from nasbench.harness.derived import way_to_table

ABOUT, SCORES = "about.json", "scores.csv"
FORMAT = "nasbench proxies 1"
_HEAD = ("table_sha256", "seed", "batch_size", "index", "architecture", "proxy", "score", "cost_s")

Key = tuple[str, int]
"""Name of a proxy, index of an architecture."""


@dataclass(frozen=True, slots=True)
class Score:
    """A proxy's word on one architecture."""

    value: float
    cost_s: float
    """Seconds that were measured."""


@dataclass(frozen=True, slots=True)
class About:
    """What a folder of scores is about."""

    benchmark: str
    space: str
    table_sha256: str
    """Empty for a benchmark without a content hash."""
    table_file: str
    """Where the table lies, seen from the folder; empty for registered benchmarks."""
    seed: int
    batch_size: int
    metrics: tuple[Metric, ...]
    """One for each proxy, under the proxy's name."""

    @property
    def setting(self) -> tuple[str, str, str]:
        """What scores must share to be in one file."""
        return self.table_sha256, str(self.seed), str(self.batch_size)


def about(
    benchmark: Benchmark, folder: Path, seed: int, batch_size: int, metrics: Iterable[Metric]
) -> About:
    """What the scores of a benchmark's architectures in a folder are about."""
    return About(
        benchmark.name,
        benchmark.space.name,
        str(getattr(benchmark, "sha256", None) or ""),
        way_to_table(benchmark, folder),
        seed,
        batch_size,
        tuple(sorted(metrics, key=lambda metric: metric.name)),
    )


def write_about(now: About, folder: Path) -> None:
    """Write `about.json`; proxies that are there already stay in it.

    Raises:
        RunFault: the scores that are there are of another table, seed or minibatch.
        OutputFault: the folder cannot be written.
    """
    if (folder / ABOUT).exists():
        there = read_about(folder)
        _check_setting(folder, there.setting, now.setting)
        metrics = {metric.name: metric for metric in (*there.metrics, *now.metrics)}
        now = replace(now, metrics=tuple(metrics[name] for name in sorted(metrics)))
    text = json.dumps({"format": FORMAT, **asdict(now)}, indent=1, ensure_ascii=False)
    write_text(folder / ABOUT, text + "\n")


def read_about(folder: Path) -> About:
    """What a folder of scores is about.

    Raises:
        RunFault: it is missing or malformed.
    """
    path = folder / ABOUT
    try:
        plain: Any = json.loads(path.read_text(encoding="utf-8"))
        if plain.pop("format", None) != FORMAT:
            raise ValueError(f"its format is not {FORMAT!r}")
        metrics = tuple(_metric(each) for each in plain.pop("metrics"))
        found = About(metrics=metrics, **plain)
        texts = (found.benchmark, found.space, found.table_sha256, found.table_file)
        numbers = (found.seed, found.batch_size)
        if not all(isinstance(each, str) for each in texts):
            raise ValueError(f"expected texts, got {texts}")
        if not all(type(each) is int for each in numbers):
            raise ValueError(f"expected whole numbers, got {numbers}")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError) as fault:
        raise RunFault(
            f"{path} does not tell what the scores are about: {str(fault)[:200]}. Make the folder "
            f"again with `nasbench proxy rank`"
        ) from fault
    return found


def read_scores(folder: Path, setting: tuple[str, str, str]) -> dict[Key, Score]:
    """Scores of an earlier scoring; none if there is no file.

    Raises:
        RunFault: they are of another setting, or it is no such file.
    """
    path = folder / SCORES
    if not path.exists():
        return {}
    scores: dict[Key, Score] = {}
    try:
        rows = list(csv.reader(path.read_text(encoding="utf-8").splitlines()))
        if tuple(rows[0]) != _HEAD:
            raise ValueError(f"its columns are {rows[0]}")
        for sha256, seed, batch_size, index, _, name, value, cost_s in rows[1:]:
            _check_setting(path, (sha256, seed, batch_size), setting)
            score = Score(float(value), float(cost_s))
            if math.isnan(score.value) or not 0 <= score.cost_s < math.inf:
                raise ValueError(f"it says that {name} of {index} is {value}, after {cost_s} s")
            scores[name, int(index)] = score
    except (IndexError, OSError, ValueError) as fault:
        if isinstance(fault, RunFault):
            raise
        raise RunFault(
            f"{path} is no file of scores: {str(fault)[:200]}. Remove it, or choose another folder"
        ) from fault
    return scores


def write_scores(
    scores: Mapping[Key, Score], space: Space, setting: tuple[str, str, str], folder: Path
) -> None:
    """Replace `scores.csv`, all of it or nothing."""
    texts = {index: space.format(space.arch(index)) for _, index in scores}
    rows = (
        (*setting, index, texts[index], name, repr(score.value), f"{score.cost_s:.6f}")
        for (name, index), score in sorted(scores.items())
    )
    write_csv(folder / SCORES, _HEAD, rows)


def write_csv(path: Path, head: Sequence[str], rows: Iterable[tuple[object, ...]]) -> None:
    """Replace a file by a table, all of it or nothing."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(head)
    writer.writerows(rows)
    write_text(path, stream.getvalue())


def _check_setting(path: Path, there: tuple[str, str, str], wanted: tuple[str, str, str]) -> None:
    if there != wanted:
        raise RunFault(
            f"{path} has scores of table {there[0][:12]}, seed {there[1]} and minibatches of "
            f"{there[2]}; expected {wanted[0][:12]}, {wanted[1]} and {wanted[2]}. "
            f"Choose another folder with --out"
        )


def _metric(plain: Mapping[str, Any]) -> Metric:
    found = Metric(**plain)
    if not all(isinstance(each, str) for each in asdict(found).values()):
        raise ValueError(f"expected texts, got {plain}")
    if found.better not in ("lower", "higher") or found.split not in ("train", "valid", "static"):
        raise ValueError(f"{found} is not what a proxy measures")
    return found
