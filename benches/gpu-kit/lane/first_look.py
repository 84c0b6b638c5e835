"""The first minute: what machine this is, and how fast its device can be fed; a result for each line."""

from __future__ import annotations

import json
import mmap
import multiprocessing
import os
import subprocess
import sys
import time
from typing import TYPE_CHECKING, Any

import bounded
import death
import machine
from kit import with_driver

if TYPE_CHECKING:
    from kit import Kit
    from results import Results

TOUCHED_BYTES = 16 << 30
PROCESSES = 4
LIBRARIES = ("numpy", "torch", "cupy", "jax")
IMPORT_SECONDS = 25.0


def memory() -> dict[str, str]:
    """Read what the kernel says of memory; some virtual machines have more of it once it is used."""
    with open("/proc/meminfo") as file:
        lines = dict(line.split(":", 1) for line in file)
    return {key: lines[key].strip() for key in ("MemTotal", "MemFree", "MemAvailable", "Shmem")}


def _touch(size: int) -> None:
    with mmap.mmap(-1, size) as region:
        for start in range(0, size, mmap.PAGESIZE):
            region[start] = 1


def touch(size: int) -> float:
    """Touch so much memory, in several processes; give the seconds."""
    began = time.monotonic()
    starting = multiprocessing.get_context("fork")
    processes = [starting.Process(target=_touch, args=(size // PROCESSES,)) for _ in range(PROCESSES)]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return round(time.monotonic() - began, 2)


def begin_imports(kit: Kit) -> dict[str, subprocess.Popen[bytes]]:
    """Have libraries read from the disk: their first import takes gigabytes, later ones are quick."""
    return {name: _begin_import(kit, name) for name in LIBRARIES}


def _begin_import(kit: Kit, name: str) -> subprocess.Popen[bytes]:
    nowhere = subprocess.DEVNULL
    words = [sys.executable, "-c", f"import {name}"]
    return subprocess.Popen(words, env=kit.environment, stdin=nowhere, stdout=nowhere, stderr=nowhere)


def end_imports(imports: dict[str, subprocess.Popen[bytes]], limit: float) -> dict[str, str]:
    """Wait for them, so that they disturb no measurement; tell how each ended."""
    until = time.monotonic() + limit
    ended = {}
    for name, process in imports.items():
        try:
            status = process.wait(max(until - time.monotonic(), 0))
            ended[name] = "there" if status == 0 else "cannot be imported"
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            ended[name] = "took too long"
    return ended


def driver_file(kit: Kit) -> str | None:
    """Tell which file the driver is; programs and libraries may find different ones."""
    code = "import ctypes; ctypes.CDLL('libcuda.so.1'); print(open('/proc/self/maps').read())"
    maps = bounded.run([sys.executable, "-c", code], 20, with_driver(kit)).output
    return next((line.split()[-1] for line in maps.splitlines() if "libcuda" in line), None)


def run(kit: Kit, results: Results) -> None:
    """Write the results."""
    imports = begin_imports(kit)
    results.add(what="machine", **machine.describe(kit))
    results.add(what="driver", file=driver_file(kit), variables=os.environ.get("LD_LIBRARY_PATH"))
    available = int(memory()["MemAvailable"].split()[0]) << 10
    size = 1 << 30 if kit.brief or kit.is_double else min(TOUCHED_BYTES, available // 2)
    before = memory()
    seconds = touch(size)
    results.add(what="memory", before=before, touched=size, seconds=seconds, after=memory())
    began = time.monotonic()
    imported = end_imports(imports, min(IMPORT_SECONDS, kit.remaining() / 2))
    results.add(what="imports", waited=round(time.monotonic() - began, 1), **imported)
    results.add(what="locks of killed processes", **death.look(3 if kit.brief else 20))

    def line(text: str) -> None:
        if text.startswith("{"):
            copied: dict[str, Any] = json.loads(text)
            results.add(**copied)
            kit.say(f"{copied['memory']}, {copied['bytes']} bytes: {copied['GB/s']} GB/s, {copied['path']}")

    program = str(kit.built / "camera-bench")
    ended = bounded.run([program, "look"], kit.remaining(), with_driver(kit), line)
    kit.note(f"--- camera-bench look\n{ended.tail()}")
    if not ended.succeeded:
        results.add(what="copy to the device", outcome="failed", said=ended.tail())
