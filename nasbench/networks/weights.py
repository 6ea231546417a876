"""Initial weights, decided by a seed and by nothing else."""

from __future__ import annotations

import math

import torch
from torch import nn

from nasbench.core import Architecture, InputSpec, Recipe
from nasbench.networks.cell201 import Network


def seeded_network(
    arch: Architecture, recipe: Recipe, spec: InputSpec, classes: int, seed: int
) -> Network:
    """The plain network on the CPU with PyTorch's default initial distribution, drawn from `seed`.

    Torch's global generator is neither read nor changed.
    """
    with torch.device("meta"):
        network = Network(arch, recipe, spec, classes)
    network.to_empty(device="cpu")
    rng = torch.Generator().manual_seed(seed)
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.kaiming_uniform_(module.weight, a=math.sqrt(5), generator=rng)
            if module.bias is not None:
                bound = 1 / math.sqrt(module.weight.shape[1])  # only the classifier has a bias
                nn.init.uniform_(module.bias, -bound, bound, generator=rng)
        elif isinstance(module, nn.Embedding):
            nn.init.normal_(module.weight, generator=rng)
        elif isinstance(module, nn.BatchNorm2d):
            module.reset_running_stats()
            nn.init.ones_(module.weight)
            nn.init.zeros_(module.bias)
    return network
