"""`nasbench show`: one architecture, in words and as a drawing."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Annotated, Any

import typer

from nasbench import atomic, registry
from nasbench.core import Architecture, InputSpec, Recipe, Space
from nasbench.spaces import drawing, notation

PUBLISHED = Recipe(channels=16, stages=3, cells=5, stem_stride=1)
"""Width and depth of the networks of NAS-Bench-201 on CIFAR-10."""
CIFAR10 = InputSpec("image", 3, 32, 32)


def show(
    arch: Annotated[
        str,
        typer.Argument(
            help="An index, genes separated by commas, or a string such as "
            "'|nor_conv_3x3~0|+|none~0|nor_conv_3x3~1|+|skip_connect~0|none~1|skip_connect~2|'."
        ),
    ],
    space: Annotated[str, typer.Option(help="The search space it belongs to.")] = "cell201-v1",
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", help="Write the drawing to this .svg or .png file."),
    ] = None,
    graph: Annotated[
        bool,
        typer.Option(
            "--graph", help="Draw the operation instances that decide which cells are equivalent."
        ),
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")] = False,
) -> None:
    """Show an architecture: its names, its canonical twin, its size, and a drawing."""
    if output is not None and output.suffix not in (".svg", ".png"):
        raise typer.BadParameter(
            f"{output} ends neither in .svg nor in .png", param_hint="--output"
        )
    of: Any = registry.space(space)
    found = notation.read(of, arch)
    told = facts(of, found)
    cell = of.graph(found) if graph or not hasattr(of, "wiring") else of.wiring(found)
    if as_json:
        typer.echo(json.dumps(told, indent=2))
    else:
        typer.echo(_words(told, cell))
    if output is not None:
        _write(output, cell, title=f"{space} {told['index']}")
        if not as_json:
            typer.echo(f"\nwrote {output}")


def facts(space: Space, arch: Architecture) -> dict[str, Any]:
    """What can be told about an architecture without training it.

    `cifar10_params` and `cifar10_macs` are those of the full-size network of NAS-Bench-201, so only
    cell201 has them; the networks of a table are smaller, and `nasbench query` tells theirs.
    """
    form = space.canonical(arch)
    told: dict[str, Any] = {
        "space": space.name,
        "index": space.index(arch),
        "architecture": space.format(arch),
        "genes": list(arch.genes),
        "canonical": space.format(form),
        "canonical_index": space.index(form),
        "class_size": _class_size(space, form),
    }
    if space.name == "cell201-v1":
        from nasbench.networks.count import count

        params, macs = count(arch, PUBLISHED, CIFAR10, 10)
        told |= {"cifar10_params": params, "cifar10_macs": macs}
    return told


def _class_size(space: Any, form: Architecture) -> int:
    if hasattr(space, "class_size"):
        return int(space.class_size(form))
    return sum(space.canonical(space.arch(index)) == form for index in range(len(space)))


def _words(told: dict[str, Any], cell: drawing.Cell) -> str:
    lines = [f"{key.replace('_', ' '):<16}{_text(key, value)}" for key, value in told.items()]
    unicode = (getattr(sys.stdout, "encoding", None) or "").lower().startswith("utf")
    return "\n".join([*lines, "", drawing.text(cell, ascii_only=not unicode)])


def _text(key: str, value: Any) -> str:
    if isinstance(value, list):
        return ",".join(map(str, value))
    return f"{value:,}" if key.endswith(("_params", "_macs")) else str(value)


def _write(output: Path, cell: drawing.Cell, *, title: str) -> None:
    if output.suffix == ".svg":
        atomic.write_text(output, drawing.svg(cell, title=title))
    else:
        atomic.write_bytes(output, drawing.png(cell, title=title))
