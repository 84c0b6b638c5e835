#!/usr/bin/env python3
"""What it costs a process to be observed: a camera and a viewer at 30 Hz, with and without a page that looks.

`cost.py [RECORD]` runs rounds that alternate between nobody looking and a browser's WebSocket on
`zenoh-pinned serve`, prints a table, and writes the record as JSON. Processor time is the kernel's, by thread
(`/proc/<pid>/task/*/schedstat`); the thread that shows a process's figures to others is `zpin-keeper`.
"""

from __future__ import annotations

import base64
import json
import os
import re
import socket
import statistics
import subprocess
import sys
import time
from pathlib import Path
from typing import NamedTuple

ROUNDS = 4
SECONDS = 10
FRAME_BYTES = 1920 * 1080 * 4

SESSION = '{"scouting": {"multicast": {"enabled": False}}, '
CAMERA = f"""
import sys, time, zenoh_pinned
with zenoh_pinned.Session({SESSION}"listen": {{"endpoints": [sys.argv[1]]}}}}) as session:
    publisher = session.declare_publisher("camera/observed", frame_bytes={FRAME_BYTES})
    print("ready", flush=True)
    while True:
        with publisher.allocate({FRAME_BYTES}) as image:
            image.fill(1)
        time.sleep(1 / 30)
"""
VIEWER = f"""
import sys, zenoh_pinned
with zenoh_pinned.Session({SESSION}"connect": {{"endpoints": [sys.argv[1]]}}}}) as session:
    frames = session.declare_subscriber("camera/observed")
    print("ready", flush=True)
    for frame in frames:
        del frame
"""


class Used(NamedTuple):
    """Processor time in nanoseconds."""

    process: int
    keeper: int


def used_by(pid: int) -> Used:
    """Return what a process has used so far, and its thread that shows figures."""
    process = keeper = 0
    for task in Path(f"/proc/{pid}/task").iterdir():
        used = int((task / "schedstat").read_text().split()[0])
        process += used
        if (task / "comm").read_text().strip() == "zpin-keeper":
            keeper += used
    return Used(process, keeper)


def start(program: str, endpoint: str) -> subprocess.Popen[str]:
    """Start a node and wait until it is ready."""
    command = [sys.executable, "-c", program, endpoint]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    if not process.stdout or process.stdout.readline() != "ready\n":
        sys.exit("a node did not start")
    return process


class Page:
    """`zenoh-pinned serve` with a browser's socket on it."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "zenoh_pinned", "serve", "--address", "127.0.0.1:0"]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        line = self.server.stdout.readline() if self.server.stdout else ""
        found = re.search(r"http://127\.0\.0\.1:(\d+)", line)
        if not found:
            sys.exit(f"the page did not start: {line!r}")
        port = int(found[1])
        self.socket = socket.create_connection(("127.0.0.1", port))
        key = base64.b64encode(os.urandom(16)).decode()
        self.socket.sendall(
            f"GET /ws HTTP/1.1\r\nHost: 127.0.0.1:{port}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
            f"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: {key}\r\n\r\n".encode()
        )
        self.socket.settimeout(10)
        if b" 101 " not in self.socket.recv(4096):
            sys.exit("the page gave no WebSocket")

    def read_for(self, seconds: float) -> int:
        """Read what is sent, as a browser does; return how many bytes that was."""
        ends, read = time.monotonic() + seconds, 0
        while (left := ends - time.monotonic()) > 0:
            self.socket.settimeout(left)
            try:
                read += len(self.socket.recv(1 << 16))
            except TimeoutError:
                break
        return read

    def end(self) -> None:
        """End the server."""
        self.socket.close()
        self.server.terminate()
        self.server.wait(10)


def measured(nodes: dict[str, int], page: Page | None) -> dict[str, float]:
    """Return the share of a core in percent that each took, over some seconds."""
    pids = nodes | ({"page's server": page.server.pid} if page else {})
    before = {name: used_by(pid) for name, pid in pids.items()}
    begun = time.monotonic_ns()
    if page:
        if page.read_for(SECONDS) == 0:
            sys.exit("the page sent nothing")
    else:
        time.sleep(SECONDS)
    took = time.monotonic_ns() - begun
    shares: dict[str, float] = {}
    for name, pid in pids.items():
        after = used_by(pid)
        shares[name] = 100 * (after.process - before[name].process) / took
        if name in nodes:
            shares[f"{name}'s thread that shows figures"] = 100 * (after.keeper - before[name].keeper) / took
    return shares


def main() -> None:
    """Measure, print and record."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        endpoint = f"tcp/127.0.0.1:{free.getsockname()[1]}"
    camera = start(CAMERA, endpoint)
    viewer = start(VIEWER, endpoint)
    nodes = {"camera": camera.pid, "viewer": viewer.pid}
    shares: dict[bool, dict[str, list[float]]] = {False: {}, True: {}}
    try:
        time.sleep(2)
        for number in range(2 * ROUNDS):
            is_watched = number % 2 == 1
            print(f"round {number + 1} of {2 * ROUNDS}", file=sys.stderr)
            page = Page() if is_watched else None
            for name, share in measured(nodes, page).items():
                shares[is_watched].setdefault(name, []).append(share)
            if page:
                page.end()
    finally:
        for process in (viewer, camera):
            process.kill()
            process.wait()
    print("| percent of a core, median (least to most) | nobody looks | a page looks, once a second |")
    print("|---|---|---|")
    for name, watched in shares[True].items():
        cells = [
            f"{statistics.median(found):.3f} ({min(found):.3f} to {max(found):.3f})" if found else ""
            for found in (shares[False].get(name, []), watched)
        ]
        print(f"| {name} | {cells[0]} | {cells[1]} |")
    shown = [statistics.median(shares[True][f"{node}'s thread that shows figures"]) for node in nodes]
    aim = {
        "aim": "showing figures takes under 0.1 percent of a core",
        "value": max(shown),
        "limit": 0.1,
        "reached": max(shown) < 0.1,
    }
    print(f"\n{aim['aim']}: {aim['value']:.3f}, {'reached' if aim['reached'] else 'missed'}")
    if len(sys.argv) > 1:
        record = Path(sys.argv[1])
        record.parent.mkdir(parents=True, exist_ok=True)
        named = {"nobody looks": shares[False], "a page looks": shares[True]}
        record.write_text(json.dumps({"seconds": SECONDS, "percent": named, "aims": [aim]}, indent=1))


if __name__ == "__main__":
    main()
