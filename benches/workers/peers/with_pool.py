"""`multiprocessing.Pool` with `multiprocessing.shared_memory`: `python with_pool.py FIGURE --seconds S`.

The standard library's own workers, forked from this process, as a careful user has them:

- `frames`: each camera has one block of shared memory, made once. It copies its frame in, which counts, and
  sends name and length over the pool's pipe; the two workers keep every block mapped. No copy could be left
  out, as the pixels are in the camera's own buffer.
- `small`: `imap` with chunks of 64 and one worker. Its pipe bounds what is outstanding. The requests have to
  be there as one iterable; `one_by_one_per_s` is what callers get who come with a request each, 1024 of them
  outstanding.
- `batching`: a pool has no batches. A chunk is one message, but an engine's call for each request in it
  (`gain`). `grouped_by_hand` is what the user gets who makes lists of 8 himself.
- `kill`: the pool starts another worker, but does not know what the killed one had. One that dies while it
  waits for work holds the lock of the queue, and none of the others gets work any more.
"""

from __future__ import annotations

import multiprocessing
import os
import platform
import threading
import time
from collections import deque
from contextlib import contextmanager, suppress
from itertools import cycle, islice, repeat
from multiprocessing.shared_memory import SharedMemory
from typing import TYPE_CHECKING, Any

import numpy as np

import arm
import cameras
import kills

if TYPE_CHECKING:
    from collections.abc import Iterator
    from multiprocessing.pool import AsyncResult

WORKERS = multiprocessing.get_context("fork")
# Pickle would send one object only once in a chunk.
PAYLOADS = [bytes([number]) * 64 for number in range(64)]
ENGINE = 0.005
OUTSTANDING = 1024

mapped: dict[str, SharedMemory] = {}


def see(name: str, length: int) -> bytes:
    """Answer with the first 8 bytes of the frame in a block."""
    if name not in mapped:
        mapped[name] = SharedMemory(name)
    frame = mapped[name].buf[:length]
    return bytes(frame[:8])


def echo(payload: bytes) -> bytes:
    """Answer with the request."""
    return payload


def engine(payload: bytes) -> bytes:
    """Answer one request in 5 ms."""
    time.sleep(ENGINE)
    return payload


def engine_of_many(payloads: list[bytes]) -> list[bytes]:
    """Answer a list of requests in 5 ms."""
    time.sleep(ENGINE)
    return payloads


def hold(seconds: float) -> int:
    """Answer with this process's id after some time."""
    time.sleep(seconds)
    return os.getpid()


def frames(terms: arm.Terms) -> dict[str, Any]:
    """Copy into a block, send its name."""
    # Blocks first: the workers share the process that tracks them only if that is there when they are forked.
    blocks = [SharedMemory(create=True, size=cameras.FRAME_BYTES) for _ in range(cameras.CAMERAS)]
    with WORKERS.Pool(cameras.CAMERAS) as pool:

        def through(block: SharedMemory) -> Any:
            there = np.ndarray(cameras.FRAME_BYTES, np.uint8, block.buf)

            def answer(pixels: np.ndarray) -> bytes:
                np.copyto(there, pixels)
                return pool.apply_async(see, (block.name, pixels.nbytes)).get(terms.bound)

            return answer

        try:
            return cameras.watched([through(block) for block in blocks], terms.seconds)
        finally:
            for block in blocks:
                with suppress(BufferError):
                    block.close()
                block.unlink()


def until(ends: float) -> Iterator[bytes]:
    """Give requests until a time."""
    while time.perf_counter() < ends:
        yield from PAYLOADS


def small(terms: arm.Terms) -> dict[str, Any]:
    """Send chunks of 64."""
    with WORKERS.Pool(1) as pool:

        def loop(seconds: float) -> int:
            requests = until(time.perf_counter() + seconds)
            return sum(1 for _ in pool.imap(echo, requests, chunksize=64))

        def one_by_one(seconds: float) -> int:
            under_way: deque[AsyncResult[bytes]] = deque()
            count = 0
            for request in until(time.perf_counter() + seconds):
                under_way.append(pool.apply_async(echo, (request,)))
                if len(under_way) == OUTSTANDING:
                    under_way.popleft().get(terms.bound)
                    count += 1
            return count + sum(1 for result in under_way if result.get(terms.bound))

        return {
            "requests_per_s": arm.rate(loop, terms.seconds),
            "one_by_one_per_s": arm.rate(one_by_one, terms.seconds),
            "workers": 1,
            "batch": 64,
        }


def batching(terms: arm.Terms) -> dict[str, Any]:
    """Compare chunks of 1 and 8, and lists of 8. What is asked for is bounded: a chunk of 8 takes 40 ms."""
    with WORKERS.Pool(1) as pool:

        def chunks(batch: int) -> float:
            def loop(seconds: float) -> int:
                count = max(8, int(seconds / ENGINE))
                return sum(1 for _ in pool.imap(engine, islice(cycle(PAYLOADS), count), chunksize=batch))

            return arm.rate(loop, terms.seconds)

        def lists(batch: int) -> float:
            def loop(seconds: float) -> int:
                count = max(1, int(seconds / ENGINE))
                return sum(map(len, pool.imap(engine_of_many, repeat(PAYLOADS[:batch], count))))

            return arm.rate(loop, terms.seconds)

        return arm.gain(chunks) | {"grouped_by_hand": arm.gain(lists)}


@contextmanager
def started(workers: int, held: float) -> Iterator[kills.Ask]:
    """Start a pool to kill workers of."""
    pool = WORKERS.Pool(workers)
    try:
        yield lambda bound: pool.apply_async(hold, (held,)).get(bound)
    finally:
        # It starts no more workers, then waits for the queue's lock, which a killed one may have for ever.
        ending = threading.Thread(target=pool.terminate, daemon=True)
        ending.start()
        ending.join(1)
        for process in multiprocessing.active_children():
            process.kill()


if __name__ == "__main__":
    arm.main(
        "pool",
        platform.python_version,
        {
            "frames": frames,
            "small": small,
            "batching": batching,
            "kill": lambda terms: kills.measured(started, terms.bound),
        },
    )
