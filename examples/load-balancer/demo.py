"""A run that is looked at: the agent comes, a server slows down, the agent is killed and comes back."""

from __future__ import annotations

import json
import os
import signal
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from script import EVENTS, SPEEDS, end, start_agent, start_data_plane
from terminal import View
from watch import Watch

if TYPE_CHECKING:
    import subprocess
    from collections.abc import Callable

AGENT_COMES, AGENT_IS_KILLED, AGENT_IS_BACK = 0.1, 0.6, 0.68  # shares of the run


class Stage:
    """The processes that take part, and who looks on."""

    def __init__(self, program: Path, length: float, rate: float, seed: int, folder: Path) -> None:
        self.name = f"load-balancer-{os.getpid()}"
        self._length, self._seed, self._folder = length, seed, folder
        self._agent: subprocess.Popen[bytes] | None = None
        self.data_plane = start_data_plane(program, self.name, length=length, rate=rate, seed=seed)

    def start_agent(self) -> None:
        """Start an agent, which goes on with what the one before it has learned."""
        self._agent = start_agent(self.name, "learner", self._seed, self._folder / "learned.npz")

    def kill_agent(self) -> None:
        """Kill the agent wherever it is."""
        if self._agent is not None:
            self._agent.kill()
            self._agent.wait()

    def cues(self) -> list[tuple[float, str, Callable[[], None]]]:
        """Return what happens when, in seconds of the data plane's own time."""
        cues = [
            (AGENT_COMES, "the agent comes and learns from nothing", self.start_agent),
            (AGENT_IS_KILLED, "the agent is killed: its last action goes on", self.kill_agent),
            (AGENT_IS_BACK, "an agent is back, and goes on with what was learned", self.start_agent),
        ]
        cues += [(event.share, event.words, lambda: None) for event in EVENTS]
        return sorted(
            ((self._length * share, words, cue) for share, words, cue in cues), key=lambda cue: cue[0]
        )

    def attach(self) -> Watch:
        """Look on as soon as the region is there."""
        while True:
            try:
                return Watch(self.name)
            except FileNotFoundError:
                if self.data_plane.poll() is not None:
                    sys.exit("the data plane ended before it had made its region")
                time.sleep(0.01)

    def close(self) -> str:
        """End both sides, and return what the data plane has to say."""
        # One after the other: whoever closes last takes the region's name away.
        if self._agent is not None:
            end(self._agent)
        if self.data_plane.poll() is None:
            self.data_plane.send_signal(signal.SIGINT)
        text, _ = self.data_plane.communicate()
        return text


def play(stage: Stage, watch: Watch, view: View) -> None:
    """Look on until the data plane has ended, and do what is due by its own time."""
    cues = stage.cues()
    has_ended = False
    while not has_ended:
        has_ended = stage.data_plane.poll() is not None  # and what it wrote last is looked at once more
        watch.look()
        while cues and watch.seconds >= cues[0][0]:
            _, words, cue = cues.pop(0)
            view.note(watch.seconds, words)
            cue()
        view.show(watch)
        time.sleep(0.005)


def demo(program: Path, length: float, rate: float, seed: int) -> None:
    """Run it, until it is over or interrupted."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(program, length, rate, seed, Path(folder))
        try:
            watch = stage.attach()
            view = View(len(SPEEDS))
            try:
                play(stage, watch, view)
            except KeyboardInterrupt:
                view.note(watch.seconds, "interrupted")
            finally:
                view.close(watch)
                watch.close()
        finally:
            text = stage.close()
    if stage.data_plane.returncode != 0:
        sys.exit("the data plane failed")
    counts = json.loads(text)
    print(
        f"{counts['flows']} flows, {counts['refused']} refused by full servers; "
        f"{counts['actions']} actions applied, {counts['actions_refused']} refused"
    )
    left = Path("/dev/shm", stage.name)
    print(f"{left} is still there" if left.exists() else "nothing is left in /dev/shm")
