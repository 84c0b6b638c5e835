"""What the server of the tests says: an ordinary host, a crowded one, an empty one, and a hostile one."""

from __future__ import annotations

import copy
import math
import random
from typing import Any

import models

Json = dict[str, Any]

MIB = 1 << 20
BOUNDS = [20, 50, 100, 200, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 50_000, 100_000, 1_000_000]
#: Runs as a script or an attribute wherever text is taken for HTML, and turns round what stands beside it.
HOSTILE = (
    "<img src=x onerror=\"window.broken='image'\"><script>window.broken='script'</script>\u202e{{broken}}"
)

PENDING = {"kind": "registration_pending", "frames": 4, "latest": "the segment is still being registered"}
OVER_BUDGET = {
    "kind": "over_budget",
    "frames": 212,
    "latest": "registering 66355200 bytes would exceed the budget of all processes of this user on this "
    "host: 4242538496 of 4294967296 are used; end a process that needs less, or raise "
    "ZENOH_PINNED_HOST_BYTES or max_host_bytes()",
}
SECONDS = [bound / 1_000_000 for bound in (50, 100, 250, 500)] + [
    bound / 1000 for bound in (1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1000, 2500, 5000, 10_000)
]
NO_DRIVER = {"kind": "no_driver", "frames": 1754, "latest": "no CUDA driver (libcuda.so) on this machine"}


def process(pid: int, name: str, lives: bool = True) -> Json:
    """Who somebody is."""
    return {"pid": pid, "name": name, "lives": lives}


def pool(name: str, producer: Json, map_: str, slot_bytes: int, attached: list[Json], **figures: Any) -> Json:
    """Make a pool of one segment whose slots are as the map says."""
    counted = {
        "allocations": 5000,
        "waits": 12,
        "timeouts": 0,
        "waited_seconds": 0.183,
        "reclaimed": 0,
        "rejected_releases": 0,
        "quarantined": map_.count("?"),
        "quarantine_reason": "",
    }
    segment = {
        "id": 2147483 + len(name),
        "slot_bytes": slot_bytes,
        "bytes": (len(map_) * slot_bytes) + 4096,
        "map": map_,
    }
    return {
        "name": name,
        "producer": producer,
        "bytes": segment["bytes"],
        "waiting": 0,
        "slots": len(map_),
        "free": map_.count("."),
        "held": map_.count("#"),
        "unconfirmed": map_.count("?"),
        "segments": [segment],
        "attached": attached,
        "figures": counted | figures,
    }


def told(identified: Json, frames: tuple[int, int, int, int], reasons: list[Json], **usage: int) -> Json:
    """Make a process that tells of itself; `frames` by path, the best first."""
    all_ = sum(frames)
    shares = [0, 0.02, 0.21, 0.41, 0.24, 0.08, 0.02, 0.012, 0.006, 0.002, 0, 0, 0, 0]
    buckets = [int(share * all_) for share in shares]
    return {
        **identified,
        "segment_bytes": 0,
        "registered_bytes": 0,
        "registrations": 0,
        "staging_bytes": 0,
        **usage,
        "figures": {
            "frames": dict(zip(("direct", "staged", "pageable", "host"), frames, strict=True)),
            "reasons": reasons,
            "copies": sum(frames[:3]),
            "copied_bytes": sum(frames[:3]) * 8294400,
            "copies_in_flight": 1 if frames[0] else 0,
            "holds_leaked": 0,
            "hand_over": {"bounds_us": BOUNDS, "buckets": buckets, "sum_seconds": all_ * 0.000_31},
        },
    }


def lane(publisher: Json, key: str, unread: int = 0, dropped: int = 0) -> Json:
    """Make a publisher's way into an inbox."""
    return {"publisher": publisher, "key": key, "written": 5000, "unread": unread, "dropped": dropped}


def worker(seat: int, state: str, **more: Any) -> Json:
    """Make a worker at its place."""
    return {
        "seat": seat,
        "incarnation": 1,
        "pid": 2300 + seat,
        "state": state,
        "since": 0.004 if state == "processing" else 12.0,
        "batches": 1 if state == "processing" else 0,
        "answered": 1200,
        "restarts": 0,
        "shares_memory": True,
        "joined": False,
        "placement": {},
        "why_failed": None,
    } | more


def workers(name: str, supervisor: Json, all_: list[Json], **more: Any) -> Json:
    """Make a pool of workers that does well."""
    answered = sum(one["answered"] for one in all_)
    shares = [0, 0, 0, 0, 0.02, 0.2, 0.55, 0.2, 0.02, 0.01, 0, 0, 0, 0, 0, 0, 0, 0]
    times = {
        "bounds": SECONDS,
        "buckets": [int(share * answered) for share in shares],
        "sum": answered * 0.0071,
    }
    return {
        "name": name,
        "pid": supervisor["pid"],
        "not_ready": None,
        "queued": 3,
        "processing": 2,
        "capacity": 256,
        "longest_wait": 0.0031,
        "accepted": answered + 5,
        "answered": answered,
        "refused": {},
        "failed": {},
        "batches": answered // 4,
        "batched": answered,
        "request_seconds": times,
        "queue_seconds": copy.deepcopy(times),
        "batch_seconds": copy.deepcopy(times),
        "p99": 0.025,
        "breaker": "closed",
        "breaker_opened": 0,
        "wanted": len(all_),
        "wanted_because": "enough",
        "arrivals_per_second": 59.5,
        "predicted_per_second": 61.2,
        "pressure": "low",
        "started": len(all_),
        "ended": 0,
        "evicted": {},
        "clients": 1,
        "workers": all_,
        "workers_left_out": 0,
        "supervisor": supervisor | {"started": 170},
        "silent_seconds": 0.4,
    } | more


def killed() -> list[Json]:
    """Two pools: workers of one are being killed, and nobody can start those of the other."""
    robot = process(2180, "robot")
    return [
        workers(
            "detector",
            robot,
            [
                worker(0, "processing", restarts=4, answered=3120),
                worker(1, "loading", pid=2391, restarts=3, since=0.8, answered=2210),
                worker(2, "dead", pid=None, restarts=2, since=0.1, answered=1904),
                worker(3, "processing", restarts=3, answered=2470, placement={"processors": "3"}),
            ],
            queued=251,
            processing=5,
            longest_wait=1.9,
            wanted=4,
            wanted_because="at the most",
            refused={"full": 312},
            failed={"expired": 17, "poisoned": 1},
            evicted={"silent": 1},
        ),
        workers(
            "ocr",
            robot,
            [
                worker(
                    0,
                    "failed",
                    pid=None,
                    restarts=5,
                    answered=0,
                    why_failed="weights/ocr.onnx cannot be read: No such file or directory (os error 2)",
                )
            ],
            not_ready="no worker can be started: weights/ocr.onnx cannot be read: No such file or directory",
            queued=0,
            processing=0,
            longest_wait=0.0,
            p99=None,
            breaker="half open",
            breaker_opened=2,
            wanted=1,
            wanted_because="below the least",
            clients=0,
            refused={"no_worker": 88},
        ),
    ]


def ordinary() -> Json:
    """Two cameras, a lidar, and who looks at them; one of them has died."""
    front, rear, lidar = process(2101, "camera-front"), process(2102, "camera-rear"), process(2110, "lidar")
    detector, planner, recorder = (
        process(2140, "detector"),
        process(2150, "planner"),
        process(2163, "recorder"),
    )
    viewer = process(2171, "viewer", lives=False)
    return {
        "at": 1_790_000_000_000,
        "version": "0.1.0",
        "host": {
            "memory_bytes": 301 * MIB,
            "registered_bytes": 443 * MIB,
            "limit_bytes": 4096 * MIB,
            "pressure": "low",
            "unreadable_accounts": 0,
            "shared_memory": {"free_bytes": 7700 * MIB, "total_bytes": 8192 * MIB},
        },
        "pools": [
            pool("camera/front", front, "##.#...#", 8294400, [detector, planner, recorder]),
            pool(
                "camera/rear",
                rear,
                "#?..#?..",
                8294400,
                [detector, viewer],
                quarantine_reason="viewer (2171) held them when it died; its end is not proven",
            ),
            pool(
                "lidar/top",
                lidar,
                "".join(".#"[at % 7 == 0] for at in range(64)),
                1 * MIB,
                [planner, recorder],
            ),
        ],
        "processes": [
            told(front, (0, 0, 0, 0), [], segment_bytes=8 * 8294400),
            told(rear, (0, 0, 0, 0), [], segment_bytes=8 * 8294400),
            told(lidar, (0, 0, 0, 0), [], segment_bytes=64 * MIB),
            told(
                detector,
                (9712, 4, 0, 0),
                [PENDING],
                registered_bytes=196 * MIB,
                registrations=3,
                staging_bytes=64 * MIB,
            ),
            told(planner, (4801, 212, 30, 0), [OVER_BUDGET], registered_bytes=128 * MIB, registrations=2),
            told(recorder, (0, 0, 0, 1754), [NO_DRIVER]),
        ],
        "workers": [
            workers(
                "detector",
                process(2180, "robot"),
                [
                    worker(0, "processing"),
                    worker(1, "ready", placement={"processors": "1"}),
                    worker(2, "idle"),
                ],
            ),
        ],
        "queues": [
            {
                "id": 99,
                "subscriber": detector,
                "capacity": 16,
                "overflow": "drop_oldest",
                "lanes": [lane(front, "camera/front"), lane(rear, "camera/rear", unread=1)],
            },
            {
                "id": 100,
                "subscriber": recorder,
                "capacity": 64,
                "overflow": "drop_oldest",
                "lanes": [
                    lane(front, "camera/front", unread=64, dropped=311),
                    lane(lidar, "lidar/top", unread=9),
                ],
            },
        ],
        "models": models.nobody(),
        "unreadable": [],
    }


def crowded() -> Json:
    """Ten pools, some with hundreds of slots, and fifty consumers that all look at all of them."""
    some = random.Random(7)
    producers = [process(3000 + at, f"producer-{at}") for at in range(10)]
    consumers = [process(4000 + at, f"consumer-{at:02}", lives=at % 17 != 16) for at in range(50)]
    host = ordinary()
    host["pools"] = [
        pool(
            f"robot-{at}/camera/{'left' if at % 2 else 'right'}/image",
            producer,
            "".join(some.choice("...####") for _ in range([8, 16, 64, 200, 512][at % 5])),
            8294400 >> (at % 5),
            consumers,
        )
        for at, producer in enumerate(producers)
    ]
    host["processes"] = [told(one, (0, 0, 0, 0), [], segment_bytes=64 * MIB) for one in producers] + [
        told(one, (4000 - at * 50, at * 3, 0, 0), [PENDING | {"frames": at * 3}], registered_bytes=at * MIB)
        for at, one in enumerate(consumers)
    ]
    states = ["ready", "processing", "idle", "spawning", "loading", "evicting", "dead", "failed"]
    host["workers"] = [
        workers(
            f"model-{at}-" + "long" * (at * 4),
            producers[at],
            [worker(seat, states[seat % 8]) for seat in range(4 << at)],
            workers_left_out=at,
        )
        for at in range(4)
    ]
    host["queues"] = [
        {
            "id": 500 + at,
            "subscriber": one,
            "capacity": 16,
            "overflow": "refuse",
            "lanes": [
                lane(producer, f"robot-{number}/camera", unread=some.randrange(16))
                for number, producer in enumerate(producers)
            ],
        }
        for at, one in enumerate(consumers)
    ]
    host["models"] = models.many()
    return host


def empty() -> Json:
    """Make a host on which nothing runs."""
    return ordinary() | {"pools": [], "workers": [], "processes": [], "queues": []}


def spoiled(value: Any) -> Any:
    """Put HTML in the place of every text."""
    if isinstance(value, str):
        return HOSTILE
    if isinstance(value, list):
        return [spoiled(item) for item in value]
    if isinstance(value, dict):
        return {
            key: value[key] if key in ("map", "overflow", "pressure") else spoiled(value[key])
            for key in value
        }
    return value


def hostile() -> Json:
    """Put HTML in every text, and a name as long as no screen is wide."""
    host = spoiled(ordinary())
    host["workers"] = spoiled(killed())
    host["models"] = spoiled(models.served())
    host["models"]["models"][1]["model"] = "wide" * 1000
    host["models"]["models"][2]["state"] = "constructor"
    host["pools"][0]["name"] = host["workers"][1]["name"] = "wide" * 1000
    host["workers"][0]["workers"][0]["state"] = "constructor"
    host["unreadable"] = [{"file": HOSTILE, "why": HOSTILE}]
    host[HOSTILE] = {HOSTILE: [{HOSTILE: HOSTILE}]}
    host["__proto__"] = {"polluted": "yes"}
    host["constructor"] = [HOSTILE, 17, None, True]
    return host


def later(host: Json, seconds: float) -> Json:
    """Count on: frames come in, slots change hands."""
    now = copy.deepcopy(host)
    now["at"] += round(seconds * 1000)
    frames = round(30 * seconds)
    for one in now["pools"] if isinstance(now["pools"], list) else []:
        if one["figures"]:
            one["figures"]["allocations"] += frames
    for one in now["workers"] if isinstance(now["workers"], list) else []:
        serving = [one for one in one["workers"] if one["state"] in ("ready", "processing", "idle")]
        if serving:
            one["answered"] += 2 * frames
            serving[0]["answered"] += 2 * frames
            for at, share in enumerate((0.1, 0.6, 0.25, 0.05), start=4):
                one["request_seconds"]["buckets"][at] += round(2 * frames * share)
    for one in now["processes"] if isinstance(now["processes"], list) else []:
        if one["figures"] and sum(one["figures"]["frames"].values()):
            best = max(one["figures"]["frames"], key=one["figures"]["frames"].get)
            one["figures"]["frames"][best] += frames
            if best != "host":
                one["figures"]["copied_bytes"] += frames * 8294400
            buckets = one["figures"]["hand_over"]["buckets"]
            for at, share in enumerate((0.05, 0.3, 0.45, 0.15, 0.05), start=1):
                buckets[at] += round(frames * share)
            one["figures"]["hand_over"]["sum_seconds"] += frames * 0.000_14 + 0.01 * math.sin(seconds / 10)
    if "models" in now:
        now["models"] = models.later(now["models"], seconds)
    return now
