"""Graph networks that learn the same data from different initial weights, all members at once.

A layer is h = h + W2 relu(W1 [u, A u] + b1) + b2 with u = n(h), where (A u) is the sum over what a
node reads and n normalizes features (Ba et al., 2016): the sums of graph isomorphism networks
(Xu et al., ICLR 2019, eq. 4.1) with weights of their own for a node and its sources, on a residual
stream. The readout sees the sum and the mean over nodes. Members are one stack of matrices, as at
this size the time of a step goes to calls, not to arithmetic (Lakshminarayanan et al., NIPS 2017).

In evaluation every graph is multiplied on its own, so that, bit by bit, its outputs do not depend
on the batch that it is in; rectifiers have no vectorized tail that could round differently.
"""

from __future__ import annotations

from typing import Literal, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from nasbench.networks.gin import Graphs

Loss = Literal["squared", "ranking"]
CALIBRATING = 0.1
"""Weight of the squared error beside a ranking loss, which alone knows no scale."""
FEW = 16
"""Graphs up to which a layer is one call that copies its weights, instead of one for each member.

Both multiply each graph on its own, so the bits are the same."""
WARM_UP = 0.1
"""Share of the steps in which the learning rate rises."""


class GraphEnsemble(nn.Module):
    """`members` networks on graphs with `labels` different labels, `outputs` numbers for each."""

    def __init__(self, labels: int, *, members: int, width: int, layers: int, outputs: int) -> None:
        super().__init__()
        self.embed = _Linear(members, labels, width)
        self.read = nn.ModuleList(_Linear(members, 2 * width, width) for _ in range(layers))
        self.write = nn.ModuleList(_Linear(members, width, width) for _ in range(layers))
        self.hidden = _Linear(members, 2 * width, width)
        self.out = _Linear(members, width, outputs)
        self.members = members

    def forward(self, graphs: Graphs) -> Tensor:
        """(members, n, outputs); graphs are the same for all or have members first."""
        nodes, edges, real = graphs.nodes, graphs.edges, graphs.real[..., None].to(torch.float32)
        if nodes.dim() == 3:
            nodes = nodes.expand(self.members, -1, -1, -1)
        h: Tensor = self.embed(nodes) * real
        for read, write in zip(self.read, self.write, strict=True):
            u = nn.functional.layer_norm(h, h.shape[-1:])
            h = (h + write(torch.relu(read(torch.cat([u, edges @ u], dim=-1))))) * real
        total = h.sum(dim=-2, keepdim=True)
        count = real.sum(dim=-2, keepdim=True)
        summary = torch.cat([total / 4, total / count], dim=-1)  # a cell has some four live nodes
        return cast(Tensor, self.out(torch.relu(self.hidden(summary))))[..., 0, :]


class _Linear(nn.Module):
    """One linear layer for each member."""

    def __init__(self, members: int, inputs: int, outputs: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.empty(members, inputs, outputs))
        self.bias = nn.Parameter(torch.empty(members, 1, outputs))

    def forward(self, x: Tensor) -> Tensor:
        """(members, n, v, outputs) of (members, n, v, inputs)."""
        m, n, v, a = x.shape
        if self.training:
            y = torch.baddbmm(self.bias, x.reshape(m, n * v, a), self.weight)
            return y.reshape(m, n, v, -1)
        if n <= FEW:
            return x @ self.weight[:, None] + self.bias[:, None]  # fewer calls, but copies weights
        y = x.new_empty(m, n, v, self.weight.shape[2])
        for k in range(m):
            y[k] = torch.bmm(x[k], self.weight[k].expand(n, -1, -1))
        return y + self.bias[:, None]


def seeded_ensemble(
    labels: int, seed: int, *, members: int, width: int, layers: int, outputs: int = 1
) -> GraphEnsemble:
    """Networks on the CPU with uniform weights of variance 1 / inputs, and biases of 0.

    The last layer is 0, so an untrained network predicts the mean of standardized targets.
    Torch's global generator is neither read nor changed.
    """
    shape = {"members": members, "width": width, "layers": layers, "outputs": outputs}
    with torch.device("meta"):
        net = GraphEnsemble(labels, **shape)
    net.to_empty(device="cpu")
    rng = torch.Generator().manual_seed(seed)
    for part in net.modules():
        if isinstance(part, _Linear):
            bound = (3 / part.weight.shape[1]) ** 0.5
            nn.init.uniform_(part.weight, -bound, bound, generator=rng)
            nn.init.zeros_(part.bias)
    nn.init.zeros_(net.out.weight)
    return net.eval()


def regress(
    net: GraphEnsemble,
    graphs: Graphs,
    y: NDArray[np.float64],
    rng: np.random.Generator,
    *,
    steps: int,
    batch: int,
    lr: float,
    decay: float = 1e-2,
    loss: Loss = "squared",
) -> None:
    """Lower the loss on standardized targets `y` (n, outputs), then evaluate.

    Each member draws its own batches, with replacement. AdamW (Loshchilov & Hutter, ICLR 2019),
    whose rate rises on a cosine for the first tenth of the steps and then falls to 0 on another.
    """
    targets = torch.from_numpy(y.astype(np.float32))
    measure = _squared if loss == "squared" else _ranking
    adam = torch.optim.AdamW(net.parameters(), lr, weight_decay=decay, fused=True)
    rate = torch.optim.lr_scheduler.LambdaLR(adam, lambda step: _rate(step / steps))
    net.train()
    for some in torch.from_numpy(rng.integers(len(y), size=(steps, net.members, batch))):
        adam.zero_grad()
        # the sum over members: each follows the slope of its own loss alone
        torch.autograd.backward(measure(net(graphs.take(some)), targets[some]).sum())
        adam.step()
        rate.step()
    net.eval()


def _rate(done: float) -> float:
    """Share of the full learning rate after a share of the steps."""
    rising = done < WARM_UP
    phase = done / WARM_UP - 1 if rising else (done - WARM_UP) / (1 - WARM_UP)
    return max((1 + float(np.cos(np.pi * phase))) / 2, 1e-3)


def _squared(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean squared error (members,) of (members, batch, outputs)."""
    return ((found - wanted) ** 2).mean(dim=(1, 2))


def _ranking(found: Tensor, wanted: Tensor) -> Tensor:
    """Mean logistic loss of pairs in the wrong order (Burges et al., ICML 2005), and some squared.

    A pair counts for each output in which the targets differ.
    """
    ahead = wanted[:, :, None] > wanted[:, None, :]
    lost = nn.functional.softplus(found[:, None, :] - found[:, :, None]) * ahead
    pairs = ahead.sum(dim=(1, 2, 3)).clamp(min=1)
    return lost.sum(dim=(1, 2, 3)) / pairs + CALIBRATING * _squared(found, wanted)
