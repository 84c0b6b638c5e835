"""The lane: tests and measurements of zenoh-pinned on a machine with a CUDA device, in under eight minutes.

Every part has its own time, one that fails never stops the rest, and all results are written to a few files.
The status is 0 only when nothing failed and no test was left for lack of time. `run-on-gpu.sh` calls this.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from pathlib import Path
from typing import TYPE_CHECKING

import benchmarks
import machine
import sanitizer
import suite
import tensors
from kit import DOUBLE, Kit, open_kit

if TYPE_CHECKING:
    from collections.abc import Callable

TOTAL_SECONDS = 460.0
# Name, what runs, and its seconds; the last one has what the others leave of the total.
PARTS: tuple[tuple[str, Callable[[Kit, float], object], float], ...] = (
    ("tests", suite.run, 150),
    ("tensors", tensors.run, 70),
    ("sanitizer", sanitizer.run, 40),
    ("camera", benchmarks.run_camera, 160),
    ("micro", benchmarks.run_micro, 100),
)
PACKING_SECONDS = 10.0
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


def failures(summary: object) -> list[str]:
    """Give what in a part's summary means that something failed or was not tried."""
    if not isinstance(summary, dict):
        return []
    bad = [f"{summary[key]} {key}" for key in ("failed", "not run") if summary.get(key)]
    if summary.get("outcome") == "failed":
        bad.append("failed")
    for name, part in summary.items():
        bad += [f"{name} {text}" for text in failures(part)]
    return bad


def run_parts(kit: Kit) -> dict[str, object]:
    """Run every part, whatever comes of those before."""
    summaries: dict[str, object] = {}
    for name, part, seconds in PARTS:
        limit = min(seconds, kit.remaining() - PACKING_SECONDS)
        kit.say(f"== {name}, at most {limit:.0f} s")
        try:
            summaries[name] = part(kit, limit)
        except Exception:
            kit.say(f"{name} broke off: {traceback.format_exc()}")
            summaries[name] = {"outcome": "failed", "said": traceback.format_exc()}
    benchmarks.pack(kit)
    return summaries


def main() -> int:
    """Run the lane into the folder that is the one argument."""
    # Started in the background it ignores this signal, and the tests that send it would inherit that.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    out = Path(sys.argv[1])
    is_double = os.environ.get("ZENOH_PINNED_GPU_KIT_DOUBLE") == "1"
    kit = open_kit(Path(__file__).parent.parent, out, is_double, TOTAL_SECONDS)
    driver = machine.probe_driver(kit)
    if "missing" in driver:
        kit.say(str(driver["missing"]))
        kit.say("With ZENOH_PINNED_GPU_KIT_DOUBLE=1 everything runs against the driver double instead.")
        return 2
    kit.device = label(driver)
    kit.say(f"device: {kit.device}")
    machine.report(kit, driver)
    with machine.awake(kit):
        summaries = run_parts(kit)
    bad = {name: failures(summary) for name, summary in summaries.items() if failures(summary)}
    kit.write(
        "summary.json", {"seconds": round(TOTAL_SECONDS - kit.remaining()), "bad": bad, "parts": summaries}
    )
    for name, summary in summaries.items():
        kit.say(f"{name}: {json.dumps(summary)}")
    kit.say(f"BAD: {json.dumps(bad)}" if bad else "nothing failed")
    log = out / "log.txt"
    if log.stat().st_size > MOST_LOG_BYTES:
        log.write_bytes(log.read_bytes()[-MOST_LOG_BYTES:])
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main())
