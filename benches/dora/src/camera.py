"""The camera node in Python: the stock wheel's, or with pinned outputs."""

import os
import time
from pathlib import Path

import numpy as np
import pyarrow as pa

HEIGHT, WIDTH, CHANNELS = 1080, 1920, 4
WARM_UP = 10


def main() -> None:
    """Send the frames that the environment orders, and write the CPU time for those that count."""
    folder = Path(os.environ["FOLDER"])
    frames, interval = int(os.environ["FRAMES"]), int(os.environ["INTERVAL_US"]) * 1000
    how = os.environ["HOW"]
    if how == "stock":
        from dora import Node
    else:
        from zenoh_pinned.dora import Node
    node = Node()
    now = time.monotonic_ns
    cpu = 0
    calls: list[int] = []
    started = now()
    for frame in range(frames):
        time.sleep(max(started + frame * interval - now(), 0) / 1e9)
        if frame == WARM_UP:
            (folder / "warm").touch()
            cpu = time.process_time_ns()
        metadata = {"frame": frame, "begun": now()}
        if how == "in place":
            before = now()
            with node.allocate("image", (HEIGHT, WIDTH, CHANNELS), "uint8", metadata, timeout=1) as image:
                allocated = now() - before
                image.fill(frame & 255)
                metadata["sent"] = sent = now()
            calls.append(allocated + now() - sent)
            continue
        image = np.full(HEIGHT * WIDTH * CHANNELS, frame & 255, np.uint8)
        if how == "stock":
            array = pa.array(image)
            metadata["sent"] = sent = now()
            node.send_output("image", array, metadata)
        else:
            metadata["sent"] = sent = now()
            node.send_output("image", image, metadata, pinned=True, timeout=1)
        calls.append(now() - sent)
    used = time.process_time_ns() - cpu
    (folder / "calls").write_text("\n".join(map(str, calls)))
    (folder / "camera").write_text(str(used))


main()
