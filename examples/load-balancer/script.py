"""What happens in a run: which servers there are, and when one slows down, leaves and comes back."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
SPEEDS = (200, 200, 150, 150, 100, 100, 100, 100)  # flows that each could end in a second
LOAD = 0.65


@dataclass(frozen=True)
class Event:
    """At a share of the run's length, a server has a factor of its speed; 0: it takes no new flows."""

    share: float
    server: int
    factor: float
    words: str


EVENTS = (
    Event(0.5, 0, 1 / 3, "server 0 slows down to a third"),
    Event(0.75, 7, 0, "server 7 leaves"),
    Event(0.875, 7, 1, "server 7 is back"),
)


def factor_of(server: int, share: float) -> float:
    """Return a server's factor at a share of the run."""
    factors = [event.factor for event in EVENTS if event.server == server and event.share <= share]
    return factors[-1] if factors else 1.0


def start_data_plane(
    program: Path,
    name: str,
    *,
    length: float,
    rate: float = 0,
    seed: int = 1,
    lockstep: bool = False,
    flows: Path | None = None,
) -> subprocess.Popen[str]:
    """Start the C program, in a session of its own: Ctrl-C is for whoever conducts."""
    words = [str(program), name, "--speeds", ",".join(map(str, SPEEDS)), "--load", str(LOAD)]
    words += ["--length", str(length), "--rate", str(rate), "--seed", str(seed)]
    words += ["--lockstep", str(int(lockstep))]
    for event in EVENTS:
        words += ["--event", f"{event.share * length}:{event.server}:{event.factor}"]
    if flows is not None:
        words += ["--flows", str(flows)]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True, start_new_session=True)


def start_agent(
    name: str, policy: str, seed: int = 1, memory: Path | None = None, length: float = 0
) -> subprocess.Popen[bytes]:
    """Start the agent, which waits for the region and ends some time after the data plane."""
    words = [sys.executable, str(HERE / "agent.py"), name, "--policy", policy, "--seed", str(seed)]
    words += ["--length", str(length)]
    if memory is not None:
        words += ["--memory", str(memory)]
    one_thread = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    return subprocess.Popen(words, env={**os.environ, **one_thread}, start_new_session=True)


def end(process: subprocess.Popen[Any], asked: signal.Signals = signal.SIGTERM) -> None:
    """Ask a process to end, and wait for it."""
    if process.poll() is None:
        process.send_signal(asked)
    process.wait()


def run_in_lockstep(program: Path, policy: str, *, length: float, seed: int, flows: Path) -> dict[str, float]:
    """Run a policy as fast as can be, each observation answered before the next one: the same at each try."""
    name = f"load-balancer-{os.getpid()}-{time.monotonic_ns()}"
    data_plane = start_data_plane(program, name, length=length, seed=seed, lockstep=True, flows=flows)
    agent = start_agent(name, policy, seed, length=length)
    try:
        text, _ = data_plane.communicate()
    finally:
        end(data_plane, signal.SIGINT)
        end(agent)
    if data_plane.returncode != 0:
        msg = f"the data plane ended with {data_plane.returncode}"
        raise RuntimeError(msg)
    counts: dict[str, float] = json.loads(text)
    return counts
