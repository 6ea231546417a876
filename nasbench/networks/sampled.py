"""One path through the supernet: the weights of all architectures, of which a step uses one's.

Pham et al., "Efficient Neural Architecture Search via Parameters Sharing", ICML 2018, sec. 2: all
architectures are subgraphs of one graph, and a sampled one computes with the weights that lie on
it. The graph is that of `nasbench.networks.supernet`, its mixture left aside.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import cast

import torch
from torch import Tensor

from nasbench.networks.cell201 import NODES
from nasbench.networks.ops import total
from nasbench.networks.supernet import MixedCell, MixedOp, Supernet
from nasbench.spaces.cell201 import EDGES, OPS


def sampled_logits(
    net: Supernet, x: Tensor, genes: Sequence[int], scales: Tensor | None = None
) -> Tensor:
    """Logits (n, classes) of the architecture `genes` with its weights in `net`.

    No other weight is part of the result, so its gradient reaches none of them. `scales` (edges,)
    multiply what the edges compute.
    """
    factors = None if scales is None else scales.unbind()
    x = net.stem(net.embed(x))
    for part in net.body:
        x = _cell(part, x, genes, factors) if isinstance(part, MixedCell) else part(x)
    return cast(Tensor, net.head(x))


def _cell(
    cell: MixedCell, x: Tensor, genes: Sequence[int], factors: Sequence[Tensor] | None
) -> Tensor:
    """The cell's output; what is computed from nothing is nothing."""
    nodes: list[Tensor | None] = [x]
    for target in range(1, NODES):
        terms = []
        for e, (source, into) in enumerate(EDGES):
            value = nodes[source] if into == target else None
            if value is not None and OPS[genes[e]] != "none":
                term = _operation(cast(MixedOp, cell.edges[e]), OPS[genes[e]], value)
                terms.append(term if factors is None else factors[e] * term)
        nodes.append(total(terms, x) if terms else None)
    return torch.zeros_like(x) if nodes[-1] is None else nodes[-1]


def _operation(edge: MixedOp, name: str, x: Tensor) -> Tensor:
    if name == "skip_connect":
        return x
    modules = {
        "nor_conv_1x1": edge.conv_1x1,
        "nor_conv_3x3": edge.conv_3x3,
        "avg_pool_3x3": edge.pool,
    }
    return cast(Tensor, modules[name](x))
