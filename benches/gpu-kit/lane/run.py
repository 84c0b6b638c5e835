"""The lane: tests and measurements of zenoh-pinned on a machine with a CUDA device, in the minutes it has.

`run.py OUT [--minutes N]`. Every stage has its own time, hands on what it does not use, and cannot take the
results of another one with it; each result is on disk as soon as it is known. The status is 0 only when all
of it ran and nothing failed. `run-on-gpu.sh` calls this.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
import time
from pathlib import Path

import conductor
import machine
from kit import DOUBLE, open_kit
from stages import STAGES

# For what comes before the first stage, and after the last.
RESERVE_SECONDS = 5.0
# Of the minutes that one has, the machine's own start and its transfers take some; these are the lane's.
LEAST_MINUTES = 1.0
# What the double calls its devices, also where it stands in for a real driver.
DOUBLE_NAME = "CUDA driver double"
MOST_LOG_BYTES = 8 << 20


def label(driver: dict[str, object]) -> str:
    """Name the first device."""
    devices = driver.get("devices")
    first = devices[0] if isinstance(devices, list) else {}
    if first.get("name") == DOUBLE_NAME:
        return DOUBLE
    return f"{first.get('name')}, CUDA {driver.get('CUDA version of the driver')}"


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("out", type=Path, help="the folder for the results")
    parser.add_argument("--minutes", type=float, default=8, help="how long all of it may take (default: 8)")
    parser.add_argument(
        "--brief", action="store_true", help="each stage does its least: to try the lane itself"
    )
    names = [stage.name for stage in STAGES]
    say = f"only this stage, of {', '.join(names)}; can be given again"
    parser.add_argument("--only", action="append", choices=names, metavar="STAGE", default=[], help=say)
    read = parser.parse_args()
    read.only = read.only or names
    if read.minutes < LEAST_MINUTES:
        parser.error(f"less than {LEAST_MINUTES:.0f} minute is no time for anything")
    return read


def main() -> int:
    """Run the lane."""
    began = time.monotonic()
    asked = arguments()
    signal.signal(signal.SIGINT, signal.default_int_handler)
    is_double = os.environ.get("ZENOH_PINNED_GPU_KIT_DOUBLE") == "1"
    kit = open_kit(Path(__file__).parent.parent, asked.out, is_double, asked.minutes * 60 - RESERVE_SECONDS)
    kit.brief = asked.brief
    kit.driver = machine.probe_driver(kit)
    if "missing" in kit.driver:
        kit.say(str(kit.driver["missing"]))
        kit.say("With ZENOH_PINNED_GPU_KIT_DOUBLE=1 everything runs against the driver double instead.")
        return 2
    kit.device = label(kit.driver)
    kit.say(f"device: {kit.device}")
    kit.save()
    lane = conductor.Lane(
        out=kit.out,
        stages=[stage for stage in STAGES if stage.name in asked.only],
        deadline=kit.deadline,
        minutes=asked.minutes,
        brief=kit.brief,
        about={"device": kit.device, "began": time.strftime("%Y-%m-%d %H:%M:%S"), "kit": kit.manifest()},
        command=conductor.stage_words(kit.folder),
        say=kit.say,
    )
    with machine.awake(kit):
        states = lane.run()
    bad = {state.stage: state.said or state.results or state.state for state in states if not state.succeeded}
    kit.say(f"NOT AS IT SHOULD BE: {bad}" if bad else "nothing failed")
    kit.say(f"the lane took {time.monotonic() - began:.0f} s")
    log = kit.out / "log.txt"
    if log.stat().st_size > MOST_LOG_BYTES:
        log.write_bytes(log.read_bytes()[-MOST_LOG_BYTES:])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
