"""Draws of a Dirichlet distribution through which gradients flow to its parameters.

Jankowiak & Obermeyer, "Pathwise Derivatives Beyond the Reparameterization Trick", ICML 2018: the
derivative that `torch.distributions.Dirichlet` has, for draws of a generator of one's own (PyTorch
draws from its global one).
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor

SMALLEST = 1e-30
"""Draws of tiny parameters underflow to 0, at which the density is infinite."""


def draw_dirichlet(concentration: Tensor, rng: np.random.Generator) -> Tensor:
    """One draw for each row of `concentration` (n, k) > 0; each row sums to 1."""
    gammas = np.maximum(rng.standard_gamma(concentration.detach().double().numpy()), SMALLEST)
    drawn = torch.from_numpy(gammas / gammas.sum(axis=-1, keepdims=True))
    drawn = drawn.to(concentration.dtype)
    return cast(Tensor, _Pathwise.apply(concentration, drawn))  # type: ignore[no-untyped-call]


class _Pathwise(torch.autograd.Function):
    """The draw itself; its derivative is that of the draw at fixed quantiles."""

    @staticmethod
    def forward(ctx: Any, concentration: Tensor, drawn: Tensor) -> Tensor:
        ctx.save_for_backward(concentration, drawn)
        return drawn.clone()

    @staticmethod
    def backward(ctx: Any, *slopes: Tensor) -> tuple[Tensor, None]:
        concentration, drawn = ctx.saved_tensors
        (slope,) = slopes
        total = concentration.sum(-1, keepdim=True).expand_as(concentration)
        speed = torch._dirichlet_grad(drawn, concentration, total)
        return speed * (slope - (drawn * slope).sum(-1, keepdim=True)), None
