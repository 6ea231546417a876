"""Writes NATS-Bench and NAS-Bench-201 files: records in their form, with numbers of chance.

Which sets are evaluated after which epochs, which seeds there are and what is the same for all
trainings of an architecture is as in the published files.
"""

from __future__ import annotations

import bz2
import io
import pickle
import zipfile
from collections import OrderedDict
from functools import cache

import numpy as np

from nasbench import registry

DATASETS = {
    "cifar10-valid": (10, ("x-valid", "ori-test")),
    "cifar10": (10, ("ori-test",)),
    "cifar100": (100, ("x-valid", "x-test", "ori-test")),
    "ImageNet16-120": (120, ("x-valid", "x-test", "ori-test")),
}
"""Classes of each data set, and the sets that networks are evaluated on."""
PER_EPOCH = {"cifar10-valid": "x-valid"}
"""The set that is evaluated after each of 200 epochs, `ori-test` if not said here."""
SPACES = {"tss": "cell201-v1", "sss": "size-v1"}
SCHEDULES = {"tss": ("12", "200"), "sss": ("01", "12", "90")}
FIRST_SEEDS = {("tss", "12"): (111,), ("tss", "200"): (777, 888, 999)}


def seeds_of(kind, hp, dataset):
    if (kind, hp, dataset) == ("tss", "12", "cifar10-valid"):
        return (111, 777)
    return FIRST_SEEDS.get((kind, hp), (777,))


def arch(kind, index, hps=None, missing=()):
    """What a file of the folder holds: `missing` are (hp, dataset, seed) that were not trained."""
    return OrderedDict((hp, record(kind, index, hp, missing)) for hp in hps or SCHEDULES[kind])


def record(kind, index, hp, missing=()):
    space = registry.space(SPACES[kind])
    text = space.format(space.arch(index))
    results, seeds = {}, {}
    for number, dataset in enumerate(DATASETS):
        seeds[dataset] = [
            seed for seed in seeds_of(kind, hp, dataset) if (hp, dataset, seed) not in missing
        ]
        for seed in seeds[dataset]:
            rng = np.random.default_rng((index, int(hp), number, seed))
            results[dataset, seed] = trial(kind, index, text, hp, dataset, seed, rng)
    return {
        "arch_index": index,
        "arch_str": text,
        "all_results": results,
        "dataset_seed": seeds,
        "clear_net_done": True,
    }


def trial(kind, index, text, hp, dataset, seed, rng):
    epochs, (classes, names) = range(int(hp)), DATASETS[dataset]
    own = np.random.default_rng((index, classes))  # the same for all trainings
    epoch_s, set_s, latency = own.uniform(1, 9), own.uniform(0.1, 2, len(names)), own.random()
    last_only = hp == "200" and {*names} - {PER_EPOCH.get(dataset, "ori-test")}
    keys = [
        f"{name}@{epoch}"
        for name in names
        for epoch in epochs
        if not (last_only and name in last_only) or epoch == epochs[-1]
    ]
    config = {"channel": 16, "num_cells": 5, "arch_str": text, "class_num": classes}
    if kind == "sss":
        config = {"name": "infer.shape.tiny", "channels": text, "class_num": classes}
    return {
        "name": dataset,
        "train_acc1es": curve(rng, epochs, 100),
        "train_acc5es": None if hp == "200" else curve(rng, epochs, 100),
        "train_losses": curve(rng, epochs, 4),
        "train_times": OrderedDict.fromkeys(epochs, epoch_s),
        "arch_config": config,
        "params": np.float64(own.integers(70_000, 1_500_000) / 1e6),
        "flop": float(own.integers(7_000_000, 220_000_000) / 1e6),
        "seed": f"{seed:04d}",
        "epochs": int(hp),
        "latency": [np.float64(latency)],
        "eval_names": list(names),
        "eval_acc1es": curve(rng, keys, 100),
        "eval_times": {
            f"{name}@{epoch}": float(seconds)
            for name, seconds in zip(names, set_s, strict=True)
            for epoch in epochs
        },
        "eval_losses": curve(rng, keys, 4),
        "net_state_dict": None,
    }


def curve(rng, keys, high):
    return dict(zip(keys, rng.uniform(0, high, len(keys)).tolist(), strict=True))


@cache
def strings(kind):
    space = registry.space(SPACES[kind])
    return [space.format(space.arch(index)) for index in range(len(space))]


def root(kind, archs):
    """What the single file holds."""
    texts = strings(kind)
    return {
        "meta_archs": texts,
        "total_archs": len(texts),
        "arch2infos": archs,
        "evaluated_indexes": set(archs),
    }


def packed(made):
    return bz2.compress(pickle.dumps(made, 4))


def write_packed(path, made):
    path.write_bytes(packed(made))


@cache
def meta(kind):
    return packed({**root(kind, {}), "arch2infos": None, "evaluated_indexes": set()})


def write_folder(folder, kind, archs):
    folder.mkdir()
    (folder / "meta.pickle.pbz2").write_bytes(meta(kind))
    for index, made in archs.items():
        write_packed(folder / f"{index:06d}.pickle.pbz2", made)
    return folder


def torch_root(archs):
    """What the .pth file holds: 12 epochs are `less`, 200 are `full`."""
    named = {index: {"full": made["200"], "less": made["12"]} for index, made in archs.items()}
    return {**root("tss", named), "basestr": "C16-N5"}


def write_torch(path, made, *, zipped):
    """A file as torch.save writes it, without torch."""
    if zipped:
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("archive/data.pkl", pickle.dumps(made, 2))
            archive.writestr("archive/version", "3\n")
        return
    stream = io.BytesIO()
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    for each in (0x1950A86A20F9469CFC6C, 1001, system, made, []):
        pickle.dump(each, stream, 2)
    path.write_bytes(stream.getvalue())
