"""What a server of models says, made up: one with a model in each condition, one with many, and none."""

from __future__ import annotations

import copy
from typing import Any

Json = dict[str, Any]

MIB = 1 << 20
PLACE = "/run/user/1000/zpin-models-1000/default.socket"


def model(name: str, state: str, size: int, sessions: list[int], **more: Any) -> Json:
    """Make a model whose processes have a lease each."""
    return {
        "model": name,
        "state": state,
        "bytes": size,
        "read_bytes": size,
        "leases": len(sessions),
        "sessions": sessions,
        "idle_seconds": 0.0,
        "source": f"/opt/models/{name}.safetensors",
    } | more


def server(models: list[Json], **more: Any) -> Json:
    """Make a server that has these."""
    return {
        "server": PLACE,
        "models": models,
        "known": sorted({one["model"] for one in models}),
        "max_bytes": 8192 * MIB,
        "loads": 9,
        "failures": 0,
        "read_bytes": 11_840 * MIB,
        "leases": 41,
        "hits": 0,
        "evictions": 2,
        "expired": 3,
        "changed": 0,
    } | more


def nobody() -> Json:
    """Make what is said where nobody serves."""
    return server([], server=None, max_bytes=0, loads=0, read_bytes=0, leases=0, evictions=0, expired=0)


def served() -> Json:
    """Make models that processes of the ordinary host use, and one of each other condition."""
    return server(
        [
            model("detector", "ready", 1228 * MIB, [2140, 2150, 2163]),
            model("ocr", "ready", 310 * MIB, [], idle_seconds=12.4),
            model("segmenter", "loading", 2048 * MIB, [], read_bytes=700 * MIB, source=None),
            model("voice", "ready", 612 * MIB, [2150]),
            model("voice", "leaving", 596 * MIB, [2180]),
        ],
        known=["depth", "detector", "ocr", "segmenter", "voice"],
    )


def many() -> Json:
    """Make a hundred models that fifty consumers share, in memory that is nearly full."""
    consumers = list(range(4000, 4050))
    models = [
        model(
            f"family-{at % 7}/" + "long-name-" * (at % 9) + str(at), "ready", 80 * MIB, consumers[: at % 51]
        )
        for at in range(100)
    ]
    return server(models, known=[f"model-{at}" for at in range(30)])


def later(served: Any, seconds: float) -> Any:
    """Count on: a model is being loaded, one idles, and leases begin."""
    if not isinstance(served, dict) or served.get("server") is None or "loads" not in served:
        return served
    now = copy.deepcopy(served)
    now["loads"] += int(seconds // 60)
    now["leases"] += int(seconds // 15) + 6 * int(seconds // 90)
    for one in filter(None, now["models"]):
        if one.get("state") == "loading":
            one["read_bytes"] = (one["read_bytes"] + round(seconds * 4 * MIB)) % one["bytes"]
        if one.get("state") == "ready" and one["leases"] == 0:
            one["idle_seconds"] = (one["idle_seconds"] + seconds) % 30
    return now
