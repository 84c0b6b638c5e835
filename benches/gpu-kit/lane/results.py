"""What the lane has found out so far, on disk as soon as it is known.

`results.jsonl` has a line for each result of each stage; `status.json` says how far the lane is. A lane that
is killed leaves both as they were.
"""

from __future__ import annotations

import json
import os
from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

# A result of one of these outcomes makes the lane fail.
BAD = ("failed", "not run")


@dataclass
class Results:
    """The results of one stage."""

    folder: Path
    stage: str
    after_each: list[Callable[[], None]] = field(default_factory=list)
    """Called behind each line; tests of the lane break a stage there."""

    def add(self, **result: Any) -> None:
        """Add a result, and return when the disk has it."""
        line = json.dumps({"stage": self.stage, **result}, default=str) + "\n"
        file = os.open(self.folder / "results.jsonl", os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
        try:
            os.write(file, line.encode())
            os.fsync(file)
        finally:
            os.close(file)
        for call in self.after_each:
            call()


def read(folder: Path) -> list[dict[str, Any]]:
    """Read all results; the end of a line that was being written is left out."""
    path = folder / "results.jsonl"
    if not path.exists():
        return []
    lines = path.read_text(errors="replace").split("\n")[:-1]
    return [json.loads(line) for line in lines if line]


def outcomes(folder: Path, stage: str) -> Counter[str]:
    """Count the results of a stage by their outcome."""
    return Counter(result.get("outcome", "measured") for result in read(folder) if result["stage"] == stage)


def write_status(folder: Path, status: dict[str, Any]) -> None:
    """Replace `status.json` in one step."""
    partial = folder / "status.json.partial"
    partial.write_text(json.dumps(status, indent=1) + "\n")
    partial.replace(folder / "status.json")
