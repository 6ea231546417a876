"""Children of a trained cell201 network that compute what their parent computes when they are born.

Chen, Goodfellow & Shlens, "Net2Net", ICLR 2016; on the level of paths, Cai, Yang, Zhang, Han & Yu,
"Path-Level Network Transformation for Efficient Architecture Search", ICML 2018. Three rules make a
transformation on this space:

- What the parent uses is kept; a 1 x 1 convolution may become a 3 x 3 one, its kernel in the
  middle of zeros (Net2WiderNet, of kernels).
- A convolution that the parent does not use is born with batch norm weights of 0, so it adds
  nothing until these have learned (Goyal et al., 2017, sec. 5.1).
- A skip connection or a pooling may be new where it reads zeros, or where nothing but such newborn
  convolutions reads what it gives.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import nn

from nasbench.core import Architecture, InputSpec, Recipe, Space
from nasbench.networks.cell201 import NODES, Cell, Network
from nasbench.networks.fast import live_edges
from nasbench.networks.ops import KERNELS, ReLUConvBN
from nasbench.networks.weights import seeded_network
from nasbench.spaces.cell201 import EDGES, OPS


def preserves(parent: Sequence[int], child: Sequence[int]) -> bool:
    """Whether `inherit` gives the child the function of the parent, whatever its weights."""
    old, new = live_edges(parent), live_edges(child)
    if any(not _keeps(parent[e], child[e]) for e in old):
        return False
    used = {NODES - 1, *(EDGES[e][1] for e in old)}
    silent = set(range(1, NODES))  # nodes that are zero at birth
    for e in new:  # edges are ordered by target, so every source is settled
        source, target = EDGES[e]
        born = e not in old
        loud = source not in silent and not (born and OPS[child[e]] in KERNELS)
        if e in old or loud:
            silent.discard(target)
        if born and loud and target in used:
            return False
    return True


def transformations(space: Space, parent: Architecture) -> list[Architecture]:
    """The architectures of the space one gene away that can inherit the parent's function."""
    return [arch for arch in space.neighbors(parent) if preserves(parent.genes, arch.genes)]


def inherit(
    parent: Network, child: Architecture, recipe: Recipe, spec: InputSpec, seed: int
) -> Network:
    """The network of `child` on the CPU, with the weights of `parent`, of the same recipe.

    What the parent lacks is drawn from `seed`; torch's global generator plays no part. It
    computes the function of the parent if the genes of the two are such that `preserves` holds.
    """
    network = seeded_network(child, recipe, spec, parent.head.linear.out_features, seed)
    for name in ("embed", "stem", "head"):
        getattr(network, name).load_state_dict(getattr(parent, name).state_dict())
    for own, theirs in zip(network.body, parent.body, strict=True):
        if not isinstance(theirs, Cell):
            own.load_state_dict(theirs.state_dict())
            continue
        kept = [e for e in live_edges(theirs.genes) if _keeps(theirs.genes[e], child.genes[e])]
        for e, operation in enumerate(cast(Cell, own).ops):
            source = theirs.ops[e]
            if isinstance(operation, ReLUConvBN) and isinstance(source, ReLUConvBN) and e in kept:
                _copy(source, operation)
            elif isinstance(operation, ReLUConvBN):
                _mute(operation)
    return network


def _keeps(before: int, after: int) -> bool:
    """Whether an edge in use keeps its function when its gene changes so."""
    return before == after or (OPS[before], OPS[after]) == ("nor_conv_1x1", "nor_conv_3x3")


@torch.no_grad()
def _copy(source: ReLUConvBN, target: ReLUConvBN) -> None:
    """Weights and statistics; a smaller kernel goes to the middle of zeros."""
    target.bn.load_state_dict(source.bn.state_dict())
    kernel, old = target.conv.weight, source.conv.weight
    margins = [(a - b) // 2 for a, b in zip(kernel.shape[2:], old.shape[2:], strict=True)]
    kernel.zero_()
    rows, columns = (slice(m, n - m) for m, n in zip(margins, kernel.shape[2:], strict=True))
    kernel[:, :, rows, columns] = old


def _mute(operation: ReLUConvBN) -> None:
    nn.init.zeros_(operation.bn.weight)
    nn.init.zeros_(operation.bn.bias)
