"""nasbench-lab: compare architecture searchers on tables of really trained networks.

>>> import nasbench
>>> table = nasbench.load("cell201/digits-on-photos")
>>> arch = table.space.parse(
...     "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|"
... )
>>> accuracy = table.query([nasbench.Candidate(arch)])[0].metrics["valid_accuracy"]
>>> found = nasbench.run(table, "random-search", seed=0, budget=nasbench.Budget(queries=100))
>>> len(found.trajectory)
100
"""

from typing import TYPE_CHECKING, Any

from nasbench.core import (
    Architecture,
    Budget,
    Candidate,
    Constraint,
    Metric,
    Observation,
    Problem,
    Result,
    Run,
)
from nasbench.errors import NasbenchError
from nasbench.registry import benchmark as load

if TYPE_CHECKING:
    from nasbench.harness.run import run

__all__ = [
    "Architecture",
    "Budget",
    "Candidate",
    "Constraint",
    "Metric",
    "NasbenchError",
    "Observation",
    "Problem",
    "Result",
    "Run",
    "load",
    "run",
]


def __getattr__(name: str) -> Any:
    """The harness, when it is first wanted; `import nasbench` is for looking things up, too."""
    if name == "run":
        from nasbench.harness.run import run

        return run
    raise AttributeError(f"module 'nasbench' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
