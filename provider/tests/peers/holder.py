"""An ordinary eclipse-zenoh subscriber that holds the last few messages and says whether their bytes stay."""

import collections
import sys
import threading
import zlib

import zenoh

HELD = 3
MASK = (1 << 64) - 1


def word(sequence: int, index: int) -> bytes:
    """The 64-bit word at `index` of frame `sequence`, as the tests' `frames::fill` writes it."""
    value = (sequence + 1) * 0x9E3779B97F4A7C15 + index * 0xD1342543DE82EF95
    return (value & MASK).to_bytes(8, "little")


def main(endpoint: str, key: str) -> None:
    config = zenoh.Config()
    config.insert_json5("mode", '"peer"')
    config.insert_json5("scouting/multicast/enabled", "false")
    config.insert_json5("listen/endpoints", "[]")
    config.insert_json5("connect/endpoints", f'["{endpoint}"]')
    config.insert_json5("transport/shared_memory/enabled", "true")
    stop = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), stop.set()), daemon=True).start()
    checked = changed = raw = 0
    with zenoh.open(config) as session, session.declare_subscriber(key) as subscriber:
        print("listening", flush=True)
        held: collections.deque = collections.deque()
        while not stop.is_set():
            sample = subscriber.try_recv()
            if sample is None:
                stop.wait(0.001)
                continue
            raw += sample.payload.as_shm() is None
            content = bytes(sample.payload)
            sequence = int.from_bytes(bytes(sample.attachment), "little")
            changed += content[:8] != word(sequence, 0)
            held.append((sample, zlib.crc32(content)))
            if len(held) > HELD:
                oldest, checksum = held.popleft()
                changed += zlib.crc32(bytes(oldest.payload)) != checksum
                checked += 1
                del oldest
            del sample
        held.clear()
    print(f"checked {checked} {changed} {raw}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2])
