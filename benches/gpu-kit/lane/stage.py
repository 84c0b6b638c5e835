"""One stage in a process of its own: `stage.py FOLDER_OF_THE_KIT NAME DEADLINE`.

`ZENOH_PINNED_LANE_BREAK=NAME:HOW,...` breaks the stages of these names behind their first result, to try the
lane: `fail` raises, `hang` never ends, `kill` is what the kernel does when memory runs out.
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING

from kit import Kit
from results import Results
from stages import STAGES

if TYPE_CHECKING:
    from collections.abc import Callable


class Broken(Exception):
    """A stage was asked to fail."""


def _hang() -> None:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    while True:
        time.sleep(1)


def _fail() -> None:
    raise Broken("asked to")


BREAKS: dict[str, Callable[[], None]] = {
    "fail": _fail,
    "hang": _hang,
    "kill": lambda: os.kill(os.getpid(), signal.SIGKILL),
}


def main() -> None:
    """Run the stage of this name."""
    folder, name, deadline = Path(sys.argv[1]), sys.argv[2], float(sys.argv[3])
    # Started in the background a lane ignores this signal, and the tests that send it would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    kit = Kit.load(folder, deadline)
    results = Results(kit.out, name)
    breaks = dict(
        word.split(":") for word in os.environ.get("ZENOH_PINNED_LANE_BREAK", "").split(",") if word
    )
    if name in breaks:
        results.after_each.append(BREAKS[breaks[name]])
    stage = next(stage for stage in STAGES if stage.name == name)
    importlib.import_module(stage.module).run(kit, results)


if __name__ == "__main__":
    main()
