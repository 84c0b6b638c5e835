#!/usr/bin/env python3
"""Messages of many sizes from a Python node to an unmodified one: dora's own outputs against pinned ones.

`sizes.py DORA` runs the dataflows with that CLI and prints a table; the nodes are this file too. Both ways
have a pool of 256 MiB that is there before the first message. The arms alternate round by round.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

SIZES = [8, 4 << 10, 40 << 10, 4_000_000, 8_300_000, 40_000_000]
ROUNDS = 3
PACED = 100
POOL_BYTES = 256 << 20
SLOWER_FROM = 10_000_000


def burst_of(size: int) -> int:
    """Return how many messages of a size are sent as fast as possible."""
    return 2000 if size < 100_000 else 200 if size < SLOWER_FROM else 60


def source(how: str) -> None:
    """Send messages at a pace, then as fast as possible, size by size."""
    import pyarrow as pa

    if how == "dora":
        from dora import Node

        node, options = Node(), {}
    else:
        from zenoh_pinned.dora import Node

        # What dora's own output loses in a burst shows in the table; this one waits.
        node, options = Node(), {"pinned": True, "timeout": 10}
        node.prepare("data", max(SIZES), timeout=10)
    time.sleep(1)

    def send(kind: str, number: int) -> None:
        metadata = {"size": size, "kind": kind, "number": number, "sent": time.monotonic_ns()}
        node.send_output("data", array, metadata, **options)

    for size in SIZES:
        array = pa.array(np.zeros(size, "uint8"))
        for number in range(PACED):
            send("paced", number)
            time.sleep(0.01 if size < SLOWER_FROM else 0.05)
        time.sleep(0.3)
        for number in range(burst_of(size)):
            send("burst", number)
        time.sleep(1)


def sink(path: Path) -> None:
    """Note when each message arrives, and what became of the bursts."""
    from dora import Node

    paced: dict[int, list[float]] = defaultdict(list)
    burst: dict[int, list[int]] = defaultdict(list)
    for event in Node():
        if event["type"] != "INPUT":
            continue
        arrived, metadata = time.monotonic_ns(), event["metadata"]
        if metadata["kind"] == "paced":
            paced[metadata["size"]].append((arrived - metadata["sent"]) / 1e6)
        else:
            burst[metadata["size"]].append(arrived)
    path.write_text(json.dumps({"paced": paced, "burst": burst}))


def run(dora: str, how: str) -> dict[str, dict[str, list[float]]]:
    """Run one dataflow, and return what its sink noted."""
    with tempfile.TemporaryDirectory() as folder:
        found = Path(folder) / "found.json"
        environment = {"HOW": how, "FOUND": str(found)}
        pool = {"DORA_NODE_SHM_POOL_SIZE": str(POOL_BYTES), "ZENOH_PINNED_MAX_BYTES": str(POOL_BYTES)}
        queue = {"source": "source/data", "queue_size": 10_000}
        node = {"path": __file__}
        nodes = [
            {"id": "source", "env": {"ROLE": "source", **environment, **pool}, "outputs": ["data"], **node},
            {"id": "sink", "env": {"ROLE": "sink", **environment}, "inputs": {"data": queue}, **node},
        ]
        # JSON is YAML too.
        (Path(folder) / "dataflow.yml").write_text(json.dumps({"nodes": nodes}))
        subprocess.run([dora, "run", "dataflow.yml"], cwd=folder, check=True, stdout=subprocess.DEVNULL)
        return json.loads(found.read_text())


def main(dora: str) -> None:
    """Run all rounds, and print the table."""
    os.environ["PATH"] = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    os.environ["VIRTUAL_ENV"] = str(Path(sys.executable).parent.parent)
    rounds = [{how: run(dora, how) for how in ("dora", "pinned")} for _ in range(ROUNDS)]
    print("| message, Python to Python | | paced: p50 / p99 ms | burst: messages/s of each round | lost |")
    print("|---|---|---|---|---|")
    for size in SIZES:
        for how in ("dora", "pinned"):
            found = [each[how] for each in rounds]
            latencies = np.concatenate([one["paced"].get(str(size), []) for one in found])
            bursts = [one["burst"].get(str(size), []) for one in found]
            rates = [(len(at) - 1) / ((at[-1] - at[0]) / 1e9) for at in bursts if len(at) > 1]
            lost = ROUNDS * (burst_of(size) + PACED) - sum(map(len, bursts)) - len(latencies)
            p50, p99 = np.percentile(latencies, [50, 99])
            listed = ", ".join(f"{rate:.0f}" for rate in rates)
            print(f"| {size} bytes | {how} | {p50:.2f} / {p99:.2f} | {listed} | {lost} |")


if os.environ.get("ROLE") == "source":
    source(os.environ["HOW"])
elif os.environ.get("ROLE") == "sink":
    sink(Path(os.environ["FOUND"]))
else:
    main(sys.argv[1])
