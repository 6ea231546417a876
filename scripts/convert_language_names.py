"""Write data/language-names.npz: names in 35 languages, from CLDR through Babel.

    python scripts/convert_language_names.py

Needs the extra `tasks`. Names of territories, languages and currencies, lower-case, cut to 24
characters; strings that two of the languages share are dropped, then 21000 are drawn, as evenly as
the languages allow, and split 5 : 1 : 1, stratified by language. Strings with the same letters,
such as two dated names of one currency, stay in one split.
"""

from __future__ import annotations

import hashlib
import unicodedata
from collections import Counter
from pathlib import Path

import numpy as np
from babel import Locale, __version__
from numpy.typing import NDArray

TARGET = Path(__file__).parents[1] / "nasbench/tasks/data/language-names.npz"
CODES = (
    "az br ca cs cy de en es et eu fi fr ga gd hr hu id is it lt lv nb nl pl pt ro sk sl sq sv sw "
    "tr vi yo zu"
)
LANGUAGES = CODES.split()
WIDTH = 24
SHORTEST = 3
TOTAL = 21_000
FOLDS = 7
PADDING, RARE = 0, 1
FREQUENT = 10
"""Times that a character occurs in the train split to get a token of its own; others are RARE."""
LETTERS = ("Ll", "Lo")
"""Categories of Unicode; the modifier letters (Lm) in these names are apostrophes."""
SEED = 2024


def names(language: str) -> set[str]:
    """What CLDR calls territories, languages and currencies in a language."""
    locale = Locale.parse(language)
    found = {*locale.territories.values(), *locale.languages.values(), *locale.currencies.values()}
    cut = (unicodedata.normalize("NFC", name.lower())[:WIDTH].strip() for name in found if name)
    return {name for name in cut if len(name) >= SHORTEST}


def chosen(rng: np.random.Generator) -> list[list[str]]:
    """TOTAL strings by language, in random order; no string is in two languages."""
    all_names = [names(language) for language in LANGUAGES]
    owners = Counter(name for own in all_names for name in own)
    exclusive = [sorted(name for name in own if owners[name] == 1) for own in all_names]
    sizes = np.array([len(own) for own in exclusive])
    if sizes.sum() < TOTAL:
        raise SystemExit(f"expected {TOTAL} strings, got {sizes.sum()} from Babel {__version__}")
    cap = next(c for c in range(sizes.max() + 1) if np.minimum(sizes, c).sum() >= TOTAL)
    take = np.minimum(sizes, cap)
    take[np.flatnonzero(take == cap)[: take.sum() - TOTAL]] -= 1
    return [
        [own[i] for i in rng.permutation(len(own))[:count]]
        for own, count in zip(exclusive, take, strict=True)
    ]


def letters(text: str) -> str:
    """A string without digits, punctuation, spaces, combining marks and apostrophes of any kind."""
    return "".join(c for c in text if unicodedata.category(c) in LETTERS)


def folds(texts: list[str], labels: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Fold (n,), 0 .. FOLDS - 1, of each text; texts of the same letters share one.

    The folds of a language differ by at most one in size: groups of two and more are dealt at
    random, then the other strings of the language fill its folds.
    """
    _, group = np.unique([letters(text) for text in texts], return_inverse=True)
    alone = np.bincount(group)[group] == 1
    fold: NDArray[np.intp] = rng.integers(FOLDS, size=group.max() + 1)[group]
    even = np.arange(len(texts)) % FOLDS
    for label in np.unique(labels):
        own = labels == label
        together = np.bincount(fold[own & ~alone], minlength=FOLDS)
        room = np.bincount(even[own], minlength=FOLDS) - together
        fold[own & alone] = rng.permutation(np.repeat(np.arange(FOLDS), room))
    return fold


def alphabet(texts: list[str]) -> str:
    """Characters that are frequent in `texts`, in code point order."""
    counts = Counter("".join(texts))
    return "".join(sorted(c for c, count in counts.items() if count >= FREQUENT))


def tokens(texts: list[str], characters: str) -> NDArray[np.uint8]:
    """Texts as (n, 24) token numbers: padding 0, rare 1, then the characters from 2."""
    number = {character: k for k, character in enumerate(characters, start=2)}
    table = np.full((len(texts), WIDTH), PADDING, np.uint8)
    for row, text in zip(table, texts, strict=True):
        row[: len(text)] = [number.get(character, RARE) for character in text]
    return table


def main() -> None:
    """Write the file and print its size and sha256."""
    rng = np.random.default_rng(SEED)
    by_language = chosen(rng)
    texts = [text for own in by_language for text in own]
    labels = np.repeat(np.arange(len(LANGUAGES)), [len(own) for own in by_language])
    fold = folds(texts, labels, rng)
    order = rng.permutation(TOTAL)
    rows = {"train": order[fold[order] > 1], "valid": order[fold[order] == 0]}
    rows["test"] = order[fold[order] == 1]
    characters = alphabet([texts[row] for row in rows["train"]])
    table = tokens(texts, characters)
    arrays = {f"{split}_x": table[chosen_rows] for split, chosen_rows in rows.items()}
    arrays |= {f"{s}_y": labels[chosen_rows].astype(np.uint8) for s, chosen_rows in rows.items()}
    arrays["languages"] = np.array(LANGUAGES)
    arrays["characters"] = np.array(list(characters))
    np.savez_compressed(TARGET, **arrays)
    content = TARGET.read_bytes()
    print(f"Babel {__version__}, {len(characters)} characters, {np.bincount(labels)} strings")
    print(f"{TARGET.name}: {len(content)} bytes, sha256 {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
