"""Finds the connected regions of a mask, row by row: runs of pixels, and which of them touch."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Box = tuple[int, int, int, int]
"""Left, top, right and bottom; the last two are the first that are not in it."""


def regions(mask: NDArray[np.bool_]) -> list[Box]:
    """Return the box around each region of pixels that touch each other by an edge, top to bottom."""
    edges = np.diff(np.pad(mask, ((0, 0), (1, 1))).astype(np.int8), axis=1)
    # Of the flat array: several times as fast as of both dimensions at once.
    rows, starts = np.divmod(np.flatnonzero(edges == 1), edges.shape[1])
    ends = np.flatnonzero(edges == -1) % edges.shape[1]
    boxes: list[list[int]] = []
    parents: list[int] = []

    def root(of: int) -> int:
        while parents[of] != of:
            parents[of] = of = parents[parents[of]]
        return of

    above: list[tuple[int, int, int]] = []  # runs of the row before: start, end, and region
    here: list[tuple[int, int, int]] = []
    last = -1
    for row, start, end in zip(rows.tolist(), starts.tolist(), ends.tolist(), strict=True):
        if row != last:
            above, here, last = here if row == last + 1 else [], [], row
        touching = [region for first, past, region in above if first < end and start < past]
        if not touching:
            touching = [len(parents)]
            parents.append(touching[0])
            boxes.append([start, row, end, row + 1])
        region = root(touching[0])
        for other in {root(touched) for touched in touching} | {region}:
            parents[other] = region
            around(boxes[region], boxes[other])
        around(boxes[region], [start, row, end, row + 1])
        here.append((start, end, region))
    return [
        (left, top, right, bottom)
        for region, (left, top, right, bottom) in enumerate(boxes)
        if parents[region] == region
    ]


def around(box: list[int], other: list[int]) -> None:
    """Enlarge a box so that it has another one in it."""
    box[0], box[1] = min(box[0], other[0]), min(box[1], other[1])
    box[2], box[3] = max(box[2], other[2]), max(box[3], other[3])
