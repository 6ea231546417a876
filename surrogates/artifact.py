"""A fitted surrogate as a folder that any language reads: JSON, safetensors and the models' files.

    surrogate.json        what it is, where it comes from, settings, reference predictions, and the
                          sha256 of every other file; its own hash is that of its other fields
    arrays.safetensors    scales, calibration and whatever the model is made of
    model.*               files of the library that fitted, such as XGBoost's UBJSON

Opening checks every hash and predicts the references again, a lazy opening when the model is first
asked: a library that reads an old one in another way is found out before it answers. No pickle.
"""

from __future__ import annotations

import hashlib
import json
import os
import tempfile
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load, save

from nasbench import registry
from nasbench.atomic import exchange, output_fault
from nasbench.core import Metric, Space
from nasbench.errors import NasbenchError, OutputFault, SurrogateFault, WrongSpace
from surrogates.benchmark import Origin, Parts, Surrogate, surrogate
from surrogates.calibration import Calibration
from surrogates.layout import Layout
from surrogates.model import State, joined
from surrogates.statics import Statics
from surrogates.stored import ADVICE, StoredModel, libraries, references

SUFFIX = ".surrogate"
HEAD, ARRAYS = "surrogate.json", "arrays.safetensors"
FORMAT, VERSION = "nasbench-surrogate", 1
_FIELDS = {"space": str, "arity": list, "model": dict, "references": list, "files": dict}
"""Fields that are read before anything is restored; none is empty."""

Files = Mapping[str, bytes]


def write(parts: Parts, folder: Path, *, overwrite: bool = False) -> None:
    """Store a surrogate, all of it or nothing.

    Raises:
        OutputFault: the place cannot be written, or something is there; `overwrite` replaces
            another surrogate, and never anything else.
    """
    folder = Path(folder)
    refuse(folder, overwrite=overwrite)
    files = pack(parts)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f".{folder.name}.") as beside:
            made = Path(beside) / "new"
            made.mkdir()
            for name, content in files.items():
                with (made / name).open("wb") as stream:
                    stream.write(content)
                    os.fsync(stream.fileno())
            exchange(made, folder, Path(beside) / "old")
    except OSError as fault:
        raise output_fault(folder, fault) from fault


def refuse(folder: Path, *, overwrite: bool = False) -> None:
    """Checks that a surrogate could be stored in `folder`; raises OutputFault as `write` does."""
    ours = (folder / HEAD).is_file()
    if folder.suffix != SUFFIX:
        raise OutputFault(f"a surrogate's folder is named *{SUFFIX}, got {folder}")
    if (folder.exists() or folder.is_symlink()) and not (overwrite and ours):
        advice = ", or pass --overwrite" if ours else ""
        raise OutputFault(f"{folder} is there already; choose another output{advice}")


def read(folder: Path, space: Space | None = None, *, lazy: bool = False) -> Surrogate:
    """The surrogate in a folder, every hash and reference prediction checked.

    A `lazy` one loads its model and checks the predictions when it is first asked.

    Raises:
        SurrogateFault: it is not one, or not the one that was written.
        WrongSpace: it was fitted on another space than `space`.
        UnknownSpace: its space is not registered.
    """
    folder = Path(folder)
    try:
        head = (folder / HEAD).read_bytes()
        names = _manifest(head, str(folder))["files"]
        files = {name: (folder / _plain(name)).read_bytes() for name in names}
    except OSError as fault:
        raise SurrogateFault(
            f"expected a surrogate in {folder}, but {fault.filename} cannot be read "
            f"({fault.strerror}). {ADVICE}"
        ) from fault
    return unpack({HEAD: head, **files}, space, str(folder), lazy=lazy)


def pack(parts: Parts) -> dict[str, bytes]:
    """The files of a surrogate by name; the same parts always give the same bytes."""
    state, statics = parts.model.state(), parts.statics
    exact = State({}, {"weights": statics.weights, "whole": statics.whole})
    own = {
        "model.": state,
        "calibration.": State({}, parts.calibration.arrays()),
        "statics.": exact,
    }
    stored = joined({}, own)
    files = {
        ARRAYS: save({name: np.ascontiguousarray(each) for name, each in stored.arrays.items()}),
        **stored.files,
    }
    fields = {
        "format": FORMAT,
        "version": VERSION,
        "name": parts.name,
        "space": parts.space.name,
        "arity": list(parts.space.arity),
        "metrics": [asdict(metric) for metric in parts.metrics],
        "layout": parts.layout.state(),
        "statics": statics.state(),
        **({"counted": list(statics.labels)} if statics.labels else {}),
        "model": {"name": parts.model.name, "settings": state.settings},
        "origin": asdict(parts.origin),
        "references": references(parts.model, parts.space),
        "libraries": libraries(),
        "files": {name: hashlib.sha256(each).hexdigest() for name, each in files.items()},
    }
    head = {**fields, "sha256": _digest(fields)}
    return {HEAD: (json.dumps(head, indent=1) + "\n").encode(), **files}


def unpack(
    files: Files, space: Space | None = None, place: str = "memory", *, lazy: bool = False
) -> Surrogate:
    """The surrogate of its files; raises as `read` does."""
    head = _manifest(files[HEAD], place)
    for name, digest in head["files"].items():
        if hashlib.sha256(files[name]).hexdigest() != digest:
            raise SurrogateFault(
                f"{name} of the surrogate in {place} is not the file that was written: its sha256 "
                f"is not {digest[:12]}.... {ADVICE}"
            )
    space = _space(head, space, place)
    try:
        stored = _stored(files)
        weights = stored.part("model.", head["model"]["settings"])
        model = StoredModel(head, weights, space, place)
        parts = _parts(head, stored, model)
    except NasbenchError:
        raise
    except Exception as fault:
        raise SurrogateFault(
            f"the surrogate in {place} contradicts itself ({type(fault).__name__}: {fault}). "
            f"{ADVICE}"
        ) from fault
    if not lazy:
        model.restored()
    return surrogate(parts, head["sha256"])


def _manifest(content: bytes, place: str) -> dict[str, Any]:
    """The head of a surrogate, checked for what all the rest relies on."""
    try:
        head = json.loads(content)
        known = head["format"] == FORMAT
        version, digest = head["version"], head.pop("sha256")
    except (ValueError, KeyError, TypeError, AttributeError):
        known, head, version, digest = False, {}, None, None
    if not known:
        raise SurrogateFault(f"expected a surrogate in {place}, but {HEAD} is of none. {ADVICE}")
    if version != VERSION:
        raise SurrogateFault(
            f"the surrogate in {place} has version {version!r} of the layout, this nasbench-lab "
            f"reads version {VERSION}. Install the release that wrote it, or fit it again."
        )
    if digest != _digest(head):
        raise SurrogateFault(
            f"{HEAD} in {place} is not what was written: its fields do not have the sha256 "
            f"{str(digest)[:12]}.... {ADVICE}"
        )
    if not all(isinstance(head.get(name), kind) and head[name] for name, kind in _FIELDS.items()):
        raise SurrogateFault(
            f"{HEAD} in {place} lacks what every surrogate has: {', '.join(_FIELDS)}. {ADVICE}"
        )
    return {**head, "sha256": digest}


def _space(head: Mapping[str, Any], space: Space | None, place: str) -> Space:
    if space is None:
        space = registry.space(head["space"])
    if (space.name, list(space.arity)) != (head["space"], head["arity"]):
        raise WrongSpace(
            f"the surrogate in {place} was fitted on {head['space']} with the choices "
            f"{head['arity']}, got the space {space.name} with {list(space.arity)}; "
            f"use a surrogate of that space"
        )
    return space


def _stored(files: Files) -> State:
    others = {name: each for name, each in files.items() if name not in (HEAD, ARRAYS)}
    return State({}, load(files[ARRAYS]), others)


def _parts(head: Mapping[str, Any], stored: State, model: StoredModel) -> Parts:
    exact = stored.part("statics.").arrays
    return Parts(
        head["name"],
        model.space,
        tuple(Metric(**each) for each in head["metrics"]),
        Layout.restore(head["layout"]),
        model,
        Calibration.restore(stored.part("calibration.").arrays),
        Statics.restore(head["statics"], exact["weights"], exact["whole"], head.get("counted", ())),
        Origin(**head["origin"]),
    )


def _digest(fields: Mapping[str, Any]) -> str:
    """sha256 of the fields without their own."""
    return hashlib.sha256(json.dumps(fields, sort_keys=True).encode()).hexdigest()


def _plain(name: str) -> str:
    """A file's name, which must not lead out of the folder."""
    if Path(name).name != name:
        raise SurrogateFault(f"a surrogate has files of its own folder only, not {name!r}")
    return name
