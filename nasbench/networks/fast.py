"""The same network as `nasbench.networks.cell201`, arranged to train fast at small width.

What it does differently, each exact up to the order of additions:

- every feature map is stored channels last;
- convolutions of one width that read the same node become one convolution with more output
  channels, and so do their batch norms; the ReLU before them and poolings are computed once a node;
- operations whose result never reaches the output are left out;
- all parameters lie in one vector, so that an optimizer step is one call for any network;
- for evaluation each batch norm is folded into the convolution before it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn import functional as F

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks.cell201 import NODES, Network
from nasbench.networks.ops import KERNELS, halo, halve, plane
from nasbench.spaces.cell201 import EDGES, OPS

BN_MOMENTUM = 0.1
BN_EPS = 1e-5


@dataclass(frozen=True, slots=True)
class Norm:
    """A batch norm, as positions in the parameter list and in the list of running statistics."""

    gamma: int
    beta: int
    stats: int


@dataclass(frozen=True, slots=True)
class ConvNorm:
    """A convolution and its batch norm, as positions in the parameter list."""

    weight: int
    norm: Norm
    stride: tuple[int, int]
    padding: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Source:
    """All that one node of a cell feeds: (node, targets of each kind of operation)."""

    node: int
    skips: tuple[int, ...]
    pools: tuple[int, ...]
    convs: tuple[tuple[ConvNorm, tuple[int, ...]], ...]


@dataclass(frozen=True, slots=True)
class Residual:
    """The block between two stages."""

    a: ConvNorm
    b: ConvNorm
    project: int


Conv = Callable[[Tensor, ConvNorm], Tensor]
NormFunction = Callable[[Tensor, Norm], Tensor]


class FastNetwork:
    """A network whose parameters are `flat` (p,); a function of inputs, not an `nn.Module`."""

    def __init__(
        self, arch: Architecture, recipe: Recipe, spec: InputSpec, plain: Network, device: str
    ) -> None:
        self._height = spec.height
        self._state = plain.state_dict()
        self._pieces: list[Tensor] = []
        self._stats: list[tuple[Tensor, Tensor]] = []
        self._device = device
        self._tokens = self._piece("embed.table.weight") if spec.kind == "tokens" else None
        step = plane(spec.height, recipe.stem_stride)
        self._stem = self._conv_norm(["stem"], step, halo(spec.height, 3))
        self._body = self._read_body(arch.genes, recipe)
        self._head = self._norm(["head.bn"])
        self._linear = (self._piece("head.linear.weight"), self._piece("head.linear.bias"))
        self.flat = torch.cat([_storage(piece).reshape(-1) for piece in self._pieces]).to(device)
        parts = torch.split(self.flat, [piece.numel() for piece in self._pieces])
        self.parameters = [
            _shaped(part, piece).requires_grad_()
            for part, piece in zip(parts, self._pieces, strict=True)
        ]
        """Views into `flat`, convolutions channels last; what changes `flat` changes them."""

    # --- reading the plain network -----------------------------------------------------------

    def _read_body(self, genes: tuple[int, ...], recipe: Recipe) -> list[list[Source] | Residual]:
        body: list[list[Source] | Residual] = []
        for stage in range(recipe.stages):
            if stage:
                body.append(self._read_residual(f"body.{len(body)}"))
            for _ in range(recipe.cells):
                body.append(self._read_cell(f"body.{len(body)}", genes))
        return body

    def _read_residual(self, name: str) -> Residual:
        step, pad = plane(self._height, 2), halo(self._height, 3)
        a = self._conv_norm([f"{name}.a"], step, pad)
        b = self._conv_norm([f"{name}.b"], (1, 1), pad)
        return Residual(a, b, self._piece(f"{name}.project.weight"))

    def _read_cell(self, name: str, genes: tuple[int, ...]) -> list[Source]:
        live = live_edges(genes)
        sources = []
        for node in range(NODES - 1):
            out = [e for e in live if EDGES[e][0] == node]
            targets = {
                op: tuple(EDGES[e][1] for e in out if OPS[genes[e]] == op)
                for op in ("skip_connect", "avg_pool_3x3")
            }
            convs = []
            for op, k in KERNELS.items():
                edges = [e for e in out if OPS[genes[e]] == op]
                if edges:
                    names = [f"{name}.ops.{e}" for e in edges]
                    conv = self._conv_norm(names, (1, 1), halo(self._height, k))
                    convs.append((conv, tuple(EDGES[e][1] for e in edges)))
            sources.append(
                Source(node, targets["skip_connect"], targets["avg_pool_3x3"], tuple(convs))
            )
        return sources

    def _pool(self, x: Tensor) -> Tensor:
        size, pad = plane(self._height, 3), halo(self._height, 3)
        return F.avg_pool2d(x, size, 1, pad, count_include_pad=False)

    def _conv_norm(
        self, names: Sequence[str], stride: tuple[int, int], padding: tuple[int, int]
    ) -> ConvNorm:
        weight = self._piece(*(f"{name}.conv.weight" for name in names))
        return ConvNorm(weight, self._norm([f"{name}.bn" for name in names]), stride, padding)

    def _norm(self, names: Sequence[str]) -> Norm:
        gamma = self._piece(*(f"{name}.weight" for name in names))
        beta = self._piece(*(f"{name}.bias" for name in names))
        zeros = torch.zeros_like(self._pieces[gamma], device=self._device)
        self._stats.append((zeros, torch.ones_like(zeros)))
        return Norm(gamma, beta, len(self._stats) - 1)

    def _piece(self, *names: str) -> int:
        self._pieces.append(torch.cat([self._state[name] for name in names]))
        return len(self._pieces) - 1

    # --- running -----------------------------------------------------------------------------

    def gradient(self, loss: Tensor) -> Tensor:
        """Gradient of the loss in the layout of `flat`; zero where a parameter has no influence."""
        parts = torch.autograd.grad(
            loss, self.parameters, allow_unused=True, materialize_grads=True
        )
        return torch.cat([_storage(part).reshape(-1) for part in parts])

    def logits(self, x: Tensor) -> Tensor:
        """Logits (n, classes) in training: normalized by the batch, running statistics updated."""
        p = self.parameters

        def norm(x: Tensor, n: Norm) -> Tensor:
            mean, var = self._stats[n.stats]
            return F.batch_norm(x, mean, var, p[n.gamma], p[n.beta], True, BN_MOMENTUM, BN_EPS)

        def conv(x: Tensor, c: ConvNorm) -> Tensor:
            return norm(F.conv2d(x, p[c.weight], None, c.stride, c.padding), c.norm)

        return self._forward(x, p, conv, norm)

    def evaluator(self) -> Callable[[Tensor], Tensor]:
        """The function from inputs to logits in evaluation: running statistics, norms folded in."""
        p = [part.detach() for part in self.parameters]

        def scale(n: Norm) -> tuple[Tensor, Tensor]:
            mean, var = self._stats[n.stats]
            factor = p[n.gamma] * torch.rsqrt(var + BN_EPS)
            return factor, p[n.beta] - mean * factor

        folded: dict[int, tuple[Tensor, Tensor]] = {}

        def norm(x: Tensor, n: Norm) -> Tensor:
            factor, shift = scale(n)
            return x * factor.view(-1, 1, 1) + shift.view(-1, 1, 1)

        def conv(x: Tensor, c: ConvNorm) -> Tensor:
            if c.weight not in folded:
                factor, shift = scale(c.norm)
                folded[c.weight] = (p[c.weight] * factor.view(-1, 1, 1, 1), shift)
            return F.conv2d(x, *folded[c.weight], c.stride, c.padding)

        def evaluate(x: Tensor) -> Tensor:
            with torch.inference_mode():
                return self._forward(x, p, conv, norm)

        return evaluate

    def _forward(self, x: Tensor, p: list[Tensor], conv: Conv, norm: NormFunction) -> Tensor:
        if self._tokens is not None:
            x = F.embedding(x, p[self._tokens]).permute(0, 2, 1).unsqueeze(2)
        x = conv(x, self._stem)
        for block in self._body:
            if isinstance(block, Residual):
                short = F.conv2d(halve(x, self._height), p[block.project])
                x = conv(F.relu(conv(F.relu(x), block.a)), block.b) + short
            else:
                x = self._cell(block, x, conv)
        x = F.relu(norm(x, self._head)).mean((2, 3))
        return F.linear(x, p[self._linear[0]], p[self._linear[1]])

    def _cell(self, sources: list[Source], x: Tensor, conv: Conv) -> Tensor:
        nodes: list[Tensor | None] = [x] + [None] * (NODES - 1)

        def add(term: Tensor, targets: Sequence[int]) -> None:
            for target in targets:
                before = nodes[target]
                nodes[target] = term if before is None else before + term

        for s in sources:
            value = nodes[s.node]
            if value is None:
                continue
            add(value, s.skips)
            if s.pools:
                add(self._pool(value), s.pools)
            active = F.relu(value) if s.convs else value
            for c, targets in s.convs:
                parts = conv(active, c).chunk(len(targets), 1)
                for target, part in zip(targets, parts, strict=True):
                    add(part, [target])
        result = nodes[-1]
        return torch.zeros_like(x) if result is None else result


def live_edges(genes: Sequence[int]) -> list[int]:
    """Edges whose operation reads something and whose result reaches the output."""
    used = [e for e, gene in enumerate(genes) if OPS[gene] != "none"]
    fed, needed = {0}, {NODES - 1}
    for e in used:
        if EDGES[e][0] in fed:
            fed.add(EDGES[e][1])
    for e in reversed(used):
        if EDGES[e][1] in needed:
            needed.add(EDGES[e][0])
    return [e for e in used if EDGES[e][0] in fed and EDGES[e][1] in needed]


def _storage(piece: Tensor) -> Tensor:
    return piece.permute(0, 2, 3, 1) if piece.dim() == 4 else piece


def _shaped(part: Tensor, like: Tensor) -> Tensor:
    if like.dim() != 4:
        return part.view(like.shape)
    o, i, h, w = like.shape
    return part.view(o, h, w, i).permute(0, 3, 1, 2)
