"""Ends every process below this one by its id, also those that made themselves daemons.

`adopt()` lets the kernel give orphans of this process's family to it, instead of to the first process of the
machine, so that nothing that a peer started can leave the family.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
import time
from contextlib import suppress
from pathlib import Path

PR_SET_CHILD_SUBREAPER = 36


def adopt() -> None:
    """Become the parent of every orphan of this process's family."""
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) != 0:
        print(f"orphans are not adopted: {os.strerror(ctypes.get_errno())}", file=sys.stderr)


def below(pid: int) -> list[int]:
    """Return the ids of all processes below one, children before theirs; ended ones are left out."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with suppress(OSError):
                # The name in the parentheses may hold spaces and parentheses of its own.
                state, parent, *_ = (entry / "stat").read_text().rpartition(")")[2].split()
                if state != "Z":
                    children.setdefault(int(parent), []).append(int(entry.name))
    found = children.get(pid, [])[:]
    for each in found:
        found.extend(children.get(each, []))
    return found


def end_all(patience: float = 3.0) -> None:
    """Ask all processes below this one to end, kill those that have not after `patience` seconds."""
    for number in (signal.SIGTERM, signal.SIGKILL):
        told: set[int] = set()
        ends = time.monotonic() + patience
        while time.monotonic() < ends:
            left = set(below(os.getpid()))
            if not left:
                return
            for pid in left - told:
                with suppress(ProcessLookupError):
                    os.kill(pid, number)
            told |= left
            with suppress(ChildProcessError):
                while os.waitpid(-1, os.WNOHANG)[0]:
                    pass
            time.sleep(0.02)
    print(f"still there: {below(os.getpid())}", file=sys.stderr)
