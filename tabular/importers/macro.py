"""NAS-Bench-Macro (Su et al., CVPR 2021): test accuracies of all 6,561 chains of `macro-v1`.

The file repeats the 3,969 networks that were trained under the names of all their twins; that the
twins agree is checked here, and so are parameters and multiply-adds (which the file calls FLOPs),
which are counted again from the architecture: other names of the layers would not pass. There is
no validation split, and there are no training times: every training is charged one second.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from nasbench import registry
from nasbench.core import Space
from nasbench.errors import InvalidArchitecture, TableFault
from nasbench.spaces import macro
from tabular import classes, schema
from tabular.importers.documents import item, number, read_json

EPOCHS = 50
SEEDS = (0, 1, 2)
EXAMPLES = 10_000
MOST = 1 << 25
"""Bytes; the file has 1.5 MB."""
SOURCE = (
    "NAS-Bench-Macro, trained on all 50,000 training images of CIFAR-10, so there is no validation "
    "split; test_accuracy is the best of all 50 epochs as its training script computes it, which "
    "is optimistic; cost_s is one by definition"
)


def read(source: Path) -> schema.Content:
    """NAS-Bench-Macro's JSON file: three test accuracies of each network, params, multiply-adds.

    Raises:
        TableFault: the file is damaged, is another one, or contradicts itself.
    """
    from tabular.pack import rows_of_codes  # late: it loads h5py, which help does not need

    space = registry.space(macro.NAME)
    found = _records(read_json(source, MOST), space, source)
    genes = classes.canonical_genes(space)
    accuracies, params, macs = _agreed(found, genes, source)
    return schema.Content(
        name="macro/cifar10",
        space=space.name,
        arity=tuple(space.arity),
        per="class",
        genes=genes,
        row=rows_of_codes(space),
        seeds=SEEDS,
        epochs=[EPOCHS],
        columns=[
            schema.Column(schema.METRICS["test_accuracy"], accuracies[:, :, None], EXAMPLES),
            schema.Column(schema.METRICS["params"], params),
            schema.Column(schema.METRICS["macs"], macs),
        ],
        status=np.full(accuracies.shape, schema.TRAINED, dtype=np.uint8),
        train_s=np.full(accuracies.shape, np.nan, dtype=np.float32),
        cost_s=np.ones(len(genes), dtype=np.float32),
        measured="given",
        source=SOURCE,
    )


Record = tuple[tuple[float, ...], int, int]
"""Accuracies, parameters and multiply-adds."""


def _records(document: Any, space: Space, path: Path) -> dict[tuple[int, ...], Record]:
    """Every entry by its genes."""
    if not isinstance(document, dict):
        raise TableFault(f"{path} is no JSON object of architectures; it is another file")
    found = {}
    for text, entry in document.items():
        what = f"{path}: {text!r}"
        genes = _genes(text, space, what)
        accuracies = item(entry, "test_acc", what)
        if not isinstance(accuracies, list) or len(accuracies) != len(SEEDS):
            raise TableFault(f"{what} has not {len(SEEDS)} test accuracies: {accuracies!r:.60}")
        values = tuple(number(each, f"{what} test_acc", low=0, high=100) for each in accuracies)
        params, flops = (number(item(entry, key, what), what) for key in ("params", "flops"))
        if (params, flops) != count(genes):
            raise TableFault(
                f"{what} has {params:.0f} parameters and {flops:.0f} FLOPs, but its network has "
                f"{count(genes)}; the layers are named in another order, or the file is damaged"
            )
        found[genes] = values, int(params), int(flops)
    if len(found) != len(space):
        raise TableFault(f"{path} has {len(found)} architectures, expected all {len(space)}")
    return found


def _genes(text: str, space: Space, what: str) -> tuple[int, ...]:
    try:
        return space.parse(text).genes
    except InvalidArchitecture as fault:
        raise TableFault(f"{what} is no name of this file's format: {fault}") from fault


def _agreed(
    found: dict[tuple[int, ...], Record], rows: NDArray[np.int16], path: Path
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Accuracies (rows, 3), parameters and multiply-adds (rows,) of the canonical genes `rows`."""
    for genes, record in found.items():
        form = macro.canonical_genes(genes)
        if found[form] != record:
            raise TableFault(
                f"{path}: {genes} and {form} are one network, but have the different entries "
                f"{record} and {found[form]}; get the file again"
            )
    records = [found[tuple(genes)] for genes in rows.tolist()]
    accuracies, params, macs = zip(*records, strict=True)
    return np.array(accuracies), np.array(params), np.array(macs)


def count(genes: tuple[int, ...]) -> tuple[int, int]:
    """Parameters and multiply-adds of convolutions and classifier, on images of 32 x 32."""
    channels, pixels = 32, 32 * 32
    params, macs = 3 * 9 * channels + 2 * channels, 3 * 9 * channels * pixels
    for stage in macro.stages_of(genes):
        for place, gene in enumerate(stage):
            before, entering = channels, pixels
            if place == 0:
                channels, pixels = 2 * channels, pixels // 4
            elif gene == 0:
                continue
            wide, depthwise, narrow = _block(gene, before, channels)
            params += wide + depthwise + narrow
            params += 2 * channels if gene == 0 else 2 * (2 * before * (3 * gene) + channels)
            macs += wide * entering + (depthwise + narrow) * pixels
    head, outputs = 1280, 10
    params += channels * head + 2 * head + head * outputs + outputs
    return params, macs + channels * head * pixels + head * outputs


def _block(gene: int, before: int, after: int) -> tuple[int, int, int]:
    """Weights of a block's 1x1, depthwise and 1x1 convolutions."""
    if gene == 0:
        return 0, 0, before * after
    hidden, kernel = before * 3 * gene, 2 * gene + 1
    return before * hidden, hidden * kernel**2, hidden * after
