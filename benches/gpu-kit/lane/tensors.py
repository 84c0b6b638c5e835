"""Tensors: torch, CuPy and JAX beside a publisher, their streams and graphs, and programs for any driver.

None of it needs pytest. What a library lacks here, itself or a device, leaves it out with a message.
"""

from __future__ import annotations

import importlib.util
import json
import sys
from typing import TYPE_CHECKING

import bounded
from kit import with_driver

if TYPE_CHECKING:
    from pathlib import Path

    from kit import Kit
    from results import Results

LIBRARIES = ("host", "torch", "cupy", "jax")
PROGRAM_SECONDS = 40.0
LIBRARY_SECONDS = 60.0
MARGIN_SECONDS = 1.0


def _program(kit: Kit, name: str, limit: float) -> dict[str, object]:
    file = "library_programs.py" if name in _names(kit, "library_programs") else "device_programs.py"
    program = str(_nodes(kit) / file)
    ended = bounded.run([*kit.alone, sys.executable, program, name], limit, with_driver(kit))
    kit.note(f"--- {file} {name}\n{ended.tail()}")
    output = ended.output.lstrip()
    entry: dict[str, object] = {"test": name, "outcome": "failed"}
    if ended.succeeded and output.startswith("ok"):
        entry["outcome"] = "passed"
    elif ended.succeeded and output.startswith("skipped"):
        entry |= {"outcome": "skipped", "skipped": output.strip()}
    else:
        entry["said"] = ended.tail()
    return entry


def _nodes(kit: Kit) -> Path:
    return kit.folder / "python-tests" / "nodes"


def _names(kit: Kit, of: str) -> list[str]:
    names: list[str] = json.loads((_nodes(kit) / f"{of}.json").read_text())
    return names


def _library(kit: Kit, name: str, limit: float) -> dict[str, object]:
    program = str(kit.folder / "lane" / "tensor_programs.py")
    ended = bounded.run([*kit.alone, sys.executable, program, name], limit, with_driver(kit))
    kit.note(f"--- {name} beside a publisher\n{ended.tail()}")
    entry: dict[str, object] = {
        "test": f"{name} beside a publisher",
        "outcome": "failed",
        "said": ended.tail(),
    }
    lines = [line for line in ended.output.splitlines() if line.startswith("{")]
    if ended.succeeded and lines:
        said = json.loads(lines[-1])
        entry = {**entry, "outcome": "skipped" if "skipped" in said else "passed", **said}
        del entry["said"]
    return entry


def run(kit: Kit, results: Results) -> None:
    """Run as many of them as there is time for; the outcome of each is a result."""
    if importlib.util.find_spec("numpy") is None:
        results.add(test="all of them", outcome="skipped", skipped="numpy is not installed")
        return
    # Those that any driver can serve; the rest of the folder's tests tell the double what to do.
    programs = [*_names(kit, "library_programs"), *_names(kit, "any_driver")]
    if kit.brief:
        programs = programs[:2]
    tests = [(_library, name, LIBRARY_SECONDS) for name in LIBRARIES]
    tests += [(_program, name, PROGRAM_SECONDS) for name in programs]
    for test, name, most in tests:
        left = min(most, kit.remaining() - MARGIN_SECONDS)
        entry = test(kit, name, left) if left >= 1 else {"test": name, "outcome": "not run"}
        results.add(**entry)
        said = {key: value for key, value in entry.items() if key not in ("said", "test", "outcome")}
        kit.say(f"tensors: {entry['outcome']} {entry['test']} {json.dumps(said) if said else ''}")
