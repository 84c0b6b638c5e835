"""The command line that all arms have: `python with_PEER.py FIGURE --seconds S` prints one line of JSON.

`{"arm": "mosec", "version": "0.9.8", "frames": {...}}`, or with `"skipped"` and the reason in place of the
figure where the peer is not there or does not start. What the peer says, and progress, goes to stderr.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import time
import traceback
from typing import TYPE_CHECKING, Any

import descendants

if TYPE_CHECKING:
    from collections.abc import Callable

FIGURES = ("frames", "small", "batching", "kill")


class Terms(argparse.Namespace):
    """What a figure is told: how long it measures, and how long it waits for what may never come."""

    figure: str
    seconds: float
    bound: float


def rate(loop: Callable[[float], int], seconds: float) -> float:
    """Return answers per second of `loop`, which goes on for so long and returns how many there were."""
    loop(min(1.0, seconds))
    gc.collect()
    begun = time.perf_counter()
    answered = loop(seconds)
    return round(answered / (time.perf_counter() - begun), 1)


def gain(loop_of: Callable[[int], float], batches: tuple[int, int] = (1, 8)) -> dict[str, Any]:
    """Return requests per second of both batch sizes, and what the greater gains."""
    one, many = (loop_of(batch) for batch in batches)
    return {"batch_1_per_s": one, "batch_8_per_s": many, "gain": round(many / one, 2), "engine_ms": 5.0}


def main(
    name: str, version: Callable[[], str], figures: dict[str, Callable[[Terms], dict[str, Any]]]
) -> None:
    """Measure the figure that the command line names, print it, and end whatever is left."""
    parser = argparse.ArgumentParser(description=f"{name}: one figure, as one line of JSON")
    parser.add_argument("figure", choices=FIGURES)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--bound", type=float, default=30.0, help="seconds to wait for what may never come")
    terms = parser.parse_args(namespace=Terms())
    descendants.adopt()
    own = os.getpid()
    # Workers that are forked from this process have the handler too.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit("told to end") if os.getpid() == own else os._exit(143))
    # Only the result is to be on stdout, whatever the peer's processes print.
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    result: dict[str, Any] = {"arm": name}
    try:
        result["version"] = version()
        result[terms.figure] = figures[terms.figure](terms)
    except (Exception, SystemExit) as error:  #
        traceback.print_exc()
        result["skipped"] = f"{type(error).__name__}: {error}"[:500]
    print(json.dumps(result), file=out, flush=True)
    descendants.end_all()
    # A peer's threads that wait for an answer that never comes would keep the interpreter.
    sys.stderr.flush()
    os._exit(0)
