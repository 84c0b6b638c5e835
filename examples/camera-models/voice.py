"""Several sounds heard by several workers at a time, one copy of the model's weights, and workers that die.

What a sound's model has heard is in the request and comes back with the answer, so each request may go to
another worker. Each line is a sound: how likely somebody speaks, second by second.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import sys
from pathlib import Path

import numpy as np
import zenoh_pinned
from zenoh_pinned import models, workers

from hearing import NOTHING, RATE, SAMPLES, Voice
from killer import Killer
from packaged import VOICE, path_of
from place import ALONE
from sound import sounds
from voice_worker import STATE

BARS = "▁▂▃▄▅▆▇█"
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}


async def listen(pool: workers.Workers, number: int) -> list[float]:
    """Have one sound heard, and return the probabilities."""
    probabilities, state = [], np.concatenate(NOTHING)
    for samples in sounds(number):
        slot = pool.allocate((SAMPLES + STATE,), "float32")
        with slot as given:
            given[:SAMPLES], given[SAMPLES:] = samples, state
        del given
        answer = (await pool.request(slot)).numpy((1 + STATE,), "float32")
        probabilities.append(float(answer[0]))
        state = answer[1:]
    return probabilities


async def listen_to_all(pool: workers.Workers, count: int, killer: Killer) -> list[list[float]]:
    """Have all sounds heard at the same time, while workers are killed, and return the probabilities."""
    listening = asyncio.gather(*(listen(pool, number) for number in range(count)))
    while not listening.done():
        await asyncio.sleep(0.01)
        killer.kill_if_due(pool)
    return await listening


def alone(voice: Voice, number: int) -> list[float]:
    """Hear a sound in this process, for comparison."""
    probabilities, heard = [], NOTHING
    for samples in sounds(number):
        probability, heard = voice.hear(samples, heard)
        probabilities.append(probability)
    return probabilities


def line(probabilities: list[float]) -> str:
    """Return a bar for each tenth of a second."""
    tenth = RATE / SAMPLES / 10
    means = [
        np.mean(probabilities[int(at * tenth) : int((at + 1) * tenth)])
        for at in range(int(len(probabilities) / tenth))
    ]
    return "".join(BARS[min(int(mean * len(BARS)), len(BARS) - 1)] for mean in means)


def main() -> None:
    """Have the sounds heard, print them, and compare."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--sounds", type=int, default=3, help="that are heard at the same time")
    parser.add_argument("--workers", type=int, default=2, help="processes that hear")
    parser.add_argument(
        "--kill", type=float, default=0.1, metavar="SECONDS", help="kill one when all are there so long"
    )
    options = parser.parse_args()
    server = f"voice-{os.getpid()}"
    command = [sys.executable, str(Path(__file__).with_name("voice_worker.py")), server]
    count = options.workers
    with (
        models.Registry() as registry,
        models.Server(registry, server),
        zenoh_pinned.Session(ALONE) as session,
        workers.Workers(
            "voice", command=command, session=session, environment=ONE_THREAD, range=(count, count)
        ) as pool,
    ):
        registry.add_source("voice", path_of(VOICE))
        if not pool.wait_until_ready(count):
            sys.exit(f"the workers are not ready: {pool.statistics()['workers'][0]['why_failed']}")
        killer = Killer(options.kill)
        heard = asyncio.run(listen_to_all(pool, options.sounds, killer))
        loads = registry.statistics()["loads"]
        weights = registry.load("voice")
        voice = Voice({name: weights[name].numpy() for name in weights})
        furthest = 0.0
        for number, probabilities in enumerate(heard):
            expected = alone(voice, number)
            furthest = max(furthest, float(np.abs(np.subtract(probabilities, expected)).max()))
            print(line(probabilities))
        del voice, weights
    print(f"{count} workers, killed {killer.killed}; {loads} load; furthest from one process: {furthest:.1g}")
    if furthest > 1e-5 or loads != 1:
        sys.exit("the workers did not hear what one process hears")


if __name__ == "__main__":
    main()
