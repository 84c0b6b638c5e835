"""A subscriber of zenoh's own Python package, which knows nothing of this library: KEY ENDPOINT..."""

import json
import sys
import threading

import zenoh

FRAME_BYTES = 1024


def main() -> None:
    """Check each frame until standard input closes, and say what has come of each publisher's life."""
    key, *endpoints = sys.argv[1:]
    config = zenoh.Config()
    config.insert_json5("connect/endpoints", json.dumps(endpoints))
    config.insert_json5("listen/endpoints", "[]")
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("scouting/gossip/enabled", "false")
    config.insert_json5("connect/timeout_ms", "-1")
    config.insert_json5("connect/exit_on_failure", "false")
    retry = {"period_init_ms": 20, "period_max_ms": 50, "period_increase_factor": 1}
    config.insert_json5("connect/retry", json.dumps(retry))
    lives: dict[int, list[int]] = {}
    faults: list[str] = []
    lock = threading.Lock()

    def came(sample: zenoh.Sample) -> None:
        payload = bytes(sample.payload)
        word = payload[:8]
        if payload != word * (FRAME_BYTES // 8):
            faults.append("torn")
        life, number = int.from_bytes(word[4:], "little"), int.from_bytes(word[:4], "little")
        with lock:
            first, last, frames, missing = lives.get(life, [number, number - 1, 0, 0])
            if number <= last:
                faults.append(f"{number} of {life} after {last}")
            lives[life] = [first, number, frames + 1, missing + number - last - 1]

    with zenoh.open(config) as session:
        subscriber = session.declare_subscriber(key, came)
        print("declared", flush=True)
        sys.stdin.read()
        subscriber.undeclare()
    summary = " ".join(":".join(map(str, [life, *numbers])) for life, numbers in lives.items())
    print(f"summary {summary}", flush=True)
    sys.exit("; ".join(faults) or None)


main()
