"""A graph isomorphism network that predicts one number from the graph of an architecture.

Xu et al., "How Powerful are Graph Neural Networks?", ICLR 2019, eq. 4.1 with epsilon = 0; as a
predictor of accuracy: Wei et al., IEEE TNNLS 2022. Graphs are small, so a batch of them is
dense, padded to the largest one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasbench.core import LabeledGraph


@dataclass(frozen=True, slots=True, eq=False)
class Graphs:
    """n graphs of at most v nodes, whose labels are among d."""

    nodes: Tensor
    """(n, v, d) one-hot labels; 0 for padding and for other labels."""
    edges: Tensor
    """(n, v, v) multiplicity of the edge to a node (axis 1) from another (axis 2)."""
    real: Tensor
    """(n, v) whether it is a node or padding."""

    def take(self, rows: Tensor) -> Graphs:
        """The graphs of these rows."""
        return Graphs(self.nodes[rows], self.edges[rows], self.real[rows])


def padded(graphs: Sequence[LabeledGraph], labels: Sequence[str]) -> Graphs:
    """The graphs as one batch; their nodes' features are which of `labels` they have."""
    n, v = len(graphs), max(len(graph.labels) for graph in graphs)
    column = {label: k for k, label in enumerate(labels)}
    nodes = np.zeros((n, v, len(labels)), dtype=np.float32)
    edges, real = np.zeros((n, v, v), dtype=np.float32), np.zeros((n, v), dtype=np.bool_)
    for row, graph in enumerate(graphs):
        real[row, : len(graph.labels)] = True
        for node, label in enumerate(graph.labels):
            if label in column:
                nodes[row, node, column[label]] = 1
        for source, target, multiplicity in graph.edges:
            edges[row, target, source] = multiplicity
    return Graphs(*map(torch.from_numpy, (nodes, edges, real)))


class Gin(nn.Module):
    """Layers of sums over what a node reads, the mean over nodes, and `outputs` numbers of it."""

    def __init__(self, labels: int, *, width: int, layers: int, outputs: int) -> None:
        super().__init__()
        sizes = [labels] + [width] * layers
        self.layers = nn.ModuleList(
            nn.Sequential(nn.Linear(a, width), nn.ReLU(), nn.Linear(width, width), nn.ReLU())
            for a in sizes[:-1]
        )
        self.norms = nn.ModuleList(nn.BatchNorm1d(width) for _ in range(layers))
        half = max(1, width // 2)
        self.head = nn.Sequential(nn.Linear(width, half), nn.ReLU(), nn.Linear(half, outputs))

    def forward(self, graphs: Graphs) -> Tensor:
        """(n, outputs)."""
        h, real = graphs.nodes, graphs.real[..., None]
        for layer, norm in zip(self.layers, self.norms, strict=True):
            h = layer(h + graphs.edges @ h)
            h = torch.zeros_like(h).masked_scatter(real, norm(h[graphs.real]))
        mean = h.sum(dim=1) / real.sum(dim=1)
        return cast(Tensor, self.head(mean))


def seeded_gin(labels: int, seed: int, *, width: int, layers: int, outputs: int = 1) -> Gin:
    """A network on the CPU with He-uniform weights and biases of 0 (He et al., ICCV 2015).

    Torch's global generator is neither read nor changed.
    """
    with torch.device("meta"):
        net = Gin(labels, width=width, layers=layers, outputs=outputs)
    net.to_empty(device="cpu")
    rng = torch.Generator().manual_seed(seed)
    for part in net.modules():
        if isinstance(part, nn.BatchNorm1d):
            part.reset_parameters()  # ones and zeros
        elif isinstance(part, nn.Linear):
            nn.init.kaiming_uniform_(part.weight, nonlinearity="relu", generator=rng)
            nn.init.zeros_(part.bias)
    return net


def regress(
    net: Gin,
    graphs: Graphs,
    y: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    steps: int,
    batch: int,
    lr: float,
) -> None:
    """Lower the mean squared error of the first output on targets `y` (n,), and leave training.

    `steps` of Adam on batches drawn with replacement, at a rate that falls to 0 on a cosine.
    """
    targets = torch.from_numpy(y.astype(np.float32))
    adam = torch.optim.Adam(net.parameters(), lr, weight_decay=1e-4, fused=True)  # 5x faster
    cosine = torch.optim.lr_scheduler.CosineAnnealingLR(adam, steps)
    net.train()
    for some in torch.from_numpy(rng.integers(len(y), size=(steps, batch))):
        adam.zero_grad()
        errors = net(graphs.take(some))[:, 0] - targets[some]
        (errors**2).mean().backward()
        adam.step()
        cosine.step()
    net.eval()
