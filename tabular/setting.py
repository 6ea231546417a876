"""What must be equal for two trainings to belong in one table: task, recipe, code and libraries."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from nasbench.core import InputSpec, Recipe, Space, Task
from nasbench.errors import TableFault
from nasbench.training.trainers import modules_of
from tabular.maker import Maker, maker

_MADE = ("code", "versions", "others", "processors")
"""Fields that tell who trained, and not what."""


@dataclass(frozen=True, slots=True)
class Setting:
    """Everything but architecture and seed that decides a learning curve."""

    space: str
    task: str
    recipe: Recipe
    input: InputSpec
    classes: int
    """Labels of the task."""
    examples: Mapping[str, int]
    """Examples of each split: train, valid, test."""
    device: str
    """Kind of device: `cpu` or `cuda`."""
    code: str
    """Hash of the code that trains, see `nasbench.training.version`."""
    versions: Mapping[str, str]
    """Of Python and the libraries."""
    others: tuple[Maker, ...] = ()
    """Further code and libraries that trained for the same table, by its user's word."""
    processors: tuple[str, ...] = ()
    """What computed, `unknown` where it was not recorded; not compared."""

    @property
    def makers(self) -> tuple[Maker, ...]:
        """All code and libraries that trained."""
        return Maker(self.code, self.versions), *self.others

    def made_by(self, makers: Iterable[Maker]) -> Setting:
        """This setting with further makers; their order does not matter."""
        unique = {str(each): each for each in (*self.makers, *makers)}
        first, *others = (unique[key] for key in sorted(unique))
        return replace(self, code=first.code, versions=first.versions, others=tuple(others))

    def to_json(self) -> dict[str, Any]:
        """Plain data, the same for equal settings."""
        plain = asdict(self)
        return {key: value for key, value in plain.items() if value != ()}

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Setting:
        """The setting that `to_json` wrote.

        Raises:
            TableFault: a field is missing, unknown or of a wrong type.
        """
        try:
            made = cls(**data)
            first, *more = sorted(set(made.code.split("+")))  # how several were written at first
            return replace(
                made,
                code=first,
                recipe=Recipe(**data["recipe"]),
                input=InputSpec(**data["input"]),
                others=(
                    *(Maker(code, made.versions) for code in more),
                    *(Maker(**other) for other in data.get("others", ())),
                ),
                processors=tuple(data.get("processors", ())),
            )
        except (TypeError, KeyError, AttributeError) as fault:
            raise TableFault(f"this is not the setting of a table: {fault}") from fault


def refuse_mixing(ours: Setting, theirs: Setting, where: Path, *, trust_code: bool = False) -> None:
    """Checks that trainings of both settings may share a table.

    Code and libraries that have already trained for `theirs` may go on.

    Raises:
        TableFault: they differ; with `trust_code` the code and the libraries may.
    """
    now, there = _flat(_what(ours)), _flat(_what(theirs))
    differing = [
        f"{name} ({there.get(name)} there, {now.get(name)} now)"
        for name in sorted(now.keys() | there.keys())
        if there.get(name) != now.get(name)
    ]
    if not trust_code:
        differing += _strangers(ours.makers, theirs.makers)
    if differing:
        raise TableFault(
            f"{where} was trained in another setting: {', '.join(differing)}. Trainings of "
            "different settings do not mix: choose another output, or pass --trust-code if only "
            "code or libraries changed and you vouch that the numbers did not "
            "(`nasbench table check --retrain` tests it)."
        )


def describe(
    space: Space, task: Task, device: str, examples: Mapping[str, int], shape: tuple[InputSpec, int]
) -> Setting:
    """The setting of trainings made now; `shape` is the task's input and number of labels."""
    here = maker(*roots_of(space, task))
    return Setting(
        space=space.name,
        task=task.name,
        recipe=task.recipe,
        input=shape[0],
        classes=shape[1],
        examples=dict(examples),
        device=device.partition(":")[0],
        code=here.code,
        versions=here.versions,
    )


def roots_of(space: Space, task: Task) -> tuple[str, ...]:
    """Modules where the code that trains begins."""
    return type(space).__module__, type(task).__module__, *modules_of(space.name)


def _what(setting: Setting) -> dict[str, Any]:
    return {key: value for key, value in setting.to_json().items() if key not in _MADE}


def _strangers(ours: Iterable[Maker], theirs: Iterable[Maker]) -> Iterator[str]:
    """What distinguishes those of `ours` that are not among `theirs`."""
    known = [_flat(asdict(each)) for each in theirs]
    for now in (_flat(asdict(each)) for each in ours):
        if now in known:
            continue
        for name in sorted(now):
            there = sorted({str(each.get(name)) for each in known})
            if len(there) > 1 or there != [now[name]]:
                yield f"{name} ({' or '.join(there)} there, {now[name]} now)"


def _flat(data: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested mappings as one, with dotted names."""
    flat: dict[str, Any] = {}
    for name, value in data.items():
        if isinstance(value, Mapping):
            flat |= _flat(value, f"{prefix}{name}.")
        else:
            flat[prefix + name] = value
    return flat
