"""Sounds that are made up: vowels of a voice, silence and noise, one after the other."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from hearing import RATE, SAMPLES

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from hearing import Array

VOWELS = ((730, 1090, 2440), (270, 2290, 3010), (300, 870, 2240), (530, 1840, 2480), (570, 840, 2410))


def speech(seconds: float, random: np.random.Generator) -> NDArray[np.float64]:
    """Return vowels of a sixth of a second: pulses of a voice, through three resonances."""
    time = np.arange(int(seconds * RATE)) / RATE
    pitch = 120 + 25 * np.sin(2 * np.pi * 1.3 * time) + 8 * np.sin(2 * np.pi * 5 * time)
    pulses = np.diff(np.floor(np.cumsum(pitch) / RATE), prepend=0) + 0.01 * random.standard_normal(len(time))
    length = RATE // 6
    rings = np.arange(RATE // 20) / RATE
    parts = []
    for number in range(len(time) // length):
        part = pulses[number * length : (number + 1) * length]
        for frequency in VOWELS[number % len(VOWELS)]:
            resonance = np.exp(-100 * np.pi * rings) * np.sin(2 * np.pi * frequency * rings)
            part = np.convolve(part, resonance)[:length]
        parts.append(part * np.hanning(length))
    sound: NDArray[np.float64] = np.concatenate(parts)
    sound *= 0.3 / np.abs(sound).max()
    return sound


def sounds(number: int) -> Array:
    """Return seven seconds, in rows of as many samples as the model hears at a time; `number` of them later.

    That is a second of silence, two of speech, one of a faint noise, two of speech, and one of a loud noise.
    """
    random = np.random.default_rng(number)
    faint, loud = (amount * random.standard_normal(RATE) for amount in (0.003, 0.1))
    whole = np.concatenate([np.zeros(RATE), speech(2, random), faint, speech(2, random), loud])
    whole = np.roll(whole, number * RATE)
    return whole[: len(whole) // SAMPLES * SAMPLES].astype(np.float32).reshape(-1, SAMPLES)
