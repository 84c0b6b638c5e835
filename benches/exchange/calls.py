"""What calls of `zenoh_pinned.exchange` cost while a data plane writes at full speed, in microseconds.

``python calls.py REGION CALLS``: makes the region in another process, and prints one JSON object with the
median and the 99th percentile of each call, clock included. Calls take turns, so that all of them see the
same machine.
"""

from __future__ import annotations

import contextlib
import gc
import json
import signal
import statistics
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned.exchange import FEATURES, OBSERVATION, SERVERS, DataPlane, Exchange

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


def write(name: str) -> None:
    """Write observations until this process is told to end."""
    # Ends as a program does, so that the region's name goes away.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit())
    observation = np.zeros((), OBSERVATION)
    observation["active_as_bitmap"] = (1 << SERVERS) - 1
    observation["as_stats"]["n_flow_on"] = np.arange(SERVERS)
    for feature in FEATURES:
        observation["as_stats"][feature] = np.linspace(0, 1, SERVERS)
    observation["timestamp_us"] = time.time_ns() // 1000
    with DataPlane(name) as data_plane:
        data_plane.write_observation(observation)
        print("writing", flush=True)
        while True:
            data_plane.write_observation(observation)


@contextlib.contextmanager
def data_plane(name: str) -> Iterator[None]:
    """Have another process write."""
    program = [sys.executable, __file__, "--write", name]
    with subprocess.Popen(program, stdout=subprocess.PIPE) as process:
        try:
            if process.stdout is None or not process.stdout.readline():
                msg = "the data plane did not start"
                raise RuntimeError(msg)
            yield
        finally:
            process.terminate()


def sample(arms: dict[str, Callable[[], Any]], calls: int) -> dict[str, list[float]]:
    """Call each arm in turn, many times; what it returns is dropped outside the measured time."""
    taken: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(calls):
        for name, call in arms.items():
            begun = time.perf_counter_ns()
            result = call()
            taken[name].append((time.perf_counter_ns() - begun) / 1000)
            del result
    return taken


def main(name: str, calls: int) -> None:
    """Measure, and print."""
    record = np.zeros((), OBSERVATION)
    weights = np.linspace(1, 2, SERVERS, dtype=np.float32)
    numbers = weights.tolist()
    with data_plane(name), Exchange(name) as agent:
        while agent.read_into(record) is None:
            pass
        number = int(record["sequence_id"])
        arms: dict[str, Callable[[], Any]] = {
            "empty_call_us": lambda: None,
            "read_into_us": lambda: agent.read_into(record),
            "read_observation_us": agent.read_observation,
            "write_action_us": lambda: agent.write_action(number, weights),
            "write_action_of_a_list_us": lambda: agent.write_action(number, numbers),
        }
        gc.disable()
        sample(arms, min(calls, 1000))
        taken = sample(arms, calls)
    figures: dict[str, dict[str, float]] = {}
    for arm, times in taken.items():
        cuts = statistics.quantiles(times, n=100)
        figures[arm] = {"p50": round(cuts[49], 3), "p99": round(cuts[98], 3)}
    print(json.dumps(figures))


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["--write", name]:
            write(name)
        case [name, calls]:
            main(name, int(calls))
        case _:
            sys.exit(__doc__)
