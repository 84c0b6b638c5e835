"""A worker that needs weights: ``worker.py SERVER FILE MILLISECONDS``.

It attaches the weights of the server, and answers each request with its process id, the number of a tensor
and the greatest element of that; it reads one tensor after the other until so many milliseconds have passed.
"""

from __future__ import annotations

import os
import sys
import time
from typing import TYPE_CHECKING

from zenoh_pinned import models, workers

if TYPE_CHECKING:
    from collections.abc import Sequence

SERVER, PATH, MILLISECONDS = sys.argv[1:]

weights = models.attach("weights", PATH, server=SERVER, fall_back=False)
tensors = [weights[name].numpy() for name in weights]
latest = 0


def read() -> str:
    """Read tensors for a while."""
    global latest
    ends = time.monotonic() + int(MILLISECONDS) / 1000
    while True:
        latest = (latest + 1) % len(tensors)
        greatest = float(tensors[latest].max())
        if time.monotonic() >= ends:
            return f"{os.getpid()} {latest} {greatest}"


@workers.serve("weights")
def answer(batch: Sequence[workers.Request]) -> list[str]:
    """Answer a batch."""
    return [read() for _ in batch]
