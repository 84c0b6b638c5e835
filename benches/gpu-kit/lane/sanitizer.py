"""The device copies once more under NVIDIA's compute-sanitizer, where that is installed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import bounded

if TYPE_CHECKING:
    from kit import Kit

# Each is a test of its own: they come in this order, as many as there is time for.
TESTS = (
    "holds::a_slot_is_not_free_before_the_copy_out_of_it_has_executed",
    "destinations::a_device_writes_a_slot_that_is_published_when_it_has",
    "destinations::a_frame_is_copied_into_existing_device_memory_of_its_own_length_only",
    "staging::staged_frames_are_whole_though_their_staging_slots_are_used_again_and_again",
    "holds::a_hold_outlives_its_stream",
    "registrations::pinners_of_one_process_share_the_registration_of_a_segment",
    "holds::a_process_that_exits_with_copies_in_flight_makes_no_late_call",
)
TEST_SECONDS = 40.0
FOUND = 86


def _program() -> str | None:
    found = shutil.which("compute-sanitizer")
    if found is None:
        installed = sorted(Path("/usr/local").glob("cuda*/bin/compute-sanitizer"))
        found = str(installed[-1]) if installed else None
    return found


def _outcome(ended: bounded.Ended, errors: list[int]) -> str:
    """Judge by the errors that the tool counts; it can also not know the device, or take too long."""
    if any(errors):
        return "failed"
    return "clean" if ended.succeeded and errors else "could not tell"


def run(kit: Kit, limit: float) -> dict[str, object]:
    """Run the tests within `limit` seconds, and write `sanitizer.json`."""
    program = _program()
    if kit.is_double or program is None:
        why = "the driver double has no device" if kit.is_double else "compute-sanitizer is not installed"
        kit.write("sanitizer.json", {"skipped": why})
        return {"skipped": why}
    until = kit.remaining() - limit
    tests: list[dict[str, object]] = []
    for name in TESTS:
        left = min(TEST_SECONDS, kit.remaining() - until)
        if left < 5:
            tests.append({"test": name, "outcome": "no time left"})
            continue
        # The tests start themselves once more, so what they start is looked at too.
        words = [program, "--tool", "memcheck", "--target-processes", "all"]
        # The outer process of a test uses no CUDA.
        words += ["--require-cuda-init", "no", "--error-exitcode", str(FOUND)]
        test = [str(kit.built / "deps" / "device_copy"), "--exact", name, "--nocapture"]
        ended = bounded.run([*kit.alone, *words, *test], left, kit.environment)
        kit.note(f"--- compute-sanitizer {name}\n{ended.tail(20000)}")
        errors = [int(count) for count in re.findall(r"ERROR SUMMARY: (\d+) error", ended.output)]
        outcome = _outcome(ended, errors)
        entry: dict[str, object] = {"test": name, "outcome": outcome, "seconds": round(ended.seconds, 1)}
        tests.append(
            {**entry, "errors by process": errors, "said": "" if outcome == "clean" else ended.tail()}
        )
        kit.say(f"compute-sanitizer: {outcome} {name}")
    outcomes = ("clean", "failed", "could not tell", "no time left")
    summary: dict[str, object] = {
        outcome: sum(test["outcome"] == outcome for test in tests) for outcome in outcomes
    }
    kit.write("sanitizer.json", {"summary": summary, "program": program, "tests": tests})
    return summary
