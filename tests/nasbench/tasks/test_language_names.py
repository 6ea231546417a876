import unicodedata

import numpy as np
import pytest

from nasbench.tasks import language_names, shipped


@pytest.fixture(scope="module")
def arrays():
    return shipped.read(language_names.FILE, language_names.FILE_SHA256)


def texts(arrays, split: str) -> list[str]:
    signs = ["", "\N{REPLACEMENT CHARACTER}", *arrays["characters"].tolist()]
    return ["".join(signs[token] for token in row) for row in arrays[f"{split}_x"]]


def letters(text: str) -> str:
    """What is left of a decoded string without modifier letters, which serve as apostrophes."""
    return "".join(c for c in text if c.isalpha() and unicodedata.category(c) != "Lm")


def test_no_string_is_in_two_splits_or_languages(arrays):
    everything = [text for split in shipped.SPLITS for text in texts(arrays, split)]
    plain = [text for text in everything if "\N{REPLACEMENT CHARACTER}" not in text]
    assert len(set(plain)) == len(plain) > 20_000


def test_no_two_splits_have_strings_of_the_same_letters(arrays):
    own = [{letters(text) for text in texts(arrays, split)} for split in shipped.SPLITS]
    assert sum(len(keys) for keys in own) == len(set.union(*own))


def test_every_language_has_its_share_of_each_split(arrays):
    count = np.stack([np.bincount(arrays[f"{split}_y"]) for split in shipped.SPLITS])
    share = count.sum(axis=0) * [[5 / 7], [1 / 7], [1 / 7]]
    assert np.abs(count - share).max() < 3


def test_padding_only_follows_the_text(arrays):
    for split in shipped.SPLITS:
        padded = arrays[f"{split}_x"] == 0
        assert np.array_equal(padded, np.maximum.accumulate(padded, axis=1))
        assert not padded[:, :3].any()


def test_strings_are_composed_and_lower_case(arrays):
    for text in texts(arrays, "train"):
        assert text == unicodedata.normalize("NFC", text.lower())


def test_rare_characters_are_rare(arrays):
    for split in shipped.SPLITS:
        assert np.mean(arrays[f"{split}_x"] == 1) < 0.001


def test_vocabulary_is_padding_rare_and_the_characters(arrays):
    spec = language_names.LanguageNames().load().input
    assert spec.vocabulary == 2 + len(arrays["characters"])
    assert (spec.kind, spec.channels, spec.height, spec.width) == ("tokens", 16, 1, 24)


def test_every_language_has_a_class_of_its_own(arrays):
    assert len(set(arrays["languages"].tolist())) == 35


@pytest.mark.parametrize("language", ["de", "sw", "vi"])
def test_strings_are_names_of_their_language(arrays, language):
    babel = pytest.importorskip("babel", reason="needs the extra `tasks`")
    locale = babel.Locale.parse(language)
    known = {*locale.territories.values(), *locale.languages.values(), *locale.currencies.values()}
    cut = {unicodedata.normalize("NFC", name.lower())[:24].strip() for name in known}
    label = arrays["languages"].tolist().index(language)
    own = [
        text
        for text, y in zip(texts(arrays, "valid"), arrays["valid_y"], strict=True)
        if y == label and "\N{REPLACEMENT CHARACTER}" not in text
    ]
    assert np.mean([text in cut for text in own]) > 0.9  # another Babel renames a few
