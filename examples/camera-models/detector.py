"""Finds where there is text in a frame, with PP-OCRv4's detector: a probability for each pixel, then boxes.

Knowingly weak: boxes have upright edges, so text must not be turned; regions that touch are one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from regions import Box, regions
from resizing import normalised, resized

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

PIXEL = 0.3  # least probability of a pixel that is text
REGION = 0.5  # and of a whole box, as a mean
GROW = 2.0  # the model sees text narrower than it is: by area / perimeter times this
MULTIPLE = 32  # of which height and width have to be


class Detector:
    """Finds boxes of text; one thread at a time."""

    def __init__(self, session: Any, longest: int = 736) -> None:
        """Take a session of the model, and how many pixels of a frame's longer side it is to see."""
        self._session = session
        self._input = session.get_inputs()[0].name
        self._longest = longest

    def find(self, frame: NDArray[np.uint8]) -> list[Box]:
        """Return the boxes of text in a frame of height x width x 3 bytes, red first."""
        height, width = frame.shape[:2]
        scale = min(self._longest / max(height, width), 1.0)
        seen = (multiple(height * scale), multiple(width * scale))
        planes = normalised(resized(frame, *seen))
        probability = self._session.run(None, {self._input: planes[None]})[0][0, 0]
        return boxes_of(probability, height, width)


def multiple(length: float) -> int:
    """Return the nearest length that the model takes."""
    return max(round(length / MULTIPLE), 1) * MULTIPLE


def boxes_of(probability: NDArray[np.float32], height: int, width: int) -> list[Box]:
    """Return the boxes in a map of probabilities, in pixels of a frame of this size."""
    down, right = height / probability.shape[0], width / probability.shape[1]
    boxes = []
    for x0, y0, x1, y1 in regions(probability > PIXEL):
        if min(x1 - x0, y1 - y0) < 3 or probability[y0:y1, x0:x1].mean() < REGION:
            continue
        grow = GROW * (x1 - x0) * (y1 - y0) / (2 * (x1 - x0 + y1 - y0))
        boxes.append(
            (
                max(round((x0 - grow) * right), 0),
                max(round((y0 - grow) * down), 0),
                min(round((x1 + grow) * right), width),
                min(round((y1 + grow) * down), height),
            )
        )
    return boxes
