"""Copies each frame to the GPU straight from where the camera wrote it, or reads it where it is."""

import sys
from collections import Counter
from typing import Any

import numpy as np
import numpy.typing as npt
import zenoh_pinned
from zenoh_pinned.dora import Node

from sink import Tally


class Perception:
    """A node that would give each frame to a model."""

    def __init__(self) -> None:
        self.tally = Tally()
        self.paths: Counter[str] = Counter()
        self.reason: zenoh_pinned.FallbackReason | None = None

    def receive(self, event: dict[str, Any]) -> None:
        """Copy one frame, and check that it is as it was sent."""
        metadata = event["metadata"]
        image = zenoh_pinned.to_device(event.pop("value"), "auto", shape=metadata["shape"])
        # The copy holds the camera's slot until it has been made, and nothing else does.
        self.paths[image.path] += 1
        self.reason = image.reason
        # `torch.from_dlpack(image)` is a tensor, on the GPU where there is one. This node reads
        # the bytes back, to see that they arrived whole.
        self.tally.add(pixels(image), metadata)

    def table(self) -> str:
        """Return the rows that are printed at the end."""
        paths = ", ".join(f"{path} {count}" for path, count in self.paths.items())
        reason = str(self.reason) if self.reason else "none"
        return f"{self.tally.table()}\nPath to the device  {paths}\nReason              {reason}"


def pixels(image: zenoh_pinned.DeviceBuffer | zenoh_pinned.Frame) -> npt.NDArray[np.uint8]:
    """Show an image on the host."""
    return image.to_host() if isinstance(image, zenoh_pinned.DeviceBuffer) else image.numpy()


def main() -> None:
    """Receive frames until the camera has ended."""
    perception = Perception()
    with Node() as node:
        # Goes on after a STOP event: frames that arrived before are still to come.
        for event in node:
            if event["type"] == "INPUT":
                perception.receive(event)
    print(perception.table())
    if perception.tally.out_of_order or perception.tally.wrong_checksums:
        sys.exit("The frames did not arrive as they were sent.")


if __name__ == "__main__":
    main()
