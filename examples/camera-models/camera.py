"""A camera: it draws each frame where workers read it, and checks that its number is what they read.

A frame is written once, into a slot of shared memory, and its answer is that same slot. As any camera it does
not wait: while `AHEAD` of its frames have no answer, it leaves frames out, and counts them.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import zenoh_pinned
from zenoh_pinned import workers

import png
from place import connecting
from reading import Reading, draw_readings
from scene import draw_frame

if TYPE_CHECKING:
    from numpy.typing import NDArray

POOL = "reader"
AHEAD = 2


@dataclass
class Film:
    """What has become of a camera's frames."""

    left_out: int = 0
    wrong: list[tuple[int, list[str]]] = field(default_factory=list)
    failed: Counter[str] = field(default_factory=Counter)
    times: list[tuple[float, float, float, float, float]] = field(default_factory=list)
    """Of each answer: sent, begun and ended by a worker, come back; and seconds in the models."""
    last: tuple[NDArray[Any], list[Reading]] | None = None


class Camera:
    """Films into a pool of workers."""

    def __init__(self, reader: workers.Client, shape: tuple[int, int, int]) -> None:
        self._reader, self._shape = reader, shape
        self.film = Film()

    async def shoot(self, number: int) -> None:
        """Draw one frame, and check what is read."""
        slot = self._reader.allocate(self._shape)
        with slot as frame:
            draw_frame(frame, number)
        del frame
        sent = time.monotonic()
        pending = self._reader.request(slot, attachment=json.dumps(self._shape), deadline=20)
        del slot  # the request has it
        try:
            answer = await pending
        except workers.RequestError as error:
            self.film.failed[type(error).__name__] += 1
            return
        came = time.monotonic()
        said = json.loads(answer.attachment)
        self.film.times.append((sent, said["begun"], said["ended"], came, said["in_model"]))
        readings = [Reading(text, score, tuple(box)) for text, score, box in said["readings"]]
        texts = [reading.text for reading in readings]
        if texts != [str(number)]:
            self.film.wrong.append((number, texts))
        self.film.last = answer.numpy(self._shape, "uint8"), readings

    async def shoot_all(self, first: int, rate: float, seconds: float) -> None:
        """Shoot at a rate, for so many seconds or until this process is asked to end."""
        stopped = asyncio.Event()
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, stopped.set)
        open_: set[asyncio.Task[None]] = set()
        begun, shot = time.monotonic(), 0
        while not stopped.is_set() and (not seconds or shot < rate * seconds):
            if len(open_) < AHEAD:
                task = asyncio.create_task(self.shoot(first + shot))
                open_.add(task)
                task.add_done_callback(open_.discard)
            else:
                self.film.left_out += 1
            shot += 1
            await asyncio.sleep(max(begun + shot / rate - time.monotonic(), 0))
        await asyncio.gather(*open_)


def main() -> None:
    """Film, write down what became of it, and save the last frame with what was read in it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("endpoint", help="where the supervisor's session listens")
    parser.add_argument("note", type=Path, help="the file for what became of the frames")
    parser.add_argument("--first", type=int, default=0, help="number of the first frame")
    parser.add_argument("--rate", type=float, default=15, help="frames a second")
    parser.add_argument("--seconds", type=float, default=10, help="how long; 0 until SIGTERM")
    parser.add_argument("--size", type=int, nargs=2, default=(640, 480), help="width and height")
    parser.add_argument("--save", type=Path, help="a PNG file for the last frame")
    options = parser.parse_args()
    width, height = options.size
    with (
        zenoh_pinned.Session(connecting(options.endpoint)) as session,
        workers.Client(session, POOL) as reader,
    ):
        camera = Camera(reader, (height, width, 3))
        asyncio.run(camera.shoot_all(options.first, options.rate, options.seconds))
        film = camera.film
        if options.save and film.last:
            seen, readings = film.last
            picture = seen.copy()
            draw_readings(picture, readings)
            png.save(picture, options.save)
        film.last = None
        options.note.write_text(json.dumps(vars(film)))


if __name__ == "__main__":
    main()
