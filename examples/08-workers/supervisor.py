"""A camera that has each of its frames looked at by a pool of workers, which come and go with the load."""

import sys
from collections import deque
from pathlib import Path

import zenoh_pinned
from zenoh_pinned import workers

COMMAND = [sys.executable, str(Path(__file__).with_name("worker.py"))]


def main() -> None:
    """Ask for 300 frames, up to eight at once, and print what the last one is answered."""
    config = {"scouting": {"multicast": {"enabled": False}}}
    with (
        zenoh_pinned.Session(config) as session,
        workers.Workers(
            "brightness", command=COMMAND, session=session, range=(1, 2), batch=8, delay=0.002
        ) as pool,
    ):
        pending: deque[workers.PendingAnswer] = deque()
        for number in range(300):
            slot = pool.allocate((1080, 1920))
            with slot as image:
                image[:] = number % 256  # a camera writes here: a NumPy view of the slot
            del image  # a view that is kept keeps its slot
            pending.append(pool.request(slot, in_order_of="camera", deadline=20))
            if len(pending) == 8:
                pending.popleft().result()
        said = [str(answer.result(), "utf-8") for answer in pending]
        print(f"the last frame: {said[-1]}")
        statistics = pool.statistics()
        print(f"{statistics['answered']} frames in {statistics['batches']} batches")


if __name__ == "__main__":
    main()
