"""nasbench-lab: compare architecture searchers on tables of really trained networks.

>>> import nasbench
>>> table = nasbench.load("cell201/digits-on-photos")
>>> arch = table.space.parse(
...     "|nor_conv_3x3~0|+|none~0|skip_connect~1|+|none~0|none~1|nor_conv_3x3~2|"
... )
>>> table.query([nasbench.Candidate(arch)])[0].metrics["valid_accuracy"]
"""

from nasbench.core import Architecture, Budget, Candidate, Constraint, Observation, Problem, Result
from nasbench.errors import NasbenchError
from nasbench.registry import benchmark as load

__all__ = [
    "Architecture",
    "Budget",
    "Candidate",
    "Constraint",
    "NasbenchError",
    "Observation",
    "Problem",
    "Result",
    "load",
]
