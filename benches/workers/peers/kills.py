"""Figure `kill`: a worker is killed with SIGKILL; the time until the next answer, median of five.

Two cases, each with fresh workers for every try:

- `busy`: two workers, each kept busy by a caller with an engine of 20 ms, one of them killed within a
  request. `next_answer_ms` is that of a request sent right after the kill, sent again whenever it fails.
  `new_worker_ms` is the first answer of a worker that was not there before. `killed_request` tells what its
  caller saw.
- `only`: one worker, idle, killed; `next_answer_ms` as above, so it contains the start of another worker.

Nothing is waited for longer than a bound; what has not come by then is counted as `never`. After two tries in
which no answer came at all no more are made, so `tries` can be less than five.
"""

from __future__ import annotations

import os
import signal
import statistics
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    # Asks once, waiting for some seconds at most; returns the id of the process that answered.
    Ask = Callable[[float], int]
    # Starts so many workers whose engine takes so many seconds.
    Start = Callable[[int, float], AbstractContextManager[Ask]]

TRIES = 5
HELD = 0.020
WITHIN = 0.010


class Request(NamedTuple):
    """What became of one request; `by` is the worker that answered, or None."""

    begun: float
    ended: float
    by: int | None


class Caller(threading.Thread):
    """Asks again and again until it is told to stop."""

    def __init__(self, ask: Ask, bound: float) -> None:
        super().__init__(daemon=True)
        self.ask, self.bound = ask, bound
        self.requests: list[Request] = []
        self.pending = 0.0
        self.failure = ""
        self.is_over = False

    def run(self) -> None:
        """Ask until `is_over`."""
        while not self.is_over:
            self.pending = time.perf_counter()
            try:
                by = self.ask(self.bound)
            except Exception as error:  # Of whatever kind, it was not answered.
                by, self.failure = None, repr(error)[:200]
                time.sleep(0.001)
            self.requests.append(Request(self.pending, time.perf_counter(), by))

    def at(self, moment: float, bound: float) -> Request | None:
        """Return the request that was under way at `moment`, once it has ended; None if it never did."""
        ends = moment + bound
        while time.perf_counter() < ends:
            pending = self.pending  # Before the look at those that have ended, or one could slip between.
            for request in reversed(self.requests):
                if request.begun <= moment < request.ended:
                    return request
            if pending > moment:
                return Request(moment, moment, 0)  # It was between two requests.
            time.sleep(0.005)
        return None


def until(ask: Ask, begun: float, bound: float, *, other_than: set[int]) -> float | None:
    """Ask until a worker that is not in `other_than` answers; return the milliseconds since `begun`."""
    while (left := begun + bound - time.perf_counter()) > 0:
        try:
            if ask(left) not in other_than:
                return 1000 * (time.perf_counter() - begun)
        except Exception:  # Asked again until the bound.
            time.sleep(0.001)
    return None


def known(ask: Ask, count: int) -> list[int]:
    """Ask side by side until `count` workers have answered."""
    found: set[int] = set()
    ends = time.perf_counter() + 30
    while len(found) < count and time.perf_counter() < ends:
        callers = [Caller(ask, 5.0) for _ in range(2 * count)]
        for caller in callers:
            caller.start()
        time.sleep(0.2)
        for caller in callers:
            caller.is_over = True
            caller.join()
            found |= {request.by for request in caller.requests if request.by}
    if len(found) < count:
        message = f"{len(found)} of {count} workers answered within 30 s {callers[0].failure}"
        raise RuntimeError(message)
    return sorted(found)


def wait_for_answer_of(victim: int, callers: list[Caller]) -> None:
    """Return right after the victim has answered, which is when it is given its next request."""
    begun = time.perf_counter()
    while time.perf_counter() < begun + 5:
        if any(r.by == victim and r.ended > begun for caller in callers for r in caller.requests[-1:]):
            return
        time.sleep(0.0005)


def busy(start: Start, bound: float) -> dict[str, Any]:
    """Kill one of two workers within a request."""
    with start(2, HELD) as ask:
        workers = known(ask, 2)
        victim = workers[0]
        callers = [Caller(ask, 2 * bound) for _ in workers]
        for caller in callers:
            caller.start()
        wait_for_answer_of(victim, callers)
        time.sleep(WITHIN)
        killed = time.perf_counter()
        os.kill(victim, signal.SIGKILL)
        next_answer = until(ask, killed, bound, other_than={victim})
        new_worker = until(ask, killed, bound, other_than=set(workers))
        seen = [caller.at(killed, bound) for caller in callers]
        for caller in callers:
            caller.is_over = True
    if any(request is None for request in seen):
        outcome, after, reason = "never", None, ""
    else:
        ended = [request for request in seen if request is not None]
        failed = [request for request in ended if request.by is None]
        outcome = "failed" if failed else "answered"
        after = 1000 * (max(request.ended for request in failed or ended) - killed)
        reason = "; ".join(caller.failure for caller in callers if failed and caller.failure)
    return {
        "next_answer_ms": next_answer,
        "new_worker_ms": new_worker,
        "outcome": outcome,
        "after_ms": after,
        "reason": reason,
    }


def only(start: Start, bound: float) -> dict[str, Any]:
    """Kill the only worker while it is idle."""
    with start(1, 0.0) as ask:
        victim = known(ask, 1)[0]
        time.sleep(0.2)
        killed = time.perf_counter()
        os.kill(victim, signal.SIGKILL)
        return {"next_answer_ms": until(ask, killed, bound, other_than={victim})}


def tried(case: Callable[[Start, float], dict[str, Any]], start: Start, bound: float) -> list[dict[str, Any]]:
    """Try up to five times."""
    tries: list[dict[str, Any]] = []
    while len(tries) < TRIES and sum(each["next_answer_ms"] is None for each in tries) < 2:
        tries.append(case(start, bound))
        print(f"kill, {case.__name__}: {tries[-1]}", file=sys.stderr)
    return tries


def median(tries: list[dict[str, Any]], name: str) -> float | None:
    """Return the median of those that came."""
    came = [each[name] for each in tries if each[name] is not None]
    return round(statistics.median(came), 2) if came else None


def measured(start: Start, bound: float) -> dict[str, Any]:
    """Return the figure."""
    of_two, of_one = tried(busy, start, bound), tried(only, start, bound)
    outcomes = [each["outcome"] for each in of_two]
    return {
        "next_answer_ms": median(of_two, "next_answer_ms"),
        "bound_s": bound,
        "busy": {
            "tries": len(of_two),
            "engine_ms": 1000 * HELD,
            "next_answer_ms": median(of_two, "next_answer_ms"),
            "next_answer_never": sum(each["next_answer_ms"] is None for each in of_two),
            "new_worker_ms": median(of_two, "new_worker_ms"),
            "new_worker_never": sum(each["new_worker_ms"] is None for each in of_two),
            "killed_request": {name: outcomes.count(name) for name in ("answered", "failed", "never")},
            "killed_request_after_ms": median(of_two, "after_ms"),
        },
        "only": {
            "tries": len(of_one),
            "next_answer_ms": median(of_one, "next_answer_ms"),
            "next_answer_never": sum(each["next_answer_ms"] is None for each in of_one),
        },
    }
