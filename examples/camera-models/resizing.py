"""Resizes pictures, and brings their bytes into the range that the models were trained with."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray


def resized(picture: NDArray[np.uint8], height: int, width: int) -> NDArray[np.float32]:
    """Return the picture with this height and width, each pixel weighed from the four nearest ones."""
    values: NDArray[Any] = picture
    if picture.shape[0] != height:
        low, high, share = neighbours(picture.shape[0], height)
        values = mixed(values[low], values[high], share[:, None, None])
    if picture.shape[1] != width:
        low, high, share = neighbours(picture.shape[1], width)
        values = mixed(values[:, low], values[:, high], share[:, None])
    return values.astype(np.float32, copy=False)


def neighbours(old: int, new: int) -> tuple[NDArray[np.intp], NDArray[np.intp], NDArray[np.float32]]:
    """Return for each new place the old ones before and after it, and how much of the latter it takes."""
    places = np.clip((np.arange(new) + 0.5) * (old / new) - 0.5, 0, old - 1)
    low = places.astype(np.intp)
    return low, np.minimum(low + 1, old - 1), (places - low).astype(np.float32)


def mixed(low: NDArray[Any], high: NDArray[Any], share: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return what lies between two pictures."""
    values = high.astype(np.float32)
    values -= low
    values *= share
    values += low
    return values


def normalised(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a picture, red first, as the models want it: three planes, blue first, from -1 to 1."""
    planes = np.ascontiguousarray(picture.transpose(2, 0, 1)[::-1])
    planes *= 2 / 255
    planes -= 1
    return planes
