"""What the pipeline of `examples/matrices` says, and the cards that it brings."""

from __future__ import annotations

import copy
import math
from pathlib import Path

from figures import SECONDS, Json, spoiled
from server import Application

DASHBOARD = Path(__file__).resolve().parents[4] / "examples" / "matrices" / "src" / "dashboard"
MATRIX_BYTES = 8_000_000
MIB = 1 << 20
#: How many share the work of a role.
PROCESSES = {"pipeline": 1, "producer": 2, "compressor": 4, "writer": 1}


def process(role: str, seat: int, state: str, cpu: float, **more: object) -> Json:
    """Make one of the pipeline's processes."""
    return {
        "role": role,
        "seat": seat,
        "pid": 4101 + seat,
        "state": state,
        "cpu_share": cpu,
        "cpu_seconds": 41 * cpu,
        "memory_bytes": 61 * MIB,
        "queued": 0,
        "processing": int(state == "processing"),
        "answered": 2000 // PROCESSES[role],
        "restarts": 0,
        "since_seconds": 41.0,
        "why_failed": None,
    } | more


def task(name: str, mean: float, first: int, **more: object) -> Json:
    """Make a task whose times begin at a bucket."""
    buckets = [0] * (len(SECONDS) + 1)
    buckets[first : first + 3] = [300, 1500, 200]
    return {
        "task": name,
        "waiting": 0,
        "running": 1,
        "done": 2000,
        "failed": 0,
        "mean_seconds": mean,
        "p99_seconds": 3 * mean,
        "seconds": {"bounds": SECONDS, "buckets": buckets},
    } | more


def event(at: float, what: str, level: str = "info") -> Json:
    """Make an event of the log."""
    return {"at_seconds": at, "what": what, "level": level}


def ready(at: float, role: str, seat: int, pid: int) -> Json:
    """Say that a worker has come."""
    return event(at, f"{role} {seat} is process {pid}")


def killed(at: float, role: str, seat: int, ended: int, pid: int) -> Json:
    """Say that a worker was killed, and which process is in its place."""
    return event(at, f"{role} {seat} (process {ended}) has ended, process {pid} is in its place", "warning")


def ordinary() -> Json:
    """Four compressors of which one was killed, in the middle of forty thousand matrices."""
    compressors = [
        process("compressor", 0, "processing", 0.94, pid=4103, queued=3, memory_bytes=88 * MIB),
        process("compressor", 1, "processing", 0.96, pid=4104, queued=3, memory_bytes=87 * MIB),
        process(
            "compressor", 2, "loading", 0.31, pid=4211, queued=3, restarts=2, answered=411, since_seconds=0.4
        ),
        process("compressor", 3, "processing", 0.93, pid=4141, queued=3, restarts=1),
    ]
    return {
        "at": 1_790_000_000_000,
        "version": "0.1.0",
        "pipeline_stats": {
            "state": "running",
            "why": None,
            "since_seconds": 41.0,
            "matrices": {"wanted": 40_000, "produced": 2012, "compressed": 2004, "stored": 2000, "failed": 1},
            "raw_bytes": 2000 * MATRIX_BYTES,
            "stored_bytes": 2000 * MATRIX_BYTES * 10 // 32,
            "ratio": 3.2,
            "matrices_per_second": 51.2,
            "raw_bytes_per_second": 51.2 * MATRIX_BYTES,
            "buffers": {
                "most": 20,
                "buffer_bytes": MATRIX_BYTES,
                "used": 7,
                "peak": 14,
                "handed_out": 4024,
                "reused": 4004,
            },
            "roles": [
                {"role": "producer", "wanted": 2, "serving": 2, "restarts": 0},
                {"role": "compressor", "wanted": 4, "serving": 3, "restarts": 3},
                {"role": "writer", "wanted": 1, "serving": 1, "restarts": 0},
            ],
            "restarts": 3,
            "form": "1000x1000 float64",
            "output": "output",
        },
        "process_stats": [
            process("pipeline", 0, "running", 0.07, pid=4100, memory_bytes=34 * MIB),
            process("producer", 0, "processing", 0.64),
            process("producer", 1, "ready", 0.58),
            *compressors,
            process("writer", 0, "processing", 0.22, pid=4107, queued=1, memory_bytes=47 * MIB),
        ],
        "task_stats": {
            "tasks": [
                task("produce", 0.021, 7),
                task("compress", 0.071, 9, waiting=3, running=3, failed=1),
                task("store", 0.008, 6, waiting=1),
            ],
            "latest_failures": [
                {
                    "matrix": 1207,
                    "task": "compress",
                    "why": "two workers have died with it: the second was killed by signal 9",
                    "at_seconds": 24.6,
                }
            ],
        },
        "log": {
            "events": [
                event(0, "40000 matrices of 1000x1000 float64 go to output"),
                *(ready(0.3, "producer", seat, 4101 + seat) for seat in range(2)),
                *(ready(0.4, "compressor", seat, 4103 + seat) for seat in range(4)),
                ready(0.4, "writer", 0, 4107),
                killed(12.2, "compressor", 3, 4106, 4141),
                killed(24.4, "compressor", 2, 4105, 4168),
                event(
                    24.6, "matrix 1207 is left out, a compressor cannot compress it: out of memory", "warning"
                ),
                killed(40.6, "compressor", 2, 4168, 4211),
            ],
            "left_out": 0,
        },
    }


def endless() -> Json:
    """Make a pipeline that goes on until it is told to end, which has just begun."""
    host = ordinary()
    host["pipeline_stats"] |= {"ratio": None, "why": "until it is told to end"}
    host["pipeline_stats"]["matrices"] = dict.fromkeys(host["pipeline_stats"]["matrices"], 0) | {
        "wanted": None
    }
    for one in host["process_stats"]:
        one |= {"pid": None, "state": "spawning", "cpu_share": None, "memory_bytes": None}
    host["task_stats"]["latest_failures"] = []
    for one in host["task_stats"]["tasks"]:
        one |= {"mean_seconds": None, "p99_seconds": None, "failed": 0}
        one["seconds"] = {"bounds": SECONDS, "buckets": [0] * (len(SECONDS) + 1)}
    host["log"] = {"events": [], "left_out": 0}
    return host


def failed() -> Json:
    """Make a pipeline that has failed, with as many events and processes as there may be."""
    host = ordinary()
    host["pipeline_stats"] |= {
        "state": "failed",
        "why": "the output cannot be written: no space is left on it",
    }
    host["pipeline_stats"]["roles"][2]["serving"] = 0
    host["process_stats"] += [process("compressor", seat, "dead", 0, pid=None) for seat in range(4, 40)]
    host["process_stats"][7] |= {
        "state": "failed",
        "why_failed": "output: no space is left on the device (28)",
    }
    host["log"] = {"events": [event(at, f"event {at}") for at in range(150)], "left_out": 31}
    return host


def hostile() -> Json:
    """Put HTML in every text."""
    return spoiled(failed())


def later(host: Json, seconds: float) -> Json:
    """Count on: fifty matrices a second, fewer while a worker is missing."""
    now = copy.deepcopy(host)
    now["at"] += round(seconds * 1000)
    stats = now["pipeline_stats"]
    if not isinstance(stats, dict) or stats.get("state") != "running":
        return now
    missing = 30 * min(max(seconds - 180, 0), 12)
    more = int(51.2 * seconds + 54 * (1 - math.cos(seconds / 9)) - missing)
    speed = 51.2 + 6 * math.sin(seconds / 9)
    stats |= {"matrices_per_second": speed, "raw_bytes_per_second": speed * MATRIX_BYTES}
    matrices = stats["matrices"]
    for key in ("produced", "compressed", "stored"):
        matrices[key] += more
    stats["raw_bytes"] += more * MATRIX_BYTES
    stats["stored_bytes"] += int(more * MATRIX_BYTES * (0.3125 + 0.0004 * math.sin(seconds / 20)))
    stats["buffers"] |= {"handed_out": stats["buffers"]["handed_out"] + 2 * more}
    stats["buffers"] |= {"reused": stats["buffers"]["reused"] + 2 * more}
    stats["since_seconds"] += seconds
    for entry in [*now["log"]["events"][-6:], *now["task_stats"]["latest_failures"]]:
        entry["at_seconds"] += seconds
    for one in now["task_stats"]["tasks"]:
        buckets = one["seconds"]["buckets"]
        most = max(range(len(buckets)), key=buckets.__getitem__)
        one["done"] += more
        for at, share in enumerate((0.15, 0.65, 0.15, 0.05), start=max(1, most) - 1):
            buckets[at] += round(more * share)
    for one in now["process_stats"]:
        one["answered"] += more // PROCESSES.get(one["role"], 1)
        one["cpu_seconds"] += seconds * (one["cpu_share"] or 0)
        one["since_seconds"] += 0 if one["state"] == "loading" else seconds
    return now


def application() -> Application:
    """Bring its cards as the example does: a module each, some with a style sheet."""
    cards = {}
    for name in ("pipeline", "processes", "tasks", "log"):
        module, style = DASHBOARD / f"{name}.js", DASHBOARD / f"{name}.css"
        cards[name] = (module.read_text(), style.read_text() if style.exists() else None)
    return Application("matrices", cards, later)
