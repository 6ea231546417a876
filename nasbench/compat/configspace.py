"""Search spaces as ConfigSpace knows them: a categorical hyperparameter for each gene.

The hyperparameters are called `hp_x0`, `hp_x1`, ..., as in Syne Tune's blackbox of NAS-Bench-201,
and a value is the name of what the gene chooses, or its number where choices have no names. In
spaces that are smaller than the product of their choices, some configurations are no architecture;
`architecture` refuses them.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from nasbench.core import Architecture, Space
from nasbench.errors import InvalidArchitecture, MissingExtra
from nasbench.spaces import cell201, macro, size

if TYPE_CHECKING:
    from ConfigSpace import ConfigurationSpace

_NAMED: Mapping[str, tuple[str, ...]] = {
    cell201.NAME: cell201.OPS,
    macro.NAME: macro.OPS,
    size.NAME: tuple(map(str, size.CHANNELS)),
}
"""Names of the choices of every gene, by space."""


def hyperparameters(space: Space) -> dict[str, tuple[str, ...]]:
    """The choices of each gene, by the name of its hyperparameter."""
    named = _NAMED.get(space.name)
    return {
        f"hp_x{k}": named or tuple(map(str, range(choices)))
        for k, choices in enumerate(space.arity)
    }


def configuration_space(space: Space, seed: int | None = None) -> ConfigurationSpace:
    """The space as a `ConfigurationSpace`; `seed` decides what it samples.

    Raises:
        MissingExtra: ConfigSpace is not installed.
    """
    if importlib.util.find_spec("ConfigSpace") is None:
        raise MissingExtra(
            "this needs ConfigSpace; install it with: pip install 'nasbench-lab[configspace]'"
        )
    from ConfigSpace import ConfigurationSpace

    choices = {name: list(values) for name, values in hyperparameters(space).items()}
    return ConfigurationSpace(space.name, seed=seed, space=choices)


def configuration(space: Space, arch: Architecture) -> dict[str, str]:
    """The values of an architecture's hyperparameters."""
    pairs = zip(hyperparameters(space).items(), arch.genes, strict=True)
    return {name: values[gene] for (name, values), gene in pairs}


def architecture(space: Space, configuration: Mapping[str, Any]) -> Architecture:
    """The architecture of a configuration.

    Raises:
        InvalidArchitecture: a hyperparameter is missing, unknown or has no such value, or the
            space does not contain the combination.
    """
    known = hyperparameters(space)
    if set(configuration) != set(known):
        raise InvalidArchitecture(
            f"a configuration of {space.name} has {', '.join(known)}; "
            f"got {', '.join(map(str, configuration)) or 'nothing'}"
        )
    for name, values in known.items():
        if configuration[name] not in values:
            raise InvalidArchitecture(
                f"{name} of {space.name} is one of {', '.join(values)}; got {configuration[name]!r}"
            )
    genes = tuple(values.index(configuration[name]) for name, values in known.items())
    arch = Architecture(space.name, genes)
    if not space.is_valid(arch):
        raise InvalidArchitecture(
            f"{space.name} does not contain the combination {dict(configuration)}; "
            "draw again, or start from an architecture of the space"
        )
    return arch
