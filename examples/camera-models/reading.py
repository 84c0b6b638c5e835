"""Reads what is written in a frame: where there is text, and what it says."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from drawing import draw_box, draw_text, width_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from detector import Detector
    from recogniser import Recogniser
    from regions import Box


@dataclass(frozen=True)
class Reading:
    """A text, how sure the model is of it (0 to 1), and where in the frame it stands."""

    text: str
    score: float
    box: Box


def read(frame: NDArray[np.uint8], detector: Detector, recogniser: Recogniser) -> list[Reading]:
    """Return what is written in a frame of height x width x 3 bytes, red first, the surest first."""
    readings = []
    for box in detector.find(frame):
        left, top, right, bottom = box
        text, score = recogniser.read(frame[top:bottom, left:right])
        if text:
            readings.append(Reading(text, score, box))
    return sorted(readings, key=lambda reading: -reading.score)


def draw_readings(frame: NDArray[np.uint8], readings: list[Reading]) -> None:
    """Draw each reading's box, and above it (below it where there is no room) what was read, how surely."""
    high = max(frame.shape[0] // 24, 12)
    for reading in readings:
        left, top, _, bottom = reading.box
        label = f"{reading.text} {reading.score:.0%}"
        draw_box(frame, reading.box)
        above = top - high - high // 3
        left = max(min(left, frame.shape[1] - width_of(label, high)), 0)
        draw_text(frame, label, left, above if above >= 0 else bottom + high // 6, high)
