"""Reads a line of text with PP-OCRv4's recogniser: for each column a character or none, then each once."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

import numpy as np

from resizing import normalised, resized

if TYPE_CHECKING:
    from numpy.typing import NDArray

HEIGHT = 48  # that the model was trained with
LEAST_WIDTH = 320  # narrower pictures are filled up with grey


class Recogniser:
    """Reads lines of text; one thread at a time."""

    def __init__(self, session: Any, characters: str | None = None) -> None:
        """Take a session of the model, and its characters, one a line, unless they are the model's own."""
        self._session = session
        self._input = session.get_inputs()[0].name
        known: str = characters or session.get_modelmeta().custom_metadata_map["character"]
        self._characters = ["", *known.splitlines(), " "]  # the first one stands for none

    def read(self, picture: NDArray[np.uint8]) -> tuple[str, float]:
        """Return the text in a picture of height x width x 3 bytes, and its characters' mean probability."""
        height, width = picture.shape[:2]
        wide = max(math.ceil(HEIGHT * width / height), 1)
        planes = np.zeros((1, 3, HEIGHT, max(wide, LEAST_WIDTH)), np.float32)
        planes[0, :, :, :wide] = normalised(resized(picture, HEIGHT, wide))
        return self.decoded(self._session.run(None, {self._input: planes})[0][0])

    def decoded(self, probabilities: NDArray[np.float32]) -> tuple[str, float]:
        """Return the text of columns x characters: of each column the likeliest, repeated ones once."""
        best = probabilities.argmax(axis=1)
        kept = best != 0
        kept[1:] &= best[1:] != best[:-1]
        if not kept.any():
            return "", 0.0
        text = "".join(self._characters[index] for index in best[kept])
        return text, float(probabilities[kept, best[kept]].mean())
