"""The table of the trainings that `trials` gathered.

Columns are those of every table, and some more. `valtest_accuracy` and `valtest_loss` were measured
on validation and test data together. `<split>_epoch_s` are the seconds of one epoch of training or
evaluation; these files hold one value for all epochs and seeds, made from a single measurement, so
they are columns of the architecture and `train_s`, the time of a single training, is unknown.
`latency_ms[gpu-batch-256]` is the time of a batch of 256 examples. `params` and `macs` (which the
files call FLOPs) are those recorded with this schedule: with another one they differ for some
architectures, and so they do between seeds, where those of seed 888 are kept as nats_bench does.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench.compat.nats_tables import LATENCY
from nasbench.core import Metric
from nasbench.errors import TableFault
from tabular import schema
from tabular.importers.trials import Numbers, Trials

METRICS: Mapping[str, Metric] = {
    **schema.METRICS,
    "train_top5_accuracy": Metric("train_top5_accuracy", "%", "higher", "train"),
    "valtest_loss": Metric("valtest_loss", "nats", "lower", "test"),
    "valtest_accuracy": Metric("valtest_accuracy", "%", "higher", "test"),
}
"""Those with test data in them are of the test split, so that no search sees them."""
TRUSTED_SEED = 888
"""Where seeds disagree on parameters, nats_bench 1.6 and later take those of this one."""
DATA = {
    "cifar10-valid": "trained on one half of CIFAR-10's training set, valid is the other half "
    "(x-valid), test is CIFAR-10's test set (ori-test)",
    "cifar10": "trained on all of CIFAR-10's training set, so there is no validation; test is "
    "CIFAR-10's test set (ori-test)",
    "cifar100": "valid and test are the halves x-valid and x-test of CIFAR-100's test set, valtest "
    "is both together (ori-test)",
    "ImageNet16-120": "valid and test are the halves x-valid and x-test of its validation set, "
    "valtest is both together (ori-test)",
}


def content(trials: Trials, *, name: str, origin: str, times: str) -> schema.Content:
    """The table; takes the arrays out of `trials`. `origin` and `times` are for its source.

    Raises:
        TableFault: there is nothing for it, or a percentage is none.
    """
    rows = np.array(sorted(trials.rows), dtype=np.int64)
    status = _ordered(trials, trials.status)
    if not status.any():
        raise TableFault(
            f"{trials.what} has no training on {trials.dataset} of {trials.epochs} epochs; "
            "choose another data set or schedule"
        )
    arrays = {each: _ordered(trials, trials.arrays.pop(each)) for each in list(trials.arrays)}
    seeds = sorted(trials.seeds)
    columns, notes = _columns(arrays, seeds)
    genes = np.array([trials.space.arch(index).genes for index in rows.tolist()], dtype=np.int16)
    row = np.full(np.prod(trials.space.arity), -1, dtype=np.int32)
    row[genes @ schema.code_weights(trials.space.arity)] = np.arange(len(genes))
    train_s, cost_s = _costs(arrays["train_epoch_s"], trials.epochs)
    return schema.Content(
        name=name,
        space=trials.space.name,
        arity=tuple(trials.space.arity),
        per="architecture",
        genes=genes,
        row=row,
        seeds=seeds,
        epochs=range(1, trials.epochs + 1),
        columns=columns,
        status=status,
        train_s=train_s,
        cost_s=cost_s,
        measured="given",
        source="; ".join([origin, *_coverage(trials, status), DATA[trials.dataset], *notes, times]),
    )


def _ordered(trials: Trials, values: NDArray[Any]) -> NDArray[Any]:
    """Without the spare room, rows by index and repeats by seed."""
    places = [trials.rows[index] for index in sorted(trials.rows)]
    repeats = [trials.seeds[seed] for seed in sorted(trials.seeds)]
    if repeats != sorted(repeats):
        values = values[:, repeats]
    if places != sorted(places):
        return values[places]
    return values[: len(places), : len(repeats)]


def _columns(arrays: dict[str, Numbers], seeds: list[int]) -> tuple[list[schema.Column], list[str]]:
    """Columns of a table, and what to know about them."""
    columns, notes = [], []
    for name in ("params", "macs"):
        values, differing = _agreed(arrays[name][..., 0], seeds)
        columns.append(schema.Column(METRICS[name], _counted(values)))
        if differing:
            notes.append(
                f"seeds disagree on the {name} of {differing:,} architectures, "
                f"where those of seed {TRUSTED_SEED} are kept"
            )
    columns.append(
        schema.Column(
            Metric(LATENCY, "ms", "lower", "static"), _mean(arrays["latency_s"][..., 0]) * 1000
        )
    )
    for name, values in arrays.items():
        if name in METRICS and METRICS[name].split != "static":
            _refuse_no_percentage(name, values)
            columns.append(schema.Column(METRICS[name], values))
            notes.extend(_gap(name, values))
        elif name.endswith("_epoch_s") and not np.isnan(values).all():
            columns.append(_seconds(name, values, arrays["train_loss"].shape))
    return columns, notes


def _agreed(values: Numbers, seeds: list[int]) -> tuple[Numbers, int]:
    """One number (rows,) for those of the repeats (rows, repeats), as nats_bench takes it.

    The mean where they agree to five decimals, else that of `TRUSTED_SEED` (NaN if it was not
    trained). The second number counts the rows where they do not agree.
    """
    found = np.full(len(values), np.nan)
    trusted = values[:, seeds.index(TRUSTED_SEED)] if TRUSTED_SEED in seeds else found
    differing = 0
    for row, repeats in enumerate(values.tolist()):
        known = [each for each in repeats if not math.isnan(each)]
        if len({f"{each:.5f}" for each in known}) > 1:
            found[row] = trusted[row]
            differing += 1
        elif known:
            found[row] = sum(known) / len(known)
    return found, differing


def _mean(values: Numbers) -> Numbers:
    """Mean (rows,) of the repeats (rows, repeats) that are known."""
    means = np.full(len(values), np.nan)
    for row, repeats in enumerate(values.tolist()):
        known = [each for each in repeats if not math.isnan(each)]
        means[row] = sum(known) / len(known) if known else np.nan
    return means


def _counted(millions: Numbers) -> NDArray[Any]:
    """Numbers given in millions; whole ones as integers, if all of them are."""
    counts = millions * 1e6
    whole = np.rint(counts)
    exact = np.all(np.isfinite(counts)) and np.all(np.abs(counts - whole) < 1e-3)
    return whole.astype(np.int64) if exact else counts


def _seconds(name: str, values: Numbers, shape: tuple[int, ...]) -> schema.Column:
    """Seconds of an epoch: one number of the architecture, if epochs and seeds share it."""
    per_row = values.reshape(len(values), -1)
    missing = np.isnan(per_row)
    low = np.where(missing, np.inf, per_row).min(axis=1)
    high = np.where(missing, -np.inf, per_row).max(axis=1)
    if values.shape[2] == 1 and np.all(low >= high):
        known = np.where(np.isfinite(low), low, np.nan)
        return schema.Column(Metric(name, "s", "lower", "static"), known)
    loss = METRICS[name.replace("_epoch_s", "_loss")]
    return schema.Column(Metric(name, "s", "lower", loss.split), np.broadcast_to(values, shape))


def _refuse_no_percentage(name: str, values: Numbers) -> None:
    if METRICS[name].unit == "%" and np.any((values < 0) | (values > 100 + 1e-6)):
        raise TableFault(
            f"{name} is expected in percent, got {np.nanmin(values):g} to {np.nanmax(values):g}; "
            "the file is of another format"
        )


def _gap(name: str, values: Numbers) -> list[str]:
    """Says at which epochs a metric is known, if not at all of them."""
    known = np.flatnonzero(~np.isnan(values).all(axis=(0, 1))) + 1
    if len(known) in (0, values.shape[2]) or not name.endswith("accuracy"):
        return []
    if known.tolist() == [values.shape[2]]:
        return [f"{name} is known after the last epoch only"]
    return [f"{name} is known after {len(known)} of {values.shape[2]} epochs"]


def _coverage(trials: Trials, status: NDArray[np.uint8]) -> list[str]:
    """Says how many architectures and seeds there are."""
    found = [f"{len(status):,} of the {len(trials.space):,} architectures"]
    fewer = int((status == schema.NOT_TRAINED).any(axis=1).sum())
    if fewer:
        found.append(f"{fewer:,} of them lack some of the {status.shape[1]} seeds")
    return found


def _costs(epoch_s: Numbers, epochs: int) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Seconds of each training (rows, repeats), and of the full training of each row.

    A time that is the same for every epoch was not measured in this training: it is none of its.
    """
    scaled = epoch_s.shape[2] == 1
    totals = epoch_s[..., 0] * epochs if scaled else epoch_s.sum(axis=2)
    train_s = np.full(totals.shape, np.nan) if scaled else totals
    return train_s.astype(np.float32), _mean(totals).astype(np.float32)
