"""Writes files as those of NAS-Bench-101, without TensorFlow or protocol buffers' library."""

from __future__ import annotations

import base64
import json
import struct

import numpy as np
from google_crc32c import value as crc32c

SAID = ("training_s", "train_accuracy", "valid_accuracy", "test_accuracy")
"""What an evaluation says, in its order."""
IMAGES = 9984


def checksum(data):
    crc = crc32c(data)
    rotated = (crc >> 15) | (crc << 17 & 0xFFFFFFFF)
    return struct.pack("<I", (rotated + 0xA282EAD8) % 2**32)


def framed(data):
    """A record of a file."""
    length = struct.pack("<Q", len(data))
    return length + checksum(length) + data + checksum(data)


def varint(number):
    low, rest = number & 127, number >> 7
    return bytes([low | 128]) + varint(rest) if rest else bytes([low])


def evaluation(epoch, seconds, train, valid, test, path=b""):
    """An `EvaluationData`; `path` adds the name of a checkpoint."""
    numbers = enumerate((epoch, seconds, train, valid, test), 1)
    doubles = b"".join(bytes([k << 3 | 1]) + struct.pack("<d", x) for k, x in numbers)
    return doubles + (b"\x32" + varint(len(path)) + path if path else b"")


def metrics(evaluations, params, total_s=1.0):
    """A `ModelMetrics`."""
    inner = b"".join(b"\x0a" + varint(len(each)) + each for each in evaluations)
    return inner + b"\x10" + varint(params) + b"\x19" + struct.pack("<d", total_s)


def row(name, epochs, matrix, ops, message):
    """The data of a record."""
    digits = "".join(str(int(x)) for line in matrix for x in line)
    fields = [name, epochs, digits, ",".join(ops), base64.b64encode(message).decode()]
    return json.dumps(fields).encode()


def training(name, epochs, matrix, ops, *, params, middle, end, path=b""):
    """The record of a training; `middle` and `end` as `SAID` names them."""
    evaluations = [
        evaluation(0.0, 0.0, 0.1, 0.1, 0.1, path),
        evaluation(epochs / 2, *middle, path),
        evaluation(epochs, *end, path),
    ]
    return framed(row(name, epochs, matrix, ops, metrics(evaluations, params)))


def numbers(rng, cells, repeats, budgets):
    """Made-up evaluations (cells, repeats, budgets, 2, 4) as float32 holds them."""
    shape = (cells, repeats, budgets, 2)
    longest = 60.0 * 3.0 ** np.arange(budgets)[:, None] * (0.5, 1)
    seconds = (longest * rng.uniform(0.8, 1, shape))[..., None]
    fractions = rng.integers(0, IMAGES + 1, (*shape, 3)) / IMAGES
    return np.concatenate([seconds, fractions], axis=-1).astype(np.float32).astype(np.float64)


def file(space, archs, evaluations, budgets=(4, 12, 36, 108)):
    """The records of a file, and the parameters of each cell, made up."""
    data, params = [], []
    for arch, cell in zip(archs, evaluations.tolist(), strict=True):
        name, (matrix, ops) = space.module_hash(arch), space.pruned(arch)
        params.append(1000 + len(params))
        data += [
            training(name, epochs, matrix, ops, params=params[-1], middle=middle, end=end)
            for repeat in cell
            for epochs, (middle, end) in zip(budgets, repeat, strict=True)
        ]
    return data, params
