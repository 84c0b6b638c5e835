"""Runs the stages one after the other, each in a process of its own, whatever comes of the others.

A stage that does not end in time is killed with everything that it has started. What it had found out by then
is among the results, and the status says how it ended.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import results
import stages

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from stages import Stage

# A stage keeps its own time; this is for one that does not.
GRACE_SECONDS = 3.0
# Everything that a stage starts inherits it, and is found by it.
MARK = "ZENOH_PINNED_LANE_STAGE"


@dataclass
class State:
    """How far a stage is."""

    stage: str
    state: str = "waiting"
    """waiting, running, done, failed, killed, out of time, no time left"""
    limit: float = 0.0
    seconds: float = 0.0
    results: dict[str, int] | None = None
    said: str = ""

    @property
    def succeeded(self) -> bool:
        """Whether it ended by itself and nothing in it went wrong."""
        return self.state == "done" and not any((self.results or {}).get(outcome) for outcome in results.BAD)


@dataclass
class Lane:
    """A run of all stages."""

    out: Path
    stages: Sequence[Stage]
    deadline: float
    minutes: float
    brief: bool
    about: dict[str, Any]
    """What the status begins with: device, kit."""
    command: Callable[[Stage, float], list[str]]
    """The words that start a stage, given the moment at which it must have ended."""
    say: Callable[[str], None]

    def run(self) -> list[State]:
        """Run all of them, and give how each ended."""
        states = [State(stage.name) for stage in self.stages]
        self._tell(states)
        for index, (stage, state) in enumerate(zip(self.stages, states, strict=True)):
            left = self.deadline - time.monotonic()
            limit = stages.limit(self.stages, index, left, self.minutes)
            state.limit = round(min(limit, stages.BRIEF_SECONDS) if self.brief else limit, 1)
            if state.limit < 1:
                state.state = "no time left"
                continue
            self.say(f"== {stage.name}, at most {state.limit:.0f} s")
            state.state = "running"
            self._tell(states)
            self._one(stage, state)
            found = results.outcomes(self.out, stage.name)
            state.results = dict(found)
            counts = ", ".join(f"{count} {outcome}" for outcome, count in found.items()) or "no results"
            self.say(f"== {stage.name}: {state.state} after {state.seconds:.0f} s, {counts}")
            self._tell(states)
        self._tell(states, ended=True)
        return states

    def _one(self, stage: Stage, state: State) -> None:
        began = time.monotonic()
        mark = f"{os.getpid()}/{stage.name}"
        words = self.command(stage, began + state.limit)
        with subprocess.Popen(words, env={**os.environ, MARK: mark}, stdin=subprocess.DEVNULL) as process:
            try:
                process.wait(state.limit + GRACE_SECONDS)
            except subprocess.TimeoutExpired:
                state.state = "out of time"
                process.kill()
            process.wait()
        end_all(mark)
        state.seconds = round(time.monotonic() - began, 1)
        if state.state == "out of time":
            state.said = "it did not end and was killed"
        elif process.returncode < 0:
            state.state = "killed"
            state.said = signal.Signals(-process.returncode).name
        else:
            state.state = "failed" if process.returncode else "done"
            state.said = f"status {process.returncode}" if process.returncode else ""

    def _tell(self, states: list[State], *, ended: bool = False) -> None:
        left = round(self.deadline - time.monotonic())
        shown = [asdict(state) for state in states]
        status = {
            **self.about,
            "minutes": self.minutes,
            "seconds left": left,
            "ended": ended,
            "stages": shown,
        }
        results.write_status(self.out, status)


def end_all(mark: str) -> None:
    """Kill every process that carries the mark."""
    wanted = f"{MARK}={mark}".encode()
    for folder in Path("/proc").iterdir():
        if not folder.name.isdigit() or int(folder.name) == os.getpid():
            continue
        with contextlib.suppress(OSError):
            if wanted in (folder / "environ").read_bytes().split(b"\0"):
                os.kill(int(folder.name), signal.SIGKILL)


def stage_words(folder: Path) -> Callable[[Stage, float], list[str]]:
    """Start stages by `stage.py` of this folder, with the kit that is there."""
    program = str(Path(__file__).with_name("stage.py"))

    def words(stage: Stage, deadline: float) -> list[str]:
        return [sys.executable, "-u", program, str(folder), stage.name, str(deadline)]

    return words
