"""An unmodified sink: the released dora wheel, pyarrow and NumPy."""

import json
import os
import time

import numpy as np
from dora import Node


def is_shared(address: int) -> bool:
    """Whether the address lies in a mapped zenoh segment."""
    with open("/proc/self/maps", encoding="ascii") as maps:
        for line in maps:
            start, end = (int(part, 16) for part in line.split()[0].split("-"))
            if start <= address < end:
                return "/dev/shm/" in line and ".zenoh" in line
    return False


def main() -> None:
    expected: dict[int, np.ndarray] = {}
    with open(os.environ["JOURNAL"], "a", buffering=1, encoding="utf-8") as journal:

        def note(**entry: object) -> None:
            journal.write(json.dumps(entry) + "\n")

        node = Node()
        note(started=os.getpid())
        for event in node:
            arrived = time.monotonic_ns()
            if event["type"] == "INPUT":
                value = event["value"]
                frame = event["metadata"]["frame"]
                buffer = value.buffers()[1]
                address = buffer.address + value.offset * value.type.bit_width // 8
                words = np.frombuffer(buffer, np.uint8, len(value), value.offset)
                words = words[: len(words) // 8 * 8].view(np.uint64)
                places = expected.setdefault(
                    len(words), np.arange(len(words), dtype=np.uint64)
                )
                equal = np.array_equal(words, places | np.uint64(frame << 32))
                note(
                    frame=frame,
                    input=event["id"],
                    shared=is_shared(address),
                    aligned=address % 4096 == 0,
                    equal=bool(equal),
                    transport_ns=arrived - event["metadata"]["sent"],
                )
                time.sleep(float(os.environ.get("PAUSE", "0")) / 1000)
                del value, buffer, words
            elif event["type"] == "STOP" and "ENDS_AT_STOP" in os.environ:
                break
            elif event["type"] == "INPUT_CLOSED":
                note(closed=event["id"])
            # After a stop dora still has what was received before.
        note(ended=True)


if __name__ == "__main__":
    main()
