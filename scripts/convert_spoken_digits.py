"""Write data/spoken-digits.npz: digits spoken by 108 voices of eSpeak NG, in noise, as log-mels.

    python scripts/convert_spoken_digits.py [--snr-db -5] [--out FILE]

Needs the extra `tasks`. Each voice of the train split says each digit four times, the others eight
times, at another rate, pitch and place in the window. Voices whose names differ by a number only
(Gene, Gene2) stay in one split. eSpeak NG is not reproducible to the bit (some voices use C's
rand), so this is run once and the file shipped.
"""

from __future__ import annotations

import argparse
import ctypes
import hashlib
import re
from pathlib import Path
from typing import Any

import espeakng_loader
import numpy as np
from numpy.typing import NDArray
from scipy import signal

TARGET = Path(__file__).parents[1] / "nasbench/tasks/data/spoken-digits.npz"
WORDS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
PLAIN = ("en", "en-us", "en-029", "en-gb-scotland")
"""Accents that also speak with eSpeak's own voice; together they count as one family."""
ACCENTS = (*PLAIN, "en-gb-x-rp", "en-gb-x-gbclan", "en-gb-x-gbcwmd", "en-us-nyc")
VOICES = {"valid": 24, "test": 24}
"""The rest, 60, train."""
RENDERINGS = {"train": 4, "valid": 8, "test": 8}
"""Times that every voice of the split says every digit: 2400, 1920 and 1920 clips."""
WORDS_PER_MINUTE = (130, 200)
PITCH = RANGE = (30, 70)
RATE = 11_025
FRAME, HOP, FRAMES, BANDS = 512, 160, 42, 24
STEP_DB = 1.5
"""Loudness that one step of the stored log-mels stands for."""
FLOOR_DB = 25.0
"""Below the mean level of a clip where values are cut."""
SEED = 2025

_SYNCHRONOUS, _UTF8, _CHARACTERS, _NO_EXIT = 2, 1, 1, 0x8000  # names of speak_lib.h
_SPEED, _PITCH, _RANGE = 1, 3, 4


class Speaker:
    """eSpeak NG through its C interface."""

    def __init__(self) -> None:
        self.library = ctypes.CDLL(espeakng_loader.get_library_path())
        self.rate: int = self.library.espeak_Initialize(
            _SYNCHRONOUS, 0, espeakng_loader.get_data_path().encode(), _NO_EXIT
        )
        self.chunks: list[NDArray[np.int16]] = []
        kind = ctypes.CFUNCTYPE(
            ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.c_void_p
        )
        self.callback = kind(self._receive)  # kept: the library holds no reference
        self.library.espeak_SetSynthCallback(self.callback)

    def say(self, text: str, voice: str, speed: int, pitch: int, span: int) -> NDArray[np.float64]:
        """Samples at `self.rate`, without the silence around the word."""
        self.chunks.clear()
        if self.library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise SystemExit(f"expected eSpeak NG to have the voice {voice!r}")
        for parameter, value in ((_SPEED, speed), (_PITCH, pitch), (_RANGE, span)):
            self.library.espeak_SetParameter(parameter, value, 0)
        spoken = text.encode()
        size = ctypes.c_size_t(len(spoken) + 1)
        self.library.espeak_Synth(
            ctypes.c_char_p(spoken), size, 0, _CHARACTERS, 0, _UTF8, None, None
        )
        self.library.espeak_Synchronize()
        samples = np.concatenate(self.chunks).astype(np.float64)
        loud = np.flatnonzero(np.abs(samples) > 0.02 * np.abs(samples).max())
        return samples[loud[0] : loud[-1] + 1]

    def _receive(self, samples: object, count: int, _events: object) -> int:
        if samples and count > 0:
            self.chunks.append(np.ctypeslib.as_array(samples, (count,)).copy())
        return 0


def voices(rng: np.random.Generator) -> dict[str, list[str]]:
    """Voices of each split: every variant with an accent drawn for it; families are not divided.

    Families of more than two train, so that the 24 voices of the other splits are unlike.
    """
    folder = Path(espeakng_loader.get_data_path()) / "voices/!v"
    families: dict[str, list[str]] = {"": list(PLAIN)}
    for variant in sorted(path.name for path in folder.iterdir()):
        stem = re.sub(r"(robot|\d+)$", "", variant.lower())
        family = stem if len(stem) > 1 else variant  # f1 .. f5 and m1 .. m8 are unlike one another
        families.setdefault(family, []).append(f"{rng.choice(ACCENTS)}+{variant}")
    split: dict[str, list[str]] = {"train": [], "valid": [], "test": []}
    for index in rng.permutation(len(families)):
        own = list(families.values())[index]
        room = [s for s, most in VOICES.items() if len(split[s]) + len(own) <= most]
        room = room if len(own) <= 2 else []
        split[min(room, key=lambda s: len(split[s])) if room else "train"] += own
    return split


def log_mel(samples: NDArray[np.float64], filters: NDArray[np.float64]) -> NDArray[np.uint8]:
    """Log-mels (24, 1, 42) of a clip, in steps of STEP_DB from FLOOR_DB below their mean."""
    window = np.hanning(FRAME)
    frames = np.lib.stride_tricks.sliding_window_view(samples, FRAME)[::HOP][:FRAMES]
    power = np.abs(np.fft.rfft(frames * window)) ** 2 @ filters.T
    level = 10 * np.log10(power + 1e-9)
    steps = np.round((level - level.mean() + FLOOR_DB) / STEP_DB)
    image: NDArray[np.uint8] = np.clip(steps, 0, 255).astype(np.uint8).T[:, None, :]
    return image


def mel_filters() -> NDArray[np.float64]:
    """Triangles (24, 257) evenly spaced in mel from 80 Hz to 5400 Hz."""
    low, high = (2595 * np.log10(1 + hertz / 700) for hertz in (80, 5400))
    corners = 700 * (10 ** (np.linspace(low, high, BANDS + 2) / 2595) - 1)
    bins = np.arange(FRAME // 2 + 1) * RATE / FRAME
    rising = (bins - corners[:-2, None]) / (corners[1:-1] - corners[:-2])[:, None]
    falling = (corners[2:, None] - bins) / (corners[2:] - corners[1:-1])[:, None]
    return np.maximum(np.minimum(rising, falling), 0)


def in_noise(
    word: NDArray[np.float64], snr_db: float, rng: np.random.Generator
) -> NDArray[np.float64]:
    """A window of white noise with a word of unit power somewhere in it; longer words are cut."""
    size = FRAME + (FRAMES - 1) * HOP
    word = (word / np.sqrt(np.mean(word**2)))[:size]
    clip = rng.normal(size=size) * 10 ** (-snr_db / 20)
    start = int(rng.integers(size - len(word) + 1))
    clip[start : start + len(word)] += word
    return clip


def render(
    names: list[str], times: int, speaker: Speaker, snr_db: float, rng: np.random.Generator
) -> tuple[NDArray[np.uint8], NDArray[np.uint8], NDArray[np.uint8]]:
    """Log-mels, labels and voice numbers of a split, in random order."""
    filters = mel_filters()
    clips, labels, owners = [], [], []
    for owner, name in enumerate(names):
        for label in np.repeat(np.arange(len(WORDS)), times):
            speed, pitch, span = (
                int(rng.integers(low, high)) for low, high in (WORDS_PER_MINUTE, PITCH, RANGE)
            )
            word = speaker.say(WORDS[label], name, speed, pitch, span)
            word = signal.resample_poly(word, RATE, speaker.rate)
            clips.append(log_mel(in_noise(word, snr_db, rng), filters))
            labels.append(label)
            owners.append(owner)
    order = rng.permutation(len(labels))
    return (
        np.stack(clips)[order],
        np.array(labels, np.uint8)[order],
        np.array(owners, np.uint8)[order],
    )


def main() -> None:
    """Write the file and print its size and sha256."""
    options = argparse.ArgumentParser()
    options.add_argument("--snr-db", type=float, default=-5.0)
    options.add_argument("--out", type=Path, default=TARGET)
    chosen = options.parse_args()
    rng = np.random.default_rng(SEED)
    speaker = Speaker()
    arrays: dict[str, Any] = {}
    for split, names in voices(rng).items():
        x, y, owners = render(names, RENDERINGS[split], speaker, chosen.snr_db, rng)
        arrays |= {f"{split}_x": x, f"{split}_y": y, f"{split}_voice": owners}
        arrays[f"{split}_voices"] = np.array(names)
        print(f"{split}: {len(names)} voices, {len(y)} clips, levels {x.min()} .. {x.max()}")
    np.savez_compressed(chosen.out, **arrays)
    content = chosen.out.read_bytes()
    print(f"{chosen.out.name}: {len(content)} bytes, {hashlib.sha256(content).hexdigest()}")


if __name__ == "__main__":
    main()
