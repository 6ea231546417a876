"""Train random classes of a benchmark once more with another seed: the noise no model can beat.

    python scripts/seed_anchor.py cell201/mnist1d --classes 200 --seed 1 \
        -o docs/surrogates/cell201_mnist1d.seed1.csv

Appends a line for each training and skips those that are there, so it can be stopped at any time.
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path
from typing import Any

import numpy as np

from nasbench import registry
from nasbench.core import Architecture
from nasbench.training.trainers import trainer_of

HEAD = ("genes", "table", "again")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("benchmark")
    parser.add_argument("--classes", type=int, default=200)
    parser.add_argument("--seed", type=int, default=1, help="training seed; not one of the table's")
    parser.add_argument("--metric", default="valid_accuracy")
    parser.add_argument("-o", "--output", type=Path, required=True)
    options = parser.parse_args()
    benchmark: Any = registry.benchmark(options.benchmark)
    if options.seed in benchmark.seeds:
        parser.error(f"the table has seed {options.seed} already; choose another")
    genes, columns = benchmark.rows()
    chosen = np.random.default_rng(0).permutation(len(genes))[: options.classes]
    data, train = registry.task(benchmark.task).load(), trainer_of(benchmark.space.name).train
    done = set()
    if options.output.exists():
        with options.output.open(newline="") as stream:
            done = {row["genes"] for row in csv.DictReader(stream)}
    options.output.parent.mkdir(parents=True, exist_ok=True)
    with options.output.open("a", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        if not stream.tell():
            writer.writerow(HEAD)
        for row in chosen:
            text = " ".join(map(str, genes[row].tolist()))
            if text not in done:
                arch = Architecture(benchmark.space.name, tuple(genes[row].tolist()))
                again = train(arch, data, benchmark.recipe, options.seed, "cpu")
                value = getattr(again, options.metric)[-1]
                writer.writerow((text, f"{columns[options.metric][row]:.6g}", f"{value:.6g}"))
                stream.flush()


if __name__ == "__main__":
    main()
