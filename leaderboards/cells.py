"""The architectures that an entry recommends, drawn, with what the benchmark knows of them."""

from __future__ import annotations

from typing import Any

from markupsafe import Markup

from leaderboards.standings import Part, Row, Standings
from nasbench.core import Architecture, Benchmark, Candidate, Space
from nasbench.harness.trajectory import final_position
from nasbench.spaces.drawing import svg

DRAWN = 3
"""Of each benchmark at most."""


def cells(row: Row, table: Standings) -> list[dict[str, Any]]:
    """What the runs of an entry recommend, by benchmark, the best as told first, twins together."""
    return [
        _cell(arch, seeds, name, table.rulers[name].benchmark)
        for name, part in row.parts.items()
        for arch, seeds in _recommended(part, table.rulers[name].benchmark.space)[:DRAWN]
    ]


def _recommended(part: Part, space: Space) -> list[tuple[Architecture, list[int]]]:
    found: dict[Architecture, list[int]] = {}
    best: dict[Architecture, tuple[int, float]] = {}
    for run, arch in zip(part.runs, part.recommended, strict=True):
        if arch is not None:
            canonical, position = space.canonical(arch), final_position(run.trajectory)
            told = float(run.trajectory.values[position, 0])
            rank = (-int(run.trajectory.epochs[position]), told)
            found.setdefault(canonical, []).append(run.seed)
            best[canonical] = min(best.get(canonical, rank), rank)
    return [
        (arch, found[arch]) for arch in sorted(found, key=lambda each: (best[each], each.genes))
    ]


def _cell(arch: Architecture, seeds: list[int], name: str, benchmark: Benchmark) -> dict[str, Any]:
    metrics = benchmark.query([Candidate(arch)])[0].metrics
    shown = [metric for metric in benchmark.metrics if metric.split != "train"]
    drawing = svg(benchmark.space.graph(arch)).replace(' style="max-width:100%;height:auto"', "")
    return {
        "benchmark": name,
        "seeds": seeds,
        "text": benchmark.space.format(arch),
        "svg": Markup(drawing),  # drawn from numbers and labels of the space, which it escapes
        "metrics": [
            (f"{metric.name} ({metric.unit})", f"{metrics[metric.name]:,.6g}") for metric in shown
        ],
    }
