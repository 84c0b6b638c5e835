"""What the camera sees: a pattern that moves, and the frame's number before it, at another place each time.

A frame depends on its number alone, so whoever has the number can say what has to be in the picture.
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from drawing import draw_text, width_of

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]

PERIOD = 256  # pixels after which the pattern is the same again


@lru_cache(maxsize=4)
def pattern(height: int, width: int) -> Frame:
    """Return a picture one period larger than the frame, each way: soft waves and a grid."""
    y, x = np.mgrid[: height + PERIOD, : width + PERIOD] * (2 * np.pi / PERIOD)
    light = np.sin(x + y) + np.sin(2 * x - y + 1) + np.sin(x - 2 * y + 2 * np.sin(x + y))
    picture = np.stack([70 + 10 * light, 92 + 16 * light, 120 + 22 * light], axis=2)
    picture[::64] += 14
    picture[:, ::64] += 14
    return picture.astype(np.uint8)


def bounce(step: int, room: int) -> int:
    """Return where something is that goes to and fro between 0 and `room`."""
    return room - abs(room - step % (2 * room)) if room > 0 else 0


def digits_height(height: int) -> int:
    """Return how high digits are in a frame of this height."""
    return max(height // 6, 24)


def draw_frame(frame: Frame, number: int) -> None:
    """Draw the frame of this number into `frame`, of height x width x 3 bytes, in place."""
    height, width = frame.shape[:2]
    down, right = 3 * number % PERIOD, 5 * number % PERIOD
    frame[:] = pattern(height, width)[down : down + height, right : right + width]
    text, high = str(number), digits_height(height)
    margin = high // 3
    left = margin + bounce(11 * number, width - width_of(text, high) - 2 * margin)
    top = margin + bounce(7 * number, height - high - 3 * margin)
    draw_text(frame, text, left, top, high)
