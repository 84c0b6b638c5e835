"""The camera benchmark and the micro-benchmarks, where the kit has them, and one archive of results."""

from __future__ import annotations

import os
import shutil
import tarfile
from typing import TYPE_CHECKING

import bounded
from kit import with_driver

if TYPE_CHECKING:
    from pathlib import Path

    from kit import Kit

# How they are started; OUT is the folder for what they write.
CAMERA = ("camera-bench", "run", "OUT", "--device-only")
MICRO = ("micro", "--bench", "^copy to the device|^registration, ")
MICRO_TABLES = ("micro-tables",)
TABLES_SECONDS = 5.0
MOST_BYTES = 15 << 20


def _environment(kit: Kit, folder: Path) -> dict[str, str]:
    folder.mkdir(parents=True, exist_ok=True)
    environment = {**with_driver(kit), "CRITERION_HOME": str(folder / "criterion")}
    if kit.is_double:
        # The micro-benchmarks leave the double out unless they are told that it is meant.
        environment["ZENOH_PINNED_BENCH_DOUBLE"] = "1"
    return environment


def _room(kit: Kit) -> list[str]:
    """Benchmarks share the machine's /dev/shm, as programs do, unless it is too small for them."""
    space = os.statvfs("/dev/shm")
    return [] if space.f_bavail * space.f_frsize >= 4 << 30 else kit.alone


def _measure(kit: Kit, words: list[str], folder: Path, limit: float) -> bounded.Ended | None:
    """Run one of them; None where the kit does not have it."""
    program = kit.built / words[0]
    if not program.exists():
        return None
    words = [*_room(kit), str(program), *(str(folder) if word == "OUT" else word for word in words[1:])]

    def beat(line: str) -> None:
        kit.say(f"{program.name}: {line}")

    ended = bounded.run(words, limit, _environment(kit, folder), beat)
    (folder / f"{program.name}.txt").write_text(f"{kit.device}\n{ended.output[-400_000:]}")
    kit.note(f"--- {program.name}, {ended.seconds:.1f} s\n{ended.tail(20_000)}")
    return ended


def _told(kit: Kit, name: str, ended: bounded.Ended | None) -> dict[str, object]:
    if ended is None:
        told: dict[str, object] = {"skipped": "not in this kit"}
    elif ended.succeeded:
        told = {"outcome": "measured", "seconds": round(ended.seconds, 1)}
    else:
        told = {"outcome": "failed", "seconds": round(ended.seconds, 1), "said": ended.tail(1500)}
    kit.say(f"{name}: {told.get('outcome', told.get('skipped'))}")
    return told


def run_camera(kit: Kit, limit: float) -> dict[str, object]:
    """Measure the way of a frame from a camera's process to the device."""
    folder = kit.folder / "results" / "camera"
    told = _told(kit, CAMERA[0], _measure(kit, list(CAMERA), folder, limit))
    if told.get("outcome") == "measured" and not (folder / "record.json").exists():
        told = {**told, "outcome": "failed", "said": "it left no record"}
    return told


def run_micro(kit: Kit, limit: float) -> dict[str, object]:
    """Measure registration and copies by themselves, and make tables of them."""
    folder = kit.folder / "results" / "micro"
    measured = _measure(kit, list(MICRO), folder, limit - TABLES_SECONDS)
    told = _told(kit, MICRO[0], measured)
    # Also of a run that was cut short.
    if (folder / "criterion").is_dir():
        tables = _measure(kit, list(MICRO_TABLES), folder, TABLES_SECONDS)
        told["tables"] = _told(kit, MICRO_TABLES[0], tables)
    return told


def pack(kit: Kit) -> None:
    """Write `benchmark.tar.gz`, without the largest files where it would be too large."""
    results = kit.folder / "results"
    archive = kit.out / "benchmark.tar.gz"
    if not results.is_dir():
        return
    while True:
        with tarfile.open(archive, "w:gz") as packed:
            packed.add(results, arcname="benchmark")
        files = [path for path in results.rglob("*") if path.is_file()]
        if archive.stat().st_size < MOST_BYTES or not files:
            break
        largest = max(files, key=lambda path: path.stat().st_size)
        kit.say(f"left out of the archive, it is too large: {largest.relative_to(results)}")
        largest.unlink()
    shutil.rmtree(results)
