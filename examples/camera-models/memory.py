"""How much memory a process takes, as the kernel counts it."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple


class Memory(NamedTuple):
    """Bytes of a process."""

    own: int
    """That nobody else can have: never weights in shared memory, and no library's code."""
    part: int
    """Its part of everything: what several processes have mapped is divided among them (PSS)."""


def memory_of(pid: int | str = "self") -> Memory:
    """Return what a process has now; `OSError` where there is no such process."""
    lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]
    found = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines}
    return Memory(found["Anonymous"], found["Pss"])
