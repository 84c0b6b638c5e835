"""Draws text and boxes into frames of height x width x 3 bytes, red first.

Digits are strokes of one width with round ends, drawn white with a dark rim, so that they can be read before
any background. Everything is written in place, and rows may lie further apart than they are long.
Knowingly weak: digits, `.`, `%` and `-` are all there is; of other characters only a frame is drawn.
"""

from __future__ import annotations

from functools import lru_cache
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    Frame = NDArray[np.uint8]
    Mask = NDArray[np.float32]
    Points = tuple[tuple[float, float], ...]

WHITE, DARK, GREEN = (255, 255, 255), (16, 20, 28), (60, 230, 120)
STROKE = 0.15  # width of a stroke; this and all that follows in heights of a digit
RIM = 0.07
ADVANCE = 0.68  # from one character's left edge to the next one's
WIDE = 0.52  # of a digit's strokes, from middle to middle


def arc(x: float, y: float, wide: float, high: float, start: float, end: float) -> Points:
    """Return points of an ellipse's arc: centre, radii, and degrees from the right, clockwise."""
    turn = np.radians(np.linspace(start, end, 25))
    return tuple(zip((x + wide * np.cos(turn)).tolist(), (y + high * np.sin(turn)).tolist(), strict=True))


# Lines through points, in a box of WIDE x 1 from the top left: the middle of each stroke.
GLYPHS: dict[str, tuple[Points, ...]] = {
    "0": ((*arc(0.26, 0.26, 0.26, 0.26, 180, 360), *arc(0.26, 0.74, 0.26, 0.26, 0, 180), (0.0, 0.26)),),
    "1": (((0.06, 0.2), (0.3, 0.0), (0.3, 1.0)), ((0.06, 1.0), (0.52, 1.0))),
    "2": ((*arc(0.26, 0.27, 0.26, 0.27, 180, 385), (0.0, 1.0), (0.52, 1.0)),),
    "3": ((*arc(0.25, 0.25, 0.24, 0.25, 195, 440), *arc(0.25, 0.735, 0.27, 0.265, 280, 525)),),
    "4": (((0.4, 1.0), (0.4, 0.0), (0.0, 0.7), (0.55, 0.7)),),
    "5": (((0.48, 0.0), (0.07, 0.0), (0.03, 0.46), *arc(0.25, 0.68, 0.27, 0.32, 228, 508)),),
    "6": (arc(0.45, 0.69, 0.45, 0.69, 180, 272), arc(0.26, 0.7, 0.26, 0.3, 0, 360)),
    "7": (((0.0, 0.0), (0.52, 0.0), (0.18, 1.0)),),
    "8": (arc(0.26, 0.235, 0.225, 0.235, 0, 360), arc(0.26, 0.735, 0.26, 0.265, 0, 360)),
    "9": (arc(0.07, 0.31, 0.45, 0.69, 0, 92), arc(0.26, 0.3, 0.26, 0.3, 0, 360)),
    ".": (((0.26, 0.98), (0.26, 1.0)),),
    "-": (((0.06, 0.5), (0.46, 0.5)),),
    "%": (
        ((0.0, 1.0), (0.52, 0.0)),
        arc(0.06, 0.14, 0.08, 0.12, 0, 360),
        arc(0.46, 0.86, 0.08, 0.12, 0, 360),
    ),
    " ": (),
}
UNKNOWN: tuple[Points, ...] = (((0.06, 0.1), (0.46, 0.1), (0.46, 0.9), (0.06, 0.9), (0.06, 0.1)),)


@lru_cache(maxsize=256)
def glyph(character: str, height: int) -> tuple[Mask, Mask]:
    """Return how much of each pixel a character's strokes cover, and how much they cover with their rim."""
    margin = (STROKE / 2 + RIM) * height
    scale = height * (1 - STROKE)
    shape = (round(height + 2 * RIM * height), round(WIDE * scale + 2 * margin))
    y, x = np.mgrid[: shape[0], : shape[1]] + 0.5
    x, y = (x - margin) / scale, (y - margin) / scale
    distance = np.full(shape, np.inf)
    for (ax, ay), (bx, by) in segments(character):
        length = (bx - ax) ** 2 + (by - ay) ** 2
        along = np.clip(((x - ax) * (bx - ax) + (y - ay) * (by - ay)) / (length or 1.0), 0, 1)
        np.minimum(distance, np.hypot(x - ax - along * (bx - ax), y - ay - along * (by - ay)), out=distance)
    distance *= scale
    inner, outer = (np.clip(0.5 + wide * height - distance, 0, 1) for wide in (STROKE / 2, STROKE / 2 + RIM))
    return inner.astype(np.float32), outer.astype(np.float32)


def segments(character: str) -> Iterator[tuple[tuple[float, float], tuple[float, float]]]:
    """Give a character's straight pieces."""
    for line in GLYPHS.get(character, UNKNOWN):
        yield from pairwise(line)


def width_of(text: str, height: int) -> int:
    """Return how many columns a text takes, with its rim."""
    columns: int = glyph("0", height)[0].shape[1]
    return round(ADVANCE * height * max(len(text) - 1, 0)) + columns


def draw_text(
    frame: Frame, text: str, left: int, top: int, height: int, colour: tuple[int, int, int] = WHITE
) -> None:
    """Draw a text whose digits are `height` pixels high; what is outside of the frame is left out."""
    for place, character in enumerate(text):
        inner, outer = glyph(character, height)
        x = left + round(ADVANCE * height * place)
        blend(frame, outer, x, top, DARK)
        blend(frame, inner, x, top, colour)


def blend(frame: Frame, mask: Mask, left: int, top: int, colour: tuple[int, int, int]) -> None:
    """Put a colour over the frame, as much of it as the mask says."""
    first_row, first_column = max(-top, 0), max(-left, 0)
    mask = mask[first_row : max(frame.shape[0] - top, 0), first_column : max(frame.shape[1] - left, 0)]
    if not mask.size:
        return
    top, left = max(top, 0), max(left, 0)
    under = frame[top : top + mask.shape[0], left : left + mask.shape[1]]
    amount = mask[:, :, None]
    under[:] = under + amount * (np.array(colour, np.float32) - under) + 0.5


def draw_box(
    frame: Frame, box: tuple[int, int, int, int], thick: int = 3, colour: tuple[int, int, int] = GREEN
) -> None:
    """Draw the edges of a box: left, top, right and bottom, the last two beside it."""
    left, top, right, bottom = (max(edge, 0) for edge in box)
    for rows, columns in (
        (slice(top, top + thick), slice(left, right)),
        (slice(max(bottom - thick, 0), bottom), slice(left, right)),
        (slice(top, bottom), slice(left, left + thick)),
        (slice(top, bottom), slice(max(right - thick, 0), right)),
    ):
        frame[rows, columns] = colour
