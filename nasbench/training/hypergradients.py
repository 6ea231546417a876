"""Gradients of a validation loss through weights that a training loss has led to.

w are the weights, lambda the hyperparameters (those of the mixture among them), L_T the training
loss and L_V the validation loss. Losses are closures over w and lambda, which are leaf tensors.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import torch
from torch import Tensor

Loss = Callable[[], Tensor]
RADIUS = 0.01
"""Length of the finite difference along w (Liu et al., 2019, footnote 2)."""


def unrolled_gradient(
    train_loss: Loss, valid_loss: Loss, hyper: Tensor, sgd: torch.optim.SGD
) -> Tensor:
    """Gradient of L_V(w - xi (m + grad_w L_T + d w), lambda) in lambda, of the shape of `hyper`.

    The step is the one that `sgd` would make, without clipping: xi is its learning rate, m its
    momentum's part and d its weight decay. Liu, Simonyan & Yang, ICLR 2019, eqs. 7 and 8; the
    second derivative is a finite difference. The weights are left as they were.
    """
    group = sgd.param_groups[0]
    w: list[Tensor] = group["params"]
    xi: float = group["lr"]
    before = [p.detach().clone() for p in w]
    steps = []
    for p, slope in zip(w, torch.autograd.grad(train_loss(), w), strict=True):
        buffer = sgd.state[p].get("momentum_buffer")
        step = slope + group["weight_decay"] * p.detach()
        steps.append(step if buffer is None else step + group["momentum"] * buffer)
    _put(w, before, steps, -xi)
    direct, *v = torch.autograd.grad(valid_loss(), [hyper, *w])
    reach = RADIUS / float(torch.nn.utils.get_total_norm(v).clamp_min(1e-12))
    ends = []
    for sign in (1, -1):
        _put(w, before, v, sign * reach)
        ends.append(torch.autograd.grad(train_loss(), hyper)[0])
    _put(w, before, v, 0.0)
    return direct - xi * (ends[0] - ends[1]) / (2 * reach)


def implicit_gradient(
    train_loss: Loss,
    valid_loss: Loss,
    w: Sequence[Tensor],
    hyper: Sequence[Tensor],
    *,
    terms: int,
    step: float,
) -> tuple[list[Tensor], list[Tensor]]:
    """Gradient of L_V(w*(lambda), lambda) in each of `hyper`, and of L_V(w, lambda) in w.

    w* minimizes L_T, and w is taken for it: by the implicit function theorem the gradient is
    dL_V/dlambda - dL_V/dw H^-1 d2L_T/dw dlambda, with H the Hessian of L_T in w. Its inverse is the
    Neumann series step * sum_{j <= terms} (I - step H)^j, which converges if step * H has
    eigenvalues between 0 and 2. Lorraine, Vicol & Duvenaud, AISTATS 2020, algorithms 2 and 3.
    """
    slopes = torch.autograd.grad(valid_loss(), [*hyper, *w], allow_unused=True)
    direct, v1 = slopes[: len(hyper)], _or_zeros(slopes[len(hyper) :], w)
    slope = torch.autograd.grad(train_loss(), w, create_graph=True)
    v, total = list(v1), list(v1)
    for _ in range(terms):
        hv = torch.autograd.grad(slope, w, v, retain_graph=True, allow_unused=True)
        v = [a - step * b for a, b in zip(v, _or_zeros(hv, w), strict=True)]
        total = [a + b for a, b in zip(total, v, strict=True)]
    weights = [step * p for p in total]
    mixed = torch.autograd.grad(slope, hyper, weights, allow_unused=True)
    pairs = zip(_or_zeros(direct, hyper), _or_zeros(mixed, hyper), strict=True)
    return [a - b for a, b in pairs], v1


def _or_zeros(slopes: Iterable[Tensor | None], like: Sequence[Tensor]) -> list[Tensor]:
    """The gradients, zeros where a loss does not depend on something."""
    pairs = zip(slopes, like, strict=True)
    return [torch.zeros_like(p) if slope is None else slope for slope, p in pairs]


@torch.no_grad()
def _put(w: Sequence[Tensor], start: Sequence[Tensor], way: Sequence[Tensor], far: float) -> None:
    """Set w to start + far * way."""
    for p, a, b in zip(w, start, way, strict=True):
        p.copy_(a + far * b if far else a)
