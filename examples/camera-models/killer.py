"""Kills workers, each in the middle of a request, and looks how long it takes until there is another one."""

from __future__ import annotations

import os
import signal
import time
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from zenoh_pinned import workers

SERVING = {"ready", "processing", "idle"}


def serving_in(pool: workers.Statistics) -> list[workers.WorkerStatistics]:
    """Return the workers that have loaded and not ended."""
    return [worker for worker in pool["workers"] if worker["state"] in SERVING]


class Killer:
    """Kills a worker once all have been there for a while: a request that kills two is given up."""

    def __init__(self, every: float) -> None:
        """Take for how many seconds all have to be there; 0 to kill none."""
        self._every, self._due = every, time.monotonic() + every
        self._since: dict[int, float] = {}  # by seat: when its worker was killed
        self.killed = 0
        self.back_after: list[float] = []

    def kill_if_due(self, pool: workers.Workers) -> None:
        """Kill a worker where it is time to: one that has a request, and was killed least often."""
        if not self._every:
            return
        now, seen = time.monotonic(), pool.statistics()
        if len(serving_in(seen)) < seen["wanted"]:
            self._due = now + self._every
        busy = [worker for worker in seen["workers"] if worker["state"] == "processing"]
        if not busy or now < self._due:
            return
        worker = min(busy, key=lambda worker: worker["incarnation"])
        self._due = now + self._every
        self._since[worker["seat"]] = now
        with suppress(ProcessLookupError):
            os.kill(worker["pid"] or 0, signal.SIGKILL)
            self.killed += 1

    def on_ready(self, worker: workers.WorkerEvent) -> None:
        """Note that there is a worker again."""
        if (since := self._since.pop(worker.seat, None)) is not None:
            self.back_after.append(time.monotonic() - since)
