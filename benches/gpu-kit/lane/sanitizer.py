"""The device copies once more under NVIDIA's compute-sanitizer, where that is installed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import TYPE_CHECKING

import bounded

if TYPE_CHECKING:
    from kit import Kit
    from results import Results

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
MARGIN_SECONDS = 1.0


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


def run(kit: Kit, results: Results) -> None:
    """Run as many of the tests as there is time for; the outcome of each is a result."""
    program = _program()
    if kit.is_double or program is None:
        why = "the driver double has no device" if kit.is_double else "compute-sanitizer is not installed"
        results.add(outcome="skipped", said=why)
        return
    for name in TESTS[:1] if kit.brief else TESTS:
        left = min(TEST_SECONDS, kit.remaining() - MARGIN_SECONDS)
        if left < 5:
            results.add(test=name, outcome="no time left")
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
        said = "" if outcome == "clean" else ended.tail()
        seconds = round(ended.seconds, 1)
        results.add(test=name, outcome=outcome, seconds=seconds, errors_by_process=errors, said=said)
        kit.say(f"compute-sanitizer: {outcome} {name}")
