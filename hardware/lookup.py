"""The look-up table of operators: a network's latency as the sum of its parts, each measured alone.

As in ProxylessNAS (Cai et al., ICLR 2019, app. B), for `cell201-v1`. Every run has an overhead,
measured as that of an empty network, which is taken off the parts and counted once. What a runtime
gains by looking at the whole graph is not seen: the sum is the baseline that models should beat.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from hardware.bench import Bench, Job
from hardware.columns import Genes
from hardware.workload import Workload
from nasbench.core import Architecture
from nasbench.errors import InvalidConfig
from nasbench.spaces.cell201 import EDGES, OPS

if TYPE_CHECKING:
    from torch import Tensor, nn

OVERHEAD = "overhead"
_SPACE = "cell201-v1"


def measure_parts(bench: Bench) -> dict[str, float]:
    """Milliseconds of every part by name, without those that cannot be measured.

    Empty for spaces whose parts are not known.
    """
    if bench.workload.space != _SPACE:
        return {}
    named = list(parts(bench.workload))
    jobs = [Job((k,), module.eval, inputs) for k, (_, module, inputs) in enumerate(named)]
    rows = {row.genes[0]: row for row in bench.measure_networks(jobs) if not row.gap}
    return {named[k][0]: float(f"{rows[k].median_ms:.5g}") for k in sorted(rows)}


def parts(workload: Workload) -> Iterator[tuple[str, nn.Module, Tensor]]:
    """Name, module and inputs of each part of the networks."""
    import torch
    from torch import nn

    from nasbench.networks.cell201 import sizes, widths
    from nasbench.networks.ops import KERNELS, AvgPool, Head, Reduction, ReLUConvBN, Stem
    from nasbench.networks.ops import TokensAsImage as Embedding

    class Add(nn.Module):
        """The sum of a feature map and itself."""

        def forward(self, x: Tensor) -> Tensor:
            return x + x

    recipe, spec = workload.recipe, workload.input
    stem: nn.Module = Stem(spec.channels, recipe.channels, spec.height, recipe.stem_stride)
    if spec.kind == "tokens":
        stem = nn.Sequential(Embedding(spec.vocabulary, spec.channels), stem)
    yield "stem", stem, workload.inputs()
    before: Tensor | None = None
    for stage, c in enumerate(widths(recipe)):
        maps = torch.zeros(workload.batch, c, *sizes(recipe, spec)[stage])
        if before is None:
            yield OVERHEAD, nn.Identity(), maps
        else:
            yield f"reduction {stage}", Reduction(c // 2, c, spec.height), before
        for name, kernel in KERNELS.items():
            yield f"{name} {stage}", ReLUConvBN(c, c, kernel, spec.height), maps
        yield f"avg_pool_3x3 {stage}", AvgPool(spec.height), maps
        yield f"add {stage}", Add(), maps
        before = maps
    yield "head", Head(widths(recipe)[-1], workload.classes), maps


def counts(genes: Genes) -> Counter[str]:
    """How often a cell executes each operation, additions too."""
    found: Counter[str] = Counter()
    alive = {0}
    for target in range(1, 4):
        terms = [
            OPS[genes[e]]
            for e, (source, into) in enumerate(EDGES)
            if into == target and source in alive and OPS[genes[e]] != "none"
        ]
        if terms:
            alive.add(target)
            found.update(terms)
            found["add"] += len(terms) - 1
    return found


class LookupTable:
    """Sums of measured parts."""

    def __init__(self, parts_ms: Mapping[str, float], workload: Workload) -> None:
        needed = self._names(workload)
        missing = [name for name in needed if name not in parts_ms]
        if workload.space != _SPACE or missing:
            raise InvalidConfig(
                f"a look-up table for {workload.space} lacks the parts "
                f"{', '.join(missing) or 'of its networks'}; use another model"
            )
        overhead = parts_ms[OVERHEAD]
        self._own = {name: max(parts_ms[name] - overhead, 0.0) for name in needed}
        self._fixed_ms = overhead + sum(self._own[name] for name in self._fixed(workload))
        self._workload = workload

    def predict(self, archs: Sequence[Architecture]) -> NDArray[np.float64]:
        """Milliseconds (n,)."""
        return np.array([self._fixed_ms + self._cells_ms(arch.genes) for arch in archs])

    def _cells_ms(self, genes: Genes) -> float:
        recipe = self._workload.recipe
        in_cell = counts(genes)
        del in_cell["skip_connect"]
        return recipe.cells * sum(
            number * self._own[f"{name} {stage}"]
            for name, number in in_cell.items()
            for stage in range(recipe.stages)
        )

    @staticmethod
    def _fixed(workload: Workload) -> list[str]:
        return ["stem", "head", *(f"reduction {k}" for k in range(1, workload.recipe.stages))]

    @classmethod
    def _names(cls, workload: Workload) -> list[str]:
        ops = ("nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3", "add")
        of_stages = [f"{op} {k}" for op in ops for k in range(workload.recipe.stages)]
        return [OVERHEAD, *cls._fixed(workload), *of_stages]
