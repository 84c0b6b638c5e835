"""Running other programs: each for a bounded time, with all that it starts, and with its output kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

HEARTBEAT_SECONDS = 15.0


@dataclass(frozen=True)
class Ended:
    """How a program ended."""

    status: int
    """As `subprocess` gives it; negative for a signal."""
    timed_out: bool
    seconds: float
    output: str
    """Its standard output and its errors, as they came."""

    @property
    def succeeded(self) -> bool:
        """Whether it ended in time and with status 0."""
        return self.status == 0 and not self.timed_out

    def tail(self, characters: int = 4000) -> str:
        """Give the last of its output, and how it ended where that is not in there."""
        end = self.output[-characters:]
        if self.timed_out:
            return f"{end}\n[killed after {self.seconds:.0f} s]"
        return f"{end}\n[ended with {self.status}]" if self.status else end


def run(
    arguments: Sequence[str],
    limit: float,
    environment: Mapping[str, str],
    heartbeat: Callable[[str], None] | None = None,
) -> Ended:
    """Run a program for `limit` seconds at most; what is left of its process group afterwards is killed.

    `heartbeat` is told the last line of the output now and then.
    """
    began = time.monotonic()
    # A file, not a pipe: a forgotten grandchild that holds the other end must not keep this waiting.
    with tempfile.TemporaryFile() as output:
        # What opens /dev/stderr once more has an offset of its own: nobody writes over the others.
        fcntl.fcntl(output, fcntl.F_SETFL, fcntl.fcntl(output, fcntl.F_GETFL) | os.O_APPEND)
        try:
            process = subprocess.Popen(
                arguments,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=environment,
                start_new_session=True,
            )
        except OSError as error:
            return Ended(127, False, 0.0, f"{arguments[0]} cannot be started: {error}")
        ended = threading.Event()
        if heartbeat is not None:
            beating = (ended, output.fileno(), heartbeat)
            threading.Thread(target=_beat, args=beating, daemon=True).start()
        timed_out = False
        try:
            process.wait(max(limit, 0.1))
        except subprocess.TimeoutExpired:
            timed_out = True
        finally:
            ended.set()
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        text = _read(output.fileno(), 0)
    return Ended(process.returncode, timed_out, time.monotonic() - began, text)


def _read(file: int, start: int) -> str:
    """Read what the file holds from `start` on, without moving the position at which the program writes."""
    size = os.fstat(file).st_size
    return os.pread(file, max(size - start, 0), start).decode(errors="replace")


def _beat(ended: threading.Event, file: int, heartbeat: Callable[[str], None]) -> None:
    while not ended.wait(HEARTBEAT_SECONDS):
        with contextlib.suppress(OSError):
            end = _read(file, max(os.fstat(file).st_size - 2000, 0))
            lines = [line.strip() for line in end.splitlines() if line.strip()]
            heartbeat(lines[-1][:150] if lines else "no output yet")
