"""Running other programs: each for a bounded time, with all that it starts, and with its output kept."""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import subprocess
import tempfile
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

LOOK_SECONDS = 0.1


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
    on_line: Callable[[str], None] | None = None,
) -> Ended:
    """Run a program for `limit` seconds at most; what is left of its process group afterwards is killed.

    `on_line` is told each line of the output, soon after it was written.
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
        lines = _Lines(output.fileno(), on_line)
        try:
            timed_out = not _ends(process, began + max(limit, 0.1), lines)
        finally:
            with contextlib.suppress(ProcessLookupError, PermissionError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        lines.tell()
        text = _read(output.fileno(), 0)
    return Ended(process.returncode, timed_out, time.monotonic() - began, text)


def _read(file: int, start: int) -> str:
    """Read what the file holds from `start` on, without moving the position at which the program writes."""
    size = os.fstat(file).st_size
    return os.pread(file, max(size - start, 0), start).decode(errors="replace")


class _Lines:
    """The lines of a file that grows, each told once."""

    def __init__(self, file: int, on_line: Callable[[str], None] | None) -> None:
        self.file, self.on_line, self.told = file, on_line, 0

    def tell(self) -> None:
        """Tell those that are new and whole."""
        if self.on_line is None:
            return
        new = os.pread(self.file, max(os.fstat(self.file).st_size - self.told, 0), self.told)
        whole = new[: new.rfind(b"\n") + 1]
        self.told += len(whole)
        for line in whole.decode(errors="replace").splitlines():
            self.on_line(line)


def _ends(process: subprocess.Popen[bytes], deadline: float, lines: _Lines) -> bool:
    """Tell whether the process ends by then."""
    while (left := deadline - time.monotonic()) > 0:
        try:
            process.wait(left if lines.on_line is None else min(left, LOOK_SECONDS))
        except subprocess.TimeoutExpired:
            lines.tell()
        else:
            return True
    return False
