"""The benchmarks of the kit: how they are started, and what becomes of what they say."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import bounded
from kit import with_driver

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from kit import Kit
    from results import Results

ROOM_BYTES = 4 << 30
# To end in time by themselves they are told a little less than they have.
MARGIN_SECONDS = 2.0


def folder(kit: Kit) -> Path:
    """Make and give the folder that the benchmark of cameras, with its parts, keeps its record in."""
    path = kit.out / "camera"
    path.mkdir(exist_ok=True)
    return path


def seconds(kit: Kit) -> str:
    """Tell the time that a benchmark may take, as its argument."""
    return str(max(kit.remaining() - MARGIN_SECONDS, 1.0))


def measure(
    kit: Kit, results: Results, words: Sequence[str], environment: dict[str, str] | None = None
) -> bounded.Ended:
    """Run one of them; each line that it says is a result, and so is its failure."""
    space = os.statvfs("/dev/shm")
    # They share the machine's /dev/shm, as programs do, unless it is too small for them.
    room = [] if space.f_bavail * space.f_frsize >= ROOM_BYTES else kit.alone
    program = kit.built / words[0]

    def line(text: str) -> None:
        results.add(said=text)
        kit.say(f"{program.name}: {text}")

    started = [*room, str(program), *words[1:]]
    ended = bounded.run(started, kit.remaining(), {**with_driver(kit), **(environment or {})}, line)
    if not ended.succeeded:
        results.add(outcome="failed", what=" ".join(words[:2]), said=ended.tail(2000))
    return ended
