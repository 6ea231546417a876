"""A command of its own under `nasbench`."""

from typing import Annotated

import typer

import nasbench


def hello(index: Annotated[int, typer.Argument(help="Which architecture.")] = 0) -> None:
    """Say hello and query the bowl."""
    bowl = nasbench.load("acme-mlp/bowl")
    arch = bowl.space.arch(index)
    (result,) = bowl.query([nasbench.Candidate(arch)])
    print(f"hello from acme: {bowl.space.format(arch)} reaches {result.metrics['valid_accuracy']}")
