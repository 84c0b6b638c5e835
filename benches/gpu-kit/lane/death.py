"""How long the locks of a killed process stand after it was waited for, which sweeping relies on."""

from __future__ import annotations

import fcntl
import mmap
import os
import signal
import tempfile
import threading
import time

BYTES = 8 << 20
PATIENCE_SECONDS = 2.0


def _hold(path: str, ready: int) -> None:
    """Keep a lock by a mapping alone, with other threads about, until killed."""
    file = os.open(path, os.O_RDWR)
    fcntl.flock(file, fcntl.LOCK_SH)
    region = mmap.mmap(file, BYTES, flags=mmap.MAP_SHARED | mmap.MAP_POPULATE)
    os.close(file)
    for _ in range(6):
        threading.Thread(target=time.sleep, args=(60,), daemon=True).start()
    os.write(ready, b"x")
    time.sleep(60)
    region.close()


def once(folder: str) -> float:
    """Kill one, and give the milliseconds from its death to the end of its lock."""
    path = f"{folder}/locked"
    with open(path, "wb") as file:
        file.truncate(BYTES)
    reads, writes = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            _hold(path, writes)
        finally:
            os._exit(1)
    os.read(reads, 1)
    os.close(reads)
    os.close(writes)
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    dead = time.monotonic()
    file_again = os.open(path, os.O_RDONLY)
    try:
        while time.monotonic() - dead < PATIENCE_SECONDS:
            try:
                fcntl.flock(file_again, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                continue
            break
        return (time.monotonic() - dead) * 1e3
    finally:
        os.close(file_again)


def look(times: int) -> dict[str, object]:
    """Kill some, and tell how long it took."""
    with tempfile.TemporaryDirectory(dir="/dev/shm") as folder:
        took = sorted(once(folder) for _ in range(times))
    return {"kills": times, "median ms": round(took[times // 2], 3), "longest ms": round(took[-1], 3)}
