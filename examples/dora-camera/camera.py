"""A camera in Python: each frame is written where the other nodes read it."""

import itertools
import os
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import numpy as np
import numpy.typing as npt
import zenoh_pinned
from zenoh_pinned.dora import Node

WIDTH, HEIGHT = 1920, 1080
CLIP = Path(__file__).parent.parent / "camera" / "clip" / "bigbuckbunny.mp4"


def images(source: str) -> Iterator[av.VideoFrame]:
    """Decode a file or device again and again."""
    while True:
        with av.open(source) as container:
            for frame in container.decode(video=0):
                yield frame.reformat(WIDTH, HEIGHT, "rgba")


def write(image: av.VideoFrame, array: npt.NDArray[np.uint8]) -> None:
    """Copy an image out of the decoder: the only copy that this node makes."""
    plane: Any = image.planes[0]  # a buffer, which its type does not say
    rows = np.frombuffer(plane, np.uint8).reshape(HEIGHT, plane.line_size)
    array.reshape(HEIGHT, WIDTH * 4)[:] = rows[:, : WIDTH * 4]


def is_stopped(node: Node) -> bool:
    """Tell whether dora has asked this node to end."""
    return any(event["type"] == "STOP" for event in node.drain())


def main() -> None:
    """Send frames at a rate until there are enough."""
    rate = int(os.environ.get("CAMERA_RATE", "30"))
    count = int(os.environ.get("CAMERA_FRAMES", "300"))
    source = os.environ.get("CAMERA_INPUT", str(CLIP))
    sent = skipped = 0
    with Node() as node:
        begun = time.monotonic()
        for number, image in zip(itertools.count(), images(source), strict=False):
            if (count and number >= count) or is_stopped(node):
                break
            metadata: dict[str, Any] = {
                "frame": number,
                "width": WIDTH,
                "height": HEIGHT,
                "encoding": "rgba8",
            }
            try:
                with node.allocate("image", (HEIGHT, WIDTH, 4), "uint8", metadata, timeout=1) as array:
                    write(image, array)
                    metadata["crc32"] = zlib.crc32(array.data)
                    if rate:
                        time.sleep(max(begun + number / rate - time.monotonic(), 0))
                    metadata["sent_ns"] = time.monotonic_ns()
                sent += 1
            except zenoh_pinned.PoolFull as error:
                # Consumers have held every slot for a second: this frame is skipped.
                skipped += 1
                print(f"frame {number} is skipped: {error}")
        report = node.report()
    print(f"Frames sent       {sent}")
    print(f"Frames skipped    {skipped}")
    for output in report.outputs:
        print(f"Path              {output.path}{f' ({output.reason})' if output.reason else ''}")
    for pool in report.pools:
        print(f"Pool              {pool.slots} slots x {pool.slot_bytes} bytes")
        print(f"Waits for a slot  {pool.waits}, of which timed out: {pool.timeouts}")


if __name__ == "__main__":
    main()
