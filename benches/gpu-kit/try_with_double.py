"""Tries the packed kit against the driver double, as it runs elsewhere: stages broken in turn, then whole.

It is unpacked elsewhere, with next to nothing in the environment, and what it leaves is looked at.

usage: try_with_double.py FOLDER_OF_THE_KIT OUT
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "lane"))
import results
from stages import STAGES

MINUTES = "8"
# What the machine that carries the kit gives back: so many files, so large, no deeper, named so.
MOST_FILES = 8
MOST_BYTES = 16 << 20
DEEPEST = 2
NAME_LETTERS = set("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._-")
STATES = {"fail": "failed", "hang": "out of time", "kill": "killed"}


class Wrong(Exception):
    """The lane did not behave."""


def run(kit: Path, out: Path, *arguments: str, breaks: str = "") -> int:
    """Run the kit, carried elsewhere; give its status."""
    shutil.rmtree(out, ignore_errors=True)
    with tempfile.TemporaryDirectory(prefix="zplane", dir="/tmp") as elsewhere:
        carried = Path(elsewhere) / "carried"
        shutil.copytree(kit, carried)
        environment = {
            "PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin",
            "HOME": elsewhere,
            "ZENOH_PINNED_GPU_KIT_DOUBLE": "1",
            "ZENOH_PINNED_LANE_BREAK": breaks,
        }
        words = [str(carried / "run-on-gpu.sh"), str(out), *arguments]
        return subprocess.run(words, cwd="/", env=environment, check=False).returncode


def states(out: Path) -> dict[str, dict[str, object]]:
    """Read how each stage ended."""
    status = json.loads((out / "status.json").read_text())
    if not status["ended"]:
        raise Wrong("the status does not say that the lane ended")
    return {state["stage"]: state for state in status["stages"]}


def check_files(out: Path) -> None:
    """Hold what was left against what can be brought home."""
    files = [path for path in out.rglob("*") if path.is_file()]
    for path in files:
        relative = path.relative_to(out)
        if len(relative.parts) - 1 > DEEPEST or not set(str(relative).replace("/", "")) <= NAME_LETTERS:
            raise Wrong(f"{relative} cannot be brought home")
        if path.stat().st_size > MOST_BYTES:
            raise Wrong(f"{relative} is too large to be brought home")
    if len(files) > MOST_FILES:
        raise Wrong(f"{len(files)} files are too many: {[str(path.relative_to(out)) for path in files]}")


def check_broken(out: Path, status: int, breaks: dict[str, str]) -> None:
    """Look whether the broken stages, and only they, were lost from where they broke."""
    ended = states(out)
    for stage in STAGES:
        state = ended[stage.name]
        expected = STATES[breaks[stage.name]] if stage.name in breaks else "done"
        found = results.outcomes(out, stage.name)
        if state["state"] != expected or not found or state["results"] != dict(found):
            raise Wrong(f"{stage.name} should be {expected}, with its results: {state}, {dict(found)}")
    if status != 1:
        raise Wrong(f"the lane ended with {status} though stages were broken")
    check_files(out)


def main() -> None:
    """Run all of it."""
    kit, out = Path(sys.argv[1]).resolve(), Path(sys.argv[2]).resolve()
    names = [stage.name for stage in STAGES]
    try:
        for way in STATES:
            # Every second one, so that each broken stage has whole ones before and after it.
            for first in (0, 1):
                breaks = dict.fromkeys(names[first::2], way)
                text = ",".join(f"{name}:{way}" for name, way in breaks.items())
                print(f"--- broken: {text}", flush=True)
                broken = out.with_name(out.name + "-broken")
                check_broken(broken, run(kit, broken, "--minutes", "8", "--brief", breaks=text), breaks)
        print("--- whole", flush=True)
        began = time.monotonic()
        status = run(kit, out, "--minutes", MINUTES)
        check_files(out)
        wrong = {name: state for name, state in states(out).items() if state["state"] != "done"}
        took = time.monotonic() - began
        if wrong or took > float(MINUTES) * 60:
            raise Wrong(f"after {took:.0f} s: {wrong}")
    except Wrong as error:
        sys.exit(f"The lane is not as it should be: {error}")
    sys.exit(status)


if __name__ == "__main__":
    os.umask(0o022)
    main()
