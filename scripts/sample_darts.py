"""Choose the cells of a sampled darts-v1 table: random ones, and those that searches go through.

    scripts/sample_darts.py random 400 -o cells.txt
    nasbench table build darts-v1 digits-on-photos --archs cells.txt -o darts.h5
    scripts/sample_darts.py searches 200 --table darts.h5 -o more.txt

NAS-Bench-301 (Zela et al., ICLR 2022) mixes random cells with the trajectories of optimizers, so
that a surrogate knows both the whole space and the regions into which a search leads it. Here half
of the random cells are uniform; each of the others draws its operations with probabilities of its
own, from a Dirichlet distribution, so that cells of nearly one operation (all skips, no
convolution) occur, too. The searches run on a surrogate fitted on the table so far, with several
seeds, and their cells are taken in the order in which they are met. Everything follows from --seed.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

import numpy as np

from nasbench import Budget, load, registry, run
from nasbench.atomic import write_text
from nasbench.core import Architecture
from nasbench.spaces import darts_cells
from nasbench.spaces.darts import NAME
from surrogates import fit as fitting
from surrogates.benchmark import surrogate

SEARCHERS = ("regularized-evolution", "local-search")
EVALUATIONS = 200
CONCENTRATION = 0.3
"""Of the Dirichlet distribution of operations: the smaller, the more a cell is of one kind."""


def random_cells(seed: int) -> Iterator[Architecture]:
    """Uniform cells and cells with operations of their own frequencies, in turns."""
    space, rng = registry.space(NAME), np.random.default_rng(seed)
    count = len(darts_cells.OPS)
    operations = np.flatnonzero(np.array(space.arity) == count)
    while True:
        (uniform,) = space.sample(1, rng)
        yield uniform
        (cell,) = space.sample(1, rng)
        genes = np.array(cell.genes)
        shares = rng.dirichlet(np.full(count, CONCENTRATION))
        genes[operations] = rng.choice(count, size=len(operations), p=shares)
        yield Architecture(NAME, tuple(genes.tolist()))


def met_cells(table: str, seed: int) -> Iterator[Architecture]:
    """Cells of searches on a surrogate of a table, the searchers taking turns."""
    model = surrogate(fitting.fit(load(table)))
    budget = Budget(queries=EVALUATIONS)
    while True:
        runs = [run(model, name, seed=seed, budget=budget) for name in SEARCHERS]
        for genes in np.stack([each.trajectory.genes for each in runs], axis=1).reshape(
            -1, len(model.space.arity)
        ):
            yield Architecture(NAME, tuple(genes.tolist()))
        seed += 1


def new_classes(
    cells: Iterator[Architecture], known: set[tuple[int, ...]]
) -> Iterator[Architecture]:
    """The classes of cells, each once, those with known genes left out."""
    space, seen = registry.space(NAME), set(known)
    for cell in map(space.canonical, cells):
        if cell.genes not in seen:
            seen.add(cell.genes)
            yield cell


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("kind", choices=("random", "searches"))
    parser.add_argument("count", type=int)
    parser.add_argument("--table", help="Table of the cells trained so far; they are left out.")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("-o", "--output", type=Path, required=True)
    asked = parser.parse_args()
    if asked.kind == "searches" and asked.table is None:
        parser.error("searches need --table")
    space = registry.space(NAME)
    known = set()
    if asked.table is not None:
        genes, _ = fitting.listed(load(asked.table))
        known = {tuple(row) for row in genes.tolist()}
    cells = (
        random_cells(asked.seed) if asked.kind == "random" else met_cells(asked.table, asked.seed)
    )
    chosen = list(islice(new_classes(cells, known), asked.count))
    write_text(asked.output, "".join(f"{space.format(cell)}\n" for cell in chosen))
    print(f"wrote {len(chosen)} cells to {asked.output}")


if __name__ == "__main__":
    main()
