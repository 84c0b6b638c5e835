"""Figure `frames`: two cameras of 1920x1080x4 bytes at 30 Hz each, every frame handed over to be answered.

Each camera is a thread with a private buffer, which it fills wholly before every frame: those are the pixels
that exist before the clock begins. The clock ends with the answer, which has to be the frame's first 8 bytes.
The second camera is half a period behind the first. A frame whose time came while its camera still waited for
an answer is lost, and so is one that was answered wrongly or not at all. The first three seconds are not
counted.
"""

from __future__ import annotations

import struct
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

FRAME_BYTES = 1920 * 1080 * 4
CAMERAS = 2
PERIOD = 1 / 30
WARM_UP = 3.0


class Camera(threading.Thread):
    """One camera; `answer` hands its buffer over and returns the answer's bytes."""

    def __init__(self, number: int, answer: Callable[[np.ndarray], bytes], seconds: float) -> None:
        super().__init__(daemon=True)
        self.answer = answer
        self.first = time.perf_counter() + 0.1 + number * PERIOD / CAMERAS
        self.frames = int((WARM_UP + seconds) / PERIOD)
        self.latencies: list[float] = []
        self.lost = 0
        self.reason: str | None = None

    def run(self) -> None:
        """Take and hand over all frames."""
        pixels = np.zeros(FRAME_BYTES, np.uint8)
        number = 0
        while number < self.frames:
            time.sleep(max(0.0, self.first + number * PERIOD - time.perf_counter()))
            pixels.fill(number % 256)
            stamp = struct.pack("<Q", number)
            pixels[:8] = np.frombuffer(stamp, np.uint8)
            is_counted = number * PERIOD >= WARM_UP
            begun = time.perf_counter()
            try:
                is_right = bytes(self.answer(pixels)) == stamp
            except Exception as error:  # A peer's failure of any kind is a lost frame.
                is_right, self.reason = False, repr(error)[:200]
            took = time.perf_counter() - begun
            missed = int((time.perf_counter() - self.first) / PERIOD) - number
            number += 1 + max(0, missed)
            if is_counted:
                self.lost += max(0, missed) + (not is_right)
                if is_right:
                    self.latencies.append(took)


def watched(answers: Sequence[Callable[[np.ndarray], bytes]], seconds: float) -> dict[str, Any]:
    """Run one camera for each of `answers`; return the figure, times in microseconds."""
    cameras = [Camera(number, answer, seconds) for number, answer in enumerate(answers)]
    for camera in cameras:
        camera.start()
    for camera in cameras:
        camera.join()
    latencies = [1e6 * took for camera in cameras for took in camera.latencies]
    p50, p99 = np.percentile(latencies, [50, 99]).tolist() if latencies else (None, None)
    figure = {
        "p50_us": p50 and round(p50, 1),
        "p99_us": p99 and round(p99, 1),
        "count": len(latencies),
        "lost": sum(camera.lost for camera in cameras),
    }
    reasons = [camera.reason for camera in cameras if camera.reason]
    print(f"frames: {figure}", file=sys.stderr)
    return figure | ({"last_failure": reasons[-1]} if reasons else {})
