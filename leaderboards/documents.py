"""JSON files from strangers: bounded, plain, and every complaint about them at once.

The size is looked at before a byte is read, links are not followed, and what is no JSON in the
strict sense (NaN, numbers beyond a double, a key twice, nesting without end) is refused.
"""

from __future__ import annotations

import json
import math
import os
import re
import stat
import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, NoReturn, TypeVar

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError

from nasbench.errors import InvalidConfig

LARGEST_BYTES = 256 * 1024
"""Of a description: a track, a submission, a record."""
SHOWN = 20
"""Complaints about one file that are told; of the others only the number."""
LONGEST_KEY = 40
"""Letters of a key that is told as it is."""
_UNSAFE = {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
"""Unicode categories that hide or reorder text: controls, bidi and zero-width marks, surrogates."""
_INVISIBLE = re.compile(
    "[\u034f\u115f\u1160\u17b4\u17b5\u180b-\u180f\u3164\ufe00-\ufe0f\uffa0\U000e0100-\U000e01ef]"
)
"""What Unicode lets fonts show as nothing, in other categories: fillers, joiners, variations."""


@dataclass(frozen=True, slots=True, order=True)
class Complaint:
    """Something that is wrong with a file."""

    file: str
    """As seen from the folder that was checked."""
    field: str
    """Such as `trajectory.values.17`; empty for the file as a whole."""
    expected: str
    got: str

    def __str__(self) -> str:
        place = f"{self.file}: {self.field}" if self.field else self.file
        return f"{place}: expected {self.expected}, got {self.got}"


class Part(BaseModel):
    """What all models of this package have in common."""

    model_config = ConfigDict(extra="forbid", strict=True, allow_inf_nan=False, frozen=True)


Model = TypeVar("Model", bound=BaseModel)


def plain(text: str) -> str:
    """The text, if a reader sees what it holds.

    Raises:
        ValueError: characters that hide or reorder, text that is not normalized (NFC), a letter
            that is a Latin one in another style, or a word of several alphabets, in which one
            letter may pass for another.
    """
    bad = {c for c in text if unicodedata.category(c) in _UNSAFE and c != "\n"}
    bad |= {*_INVISIBLE.findall(text)}
    if bad:
        raise ValueError(f"text without control or formatting characters, not {_codes(bad)}")
    styled = {c for c in text if c.isalpha() and not c.isascii() and _plainest(c).isascii()}
    if styled:
        raise ValueError(f"letters in their plain form, not {_codes(styled)}")
    if not unicodedata.is_normalized("NFC", text):
        raise ValueError("text in the normalization form NFC")
    for word in text.split():
        alphabets = {name for c in word if (name := _alphabet(c))}
        if len(alphabets) > 1:
            raise ValueError(f"words of one alphabet each, not {word!r} of {_listed(alphabets)}")
    return text


def line(text: str) -> str:
    """A `plain` text on one line, with something to see.

    Raises:
        ValueError: it is another.
    """
    if "\n" in text or not any(unicodedata.category(c)[0] in "LNPS" for c in text):
        raise ValueError("one line with something to see")
    return plain(text)


Text = Annotated[str, Field(min_length=1, max_length=200), AfterValidator(line)]
Prose = Annotated[str, Field(max_length=4000), AfterValidator(plain)]
Name = Annotated[str, Field(pattern="^[a-z0-9](?:[a-z0-9-]{0,62}[a-z0-9])?$")]
"""Of a track or an entry: lower-case ASCII letters, digits and hyphens, few of which look alike."""
Sha256 = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


def read(path: Path, largest: int = LARGEST_BYTES) -> bytes:
    """The content of a regular file of at most `largest` bytes.

    Raises:
        Refused: it is none, too large, or cannot be read.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError as fault:
        what = "a link" if path.is_symlink() else (fault.strerror or str(fault)).lower()
        raise Refused("a regular file", what) from fault
    with os.fdopen(handle, "rb") as stream:
        status = os.fstat(handle)
        if not stat.S_ISREG(status.st_mode):
            raise Refused("a regular file", "a folder, device or pipe")
        if status.st_size > largest:
            raise Refused(f"at most {largest:,} bytes", f"{status.st_size:,} bytes")
        content = stream.read(largest + 1)
    if len(content) > largest:  # it grew meanwhile
        raise Refused(f"at most {largest:,} bytes", "more")
    return content


class Refused(ValueError):
    """A file that is not read any further; `expected` and `got` say why."""

    def __init__(self, expected: str, got: str) -> None:
        super().__init__(f"expected {expected}, got {got}")
        self.expected, self.got = expected, got


def parse(content: bytes) -> Any:
    """The JSON document of a file.

    Raises:
        Refused: it is none.
    """
    try:
        return json.loads(
            content.decode(),
            parse_constant=_no_constant,
            parse_float=_number,
            object_pairs_hook=_unique,
        )
    except RecursionError as fault:
        raise Refused("JSON", "JSON that is nested too deeply") from fault
    except ValueError as fault:  # malformed, another encoding, or a number that is refused
        raise Refused("JSON", f"what is none: {fault}") from fault


def checked(
    path: Path, name: str, model: type[Model], largest: int = LARGEST_BYTES
) -> tuple[Model | None, list[Complaint]]:
    """A file's content as a model, or None and all complaints about it; `name` is what they say."""
    try:
        return model.model_validate(parse(read(path, largest))), []
    except Refused as fault:
        return None, [Complaint(name, "", fault.expected, fault.got)]
    except ValidationError as fault:
        return None, complaints(name, fault)


def loaded(path: Path, model: type[Model]) -> Model:
    """A file's content as a model.

    Raises:
        InvalidConfig: with all that is wrong with it.
    """
    found, wrong = checked(path, str(path), model)
    if found is None:
        raise InvalidConfig("; ".join(map(str, wrong)))
    return found


def complaints(name: str, fault: ValidationError) -> list[Complaint]:
    """What pydantic says, one complaint for each of the first places."""
    errors = fault.errors(include_url=False)
    found = [
        Complaint(name, ".".join(map(_place, e["loc"])), _expected(e["msg"]), shown(e["input"]))
        for e in errors[:SHOWN]
    ]
    return [*found, *_rest(name, len(errors))]


def _place(key: int | str) -> str:
    """A key as it is, if there is nothing in it that a terminal or a log could take for its own."""
    plain = isinstance(key, int) or (
        key.isascii() and key.isidentifier() and len(key) <= LONGEST_KEY
    )
    return str(key) if plain else shown(key)


def limited(found: Sequence[Complaint]) -> list[Complaint]:
    """The first complaints about one file, and how many there are beyond them."""
    return [*found[:SHOWN], *(_rest(found[0].file, len(found)) if found else ())]


def shown(value: object) -> str:
    """A value on one line of printable characters, shortened."""
    text = ascii(value) if not isinstance(value, (dict, list)) else f"a {type(value).__name__}"
    return text if len(text) <= 80 else f"{text[:77]}..."


def to_json(model: BaseModel) -> str:
    """The text of a model's file."""
    return json.dumps(model.model_dump(mode="json"), indent=1, ensure_ascii=False) + "\n"


def _rest(name: str, count: int) -> Iterator[Complaint]:
    if count > SHOWN:
        yield Complaint(name, "", "no complaint", f"{count - SHOWN:,} more of them")


def _expected(message: str) -> str:
    text = message.removeprefix("Value error, ").removeprefix("Input should be ")
    return text[:1].lower() + text[1:]


def _codes(characters: set[str]) -> str:
    return ", ".join(f"U+{ord(c):04X}" for c in sorted(characters)[:5])


def _listed(words: set[str]) -> str:
    return " and ".join(sorted(words))


def _alphabet(character: str) -> str | None:
    """The script of a letter that has two cases, as those pass for one another; None of others."""
    script, _, rest = unicodedata.name(character, "").partition(" ")
    cased = character.isalpha() and character.lower() != character.upper()
    return script.capitalize() if cased and "LETTER" in rest else None


def _plainest(letter: str) -> str:
    """A letter without style, such as a full-width, bold or superscript one."""
    return unicodedata.normalize("NFKC", letter)


def _no_constant(literal: str) -> NoReturn:
    raise ValueError(f"{literal} is no JSON number")


def _number(literal: str) -> float:
    value = float(literal)
    if math.isinf(value):
        raise ValueError(f"{literal[:40]} is too large a number")
    return value


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        ((name, _),) = Counter(name for name, _ in pairs).most_common(1)
        raise ValueError(f"{name!r:.60} is there twice")
    return found
