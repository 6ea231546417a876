"""Zero-cost proxies as functions of an untrained network and a minibatch.

Definitions and settings are those of Abdelfattah, Mehrotra, Dudziak & Lane, "Zero-Cost Proxies for
Lightweight NAS", ICLR 2021, and of their published code, which NASLib has taken over; naswot is
that of Mellor, Turner, Storkey & Crowley, "Neural Architecture Search without Training", ICML 2021.

Each function takes a network that it may change, images `x` (n, channels, height, width) and labels
`y` (n,), and returns a number that is higher for networks that promise more; -inf where it is not
defined. Batch norms are in training mode, normalizing by the minibatch.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.overrides import TorchFunctionMode

ProxyScore: TypeAlias = Callable[[nn.Module, Tensor, Tensor], float]
JITTER = 1e-5
"""Added to the eigenvalues of jacob-cov (k in the published code)."""


def synflow(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Sum over all weights of |theta dR/dtheta|, R being the sum of the logits of an image of ones.

    Tanaka, Kunin, Yamins & Ganguli, "Pruning neural networks without any data by iteratively
    conserving synaptic flow", NeurIPS 2020, eq. 2, with |theta| for theta. In double precision and
    without batch norms; of `x` only the shape is used.
    """
    network.double().eval()
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.abs_()
    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            module.register_forward_hook(_pass_by)
    flow = network(torch.ones_like(x[:1], dtype=torch.float64)).sum()
    slopes = _slopes(flow, network)
    return sum(float((weight * slope).detach().abs().sum()) for weight, slope in slopes)


def naswot(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """log |det K|, K_ij being the number of ReLUs that are on, or off, for both images i and j.

    Mellor et al., 2021, eq. 2: K_ij = N_A - d_H(c_i, c_j), where d_H is the Hamming distance of the
    codes, and N_A the number of ReLUs.
    """
    network.train()
    with torch.no_grad(), _Switches() as switches:
        network(x)
    codes = torch.cat(switches.on, dim=1).double()
    kernel = codes @ codes.T + (1 - codes) @ (1 - codes).T
    return float(torch.linalg.slogdet(kernel)[1])


def grad_norm(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """Sum over layers of the Euclidean norm of the gradient of the cross-entropy."""
    network.train()
    loss = F.cross_entropy(network(x), y)
    return sum(float(slope.norm()) for _, slope in _slopes(loss, network))


def jacob_cov(network: nn.Module, x: Tensor, y: Tensor) -> float:
    """-sum_i log(v_i + k) + 1 / (v_i + k), v_i being eigenvalues of the Jacobians' correlations.

    The Jacobian of an image is the gradient of the sum of all logits by its pixels. It is the first
    version of naswot (Mellor et al., arXiv 2006.04647v1), and -inf if some Jacobian is constant.
    """
    network.train()
    pixels = x.detach().clone().requires_grad_()
    logits = network(pixels)
    (jacobian,) = torch.autograd.grad(
        logits.sum(), pixels, allow_unused=True, materialize_grads=True
    )
    correlations = torch.corrcoef(jacobian.flatten(1).double())
    if not bool(correlations.isfinite().all()):
        return -math.inf
    eigenvalues = torch.linalg.eigvalsh(correlations) + JITTER
    return -float((eigenvalues.log() + 1 / eigenvalues).sum())


class _Switches(TorchFunctionMode):
    """Records which ReLUs are on, (n, units) for each call of one, while it is entered."""

    def __init__(self) -> None:
        super().__init__()
        self.on: list[Tensor] = []

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        result = func(*args, **(kwargs or {}))
        if func in (F.relu, torch.relu, Tensor.relu):
            self.on.append((result > 0).flatten(1))
        return result


def _slopes(value: Tensor, network: nn.Module) -> list[tuple[Tensor, Tensor]]:
    """The weights of all convolutions and linear layers, and the gradients of `value` by them."""
    layers = (m for m in network.modules() if isinstance(m, nn.Conv2d | nn.Linear))
    weights = [layer.weight for layer in layers]
    slopes = torch.autograd.grad(value, weights, allow_unused=True, materialize_grads=True)
    return list(zip(weights, slopes, strict=True))


def _pass_by(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> Tensor:
    return inputs[0]
