"""The project's own tests, against the driver that the lane has: each in a process of its own.

A test that fails runs once more, alone, because zenoh 1.10 can unlink what another session is just creating;
it counts as passed then, with what was said the first time. Tests that tell the double what to do leave
themselves out where the driver is real, and say so.
"""

from __future__ import annotations

import os
import tempfile
from concurrent.futures import ThreadPoolExecutor, as_completed
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import bounded

if TYPE_CHECKING:
    from pathlib import Path

    from kit import Kit
    from results import Results

TEST_SECONDS = 60.0
# For the last one to be killed and written down.
MARGIN_SECONDS = 1.0
BRIEF_TESTS = 6
# First what a device decides most about.
FIRST = ("registering", "device_copy")


@dataclass
class Test:
    """A test and what came of it."""

    binary: str
    name: str
    outcome: str = "not run"
    seconds: float = 0.0
    attempts: int = 0
    said: str = ""
    """Why it was left out, or the last of what it printed when it failed."""


def _names(kit: Kit, program: Path, *more: str) -> list[str]:
    listed = bounded.run([str(program), "--list", "--format", "terse", *more], 20, kit.environment)
    lines = listed.output.splitlines()
    return [line.removesuffix(": test") for line in lines if line.endswith(": test")]


def _collect(kit: Kit) -> list[Test]:
    programs = sorted((kit.built / "deps").iterdir(), key=lambda program: program.name)
    programs.sort(key=lambda program: program.name not in FIRST)
    tests = []
    for program in programs:
        workers = set(_names(kit, program, "--ignored"))
        names = _names(kit, program)
        if not names:
            tests.append(Test(program.name, "--list", "failed", said="it lists no tests"))
        for name in names:
            tests.append(Test(program.name, name, "ignored" if name in workers else "not run"))
    return tests


def _run(kit: Kit, test: Test) -> None:
    limit = min(TEST_SECONDS, kit.remaining() - MARGIN_SECONDS)
    if limit < 1:
        return
    environment = dict(kit.environment)
    if not kit.alone:
        environment["ZENOH_PINNED_TEST_HOST"] = "shared"
    program = str(kit.built / "deps" / test.binary)
    words = [*kit.alone, program, "--exact", test.name, "--nocapture"]
    # Names there carry a process id, which is the same in each new pid namespace.
    with tempfile.TemporaryDirectory(prefix="t", dir=kit.folder.parent, ignore_cleanup_errors=True) as own:
        ended = bounded.run(words, limit, {**environment, "TMPDIR": own})
    test.attempts += 1
    test.seconds = round(ended.seconds, 3)
    kit.note(f"--- {test.binary} {test.name}, {ended.seconds:.2f} s\n{ended.tail()}")
    if not ended.succeeded:
        test.outcome = "failed"
        test.said = ended.tail()
        kit.say(f"FAILED {test.binary} {test.name}")
        return
    skipped = [line for line in ended.output.splitlines() if "skipped: " in line]
    if skipped:
        test.said = skipped[0].partition("skipped: ")[2]
    test.outcome = "skipped" if skipped else "passed"


def _tell(results: Results, test: Test) -> None:
    results.add(**asdict(test))


def run(kit: Kit, results: Results) -> None:
    """Run as many tests as there is time for; the outcome of each is a result."""
    tests = _collect(kit)
    waiting = [test for test in tests if test.outcome == "not run"]
    for test in tests:
        if test.outcome == "failed":
            _tell(results, test)
    if kit.brief:
        waiting = waiting[:BRIEF_TESTS]
    # Beside each other only where each has a /dev/shm of its own.
    cores = os.cpu_count() or 1
    together = min(4, max(2, cores // 2)) if kit.alone else 1
    shared_memory = "its own for each test" if kit.alone else "the machine's"
    kit.say(f"tests: {len(waiting)}, {together} at a time, /dev/shm: {shared_memory}")
    failed: list[Test] = []
    with ThreadPoolExecutor(together) as pool:
        running = {pool.submit(_run, kit, test): test for test in waiting}
        for done, future in enumerate(as_completed(running), 1):
            future.result()
            test = running[future]
            if test.outcome == "failed" and kit.remaining() > MARGIN_SECONDS + 1:
                failed.append(test)
            else:
                _tell(results, test)
            if done % 20 == 0:
                kit.say(f"tests: {done} of {len(waiting)}")
    for test in failed:
        first = test.said
        _run(kit, test)
        if test.outcome != "failed":
            test.said = f"passed when run again; the first time it said\n{first}"
        _tell(results, test)
