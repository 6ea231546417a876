"""`nasbench doctor`: whether this installation can do its job, and what to do where it cannot."""

from __future__ import annotations

import platform
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import Annotated, Literal

import typer

from nasbench import registry
from nasbench.commands.query import trained
from nasbench.core import Candidate
from nasbench.errors import NasbenchError
from nasbench.harness.processes import cores

DISTRIBUTION = "nasbench-lab"
PYTHON = (3, 11)
MAINTAINERS = ("test", "stats", "dev", "browser")
"""Extras of which a user of the package needs to hear nothing."""
ROOM_BYTES = 1 << 30
"""Free disk below which a warning is due."""

Level = Literal["ok", "note", "broken"]


@dataclass(frozen=True, slots=True)
class Finding:
    """What one look at the installation found."""

    level: Level
    """`note`: an extra or a plug-in does not work; `broken`: something essential does not."""
    what: str
    text: str


def doctor(
    runs: Annotated[Path, typer.Option(help="Folder that runs would be written to.")] = Path(
        "runs"
    ),
) -> None:
    """Check the installation: versions, devices, tables, data, places to write."""
    from rich.console import Console
    from rich.text import Text

    console = Console()
    levels: Counter[Level] = Counter()
    for finding in findings(runs):
        levels[finding.level] += 1
        style = {"ok": "green", "note": "yellow", "broken": "bold red"}[finding.level]
        line = Text.assemble((f"{finding.level:<8}", style), (f"{finding.what}: ", "bold"))
        console.print(line.append(finding.text), soft_wrap=True)
    console.print(verdict(levels), soft_wrap=True)
    if levels["broken"]:
        raise typer.Exit(1)


def verdict(levels: Mapping[Level, int]) -> str:
    """What findings of these levels say together."""
    parts = [f"{levels['ok']} ok"]
    if levels["note"]:
        parts.append(f"{levels['note']} to note, of optional parts")
    if levels["broken"]:
        return f"{', '.join(parts)}, {levels['broken']} broken: see to those first."
    return f"{', '.join(parts)}, none broken: this installation can do its job."


def findings(runs: Path) -> Iterator[Finding]:
    """All findings, each when it is made; some take seconds."""
    yield _python()
    yield from _requirements()
    yield _torch()
    for group in (registry.COMMANDS, registry.SPACES, registry.SEARCHERS):
        yield from _attempts(group, partial(_loads, group))
    yield from _attempts(registry.TASKS, _task)
    yield from _attempts(registry.BENCHMARKS, _benchmark)
    yield _writable(runs)
    yield _room(runs)


def _python() -> Finding:
    version = platform.python_version()
    if sys.version_info < PYTHON:
        return Finding("broken", "python", f"{version}; install {PYTHON[0]}.{PYTHON[1]} or newer")
    return Finding("ok", "python", f"{version} ({sys.executable})")


def _requirements() -> Iterator[Finding]:
    """The required distributions in one line, what is wrong with them, and each extra."""
    from packaging.requirements import Requirement

    wanted = [Requirement(text) for text in metadata.requires(DISTRIBUTION) or ()]
    required = [
        each for each in wanted if each.marker is None or each.marker.evaluate({"extra": ""})
    ]
    faults = [fault for each in required if (fault := _fault(each.name, each.specifier.contains))]
    for fault in faults:
        yield Finding("broken", "requirement", f"{fault}; run: pip install -U {DISTRIBUTION}")
    if not faults:
        listed = ", ".join(f"{each.name} {metadata.version(each.name)}" for each in required)
        yield Finding("ok", "requirements", listed)
    for extra in metadata.metadata(DISTRIBUTION).get_all("Provides-Extra") or ():
        if extra in MAINTAINERS:
            continue
        own = [each for each in wanted if each.marker and each.marker.evaluate({"extra": extra})]
        own = [each for each in own if each not in required]
        lacking = [fault for each in own if (fault := _fault(each.name, each.specifier.contains))]
        cure = f"if you want it: pip install '{DISTRIBUTION}[{extra}]'"
        yield (
            Finding("note", f"extra {extra}", f"{'; '.join(lacking)}; {cure}")
            if lacking
            else Finding("ok", f"extra {extra}", "installed")
        )


def _fault(name: str, accepts: Callable[[str], bool]) -> str | None:
    try:
        version = metadata.version(name)
    except metadata.PackageNotFoundError:
        return f"{name} is not installed"
    return None if accepts(version) else f"{name} {version} is too old"


def _torch() -> Finding:
    try:
        import torch
    except (ImportError, OSError) as fault:  # OSError: a shared library does not load
        return Finding("broken", "torch", f"does not import: {fault}; reinstall it")
    devices = [f"cpu ({torch.get_num_threads()} threads, {cores()} cores)"]
    devices += [
        f"cuda:{i} ({torch.cuda.get_device_name(i)})" for i in range(torch.cuda.device_count())
    ]
    return Finding("ok", "devices", ", ".join(devices))


def _attempts(group: str, attempt: Callable[[str], tuple[Level, str]]) -> Iterator[Finding]:
    """One finding for every name of a group, and one if the group itself cannot be read."""
    what = group.rpartition(".")[2].removesuffix("s")
    try:
        names = registry.names(group)
    except NasbenchError as fault:
        yield Finding("broken", group, str(fault))
        return
    for name in names:
        try:
            level, text = attempt(name)
            yield Finding(level, f"{what} {name}", text)
        except Exception as fault:  # a plug-in may fail in any way; the report goes on
            own = registry.provider(group, name) == DISTRIBUTION
            text = f"{type(fault).__name__}: {fault}"
            yield Finding("broken" if own else "note", f"{what} {name}", text)


def _loads(group: str, name: str) -> tuple[Level, str]:
    registry.resolve(group, name)
    return "ok", "imports"


def _task(name: str) -> tuple[Level, str]:
    """Loading a task checks the sha256 of its data."""
    data = registry.task(name).load()
    sizes = " / ".join(f"{len(split):,}" for split in (data.train, data.valid, data.test))
    return "ok", f"{sizes} examples, checksums hold"


def _benchmark(name: str) -> tuple[Level, str]:
    """It answers at every epoch, and a table is intact and complete."""
    import numpy as np

    from nasbench.harness.known import drawn

    found = registry.benchmark(name)
    (arch,) = drawn(found, 1, np.random.default_rng(0))
    answers = found.query([Candidate(arch, epochs) for epochs in found.epochs])
    text = f"answers with {len(answers[-1].metrics)} metrics at {len(answers)} training lengths"
    verify = getattr(found, "verify", None)
    if verify is not None:
        text += f", content {getattr(found, 'sha256', '')[:12]} intact ({verify()} hashes hold)"
    done, total = trained(found)
    if done < total:
        return "note", (
            f"{text}; only {done:,} of {total:,} architectures are trained: continue it with "
            "`nasbench table build`, or install a release with the complete table"
        )
    return "ok", text


def _writable(runs: Path) -> Finding:
    place = _existing(runs)
    try:
        with tempfile.TemporaryFile(dir=place):
            pass
    except OSError as fault:
        cure = "choose another folder with --out when you compare"
        return Finding("broken", "runs", f"cannot write in {place}: {fault.strerror}; {cure}")
    return Finding("ok", "runs", f"{runs.absolute()} can be written")


def _room(runs: Path) -> Finding:
    free = shutil.disk_usage(_existing(runs)).free
    text = f"{free / 1e9:.1f} GB free"
    if free < ROOM_BYTES:
        return Finding("note", "disk", f"{text}; long table builds may not fit")
    return Finding("ok", "disk", text)


def _existing(path: Path) -> Path:
    """The nearest folder above `path`, or itself, that exists."""
    path = path.absolute()
    return next(folder for folder in (path, *path.parents) if folder.exists())
