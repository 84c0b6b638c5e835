"""An unmodified dora node: the released wheel, and nothing of zenoh-pinned."""

import sys
import time
import zlib
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa  # noqa: TC002 - dora would import it at the first frame, 0.1 s late
from dora import Node


@dataclass
class Tally:
    """What has been received so far."""

    received: int = 0
    missing: int = 0
    out_of_order: int = 0
    wrong_checksums: int = 0
    expected: int = 0
    latencies_us: list[float] = field(default_factory=list)

    def add(self, image: npt.NDArray[np.uint8], metadata: dict[str, Any]) -> None:
        """Count one frame, and check that it is as it was sent."""
        self.latencies_us.append((time.monotonic_ns() - metadata["sent_ns"]) / 1000)
        self.received += 1
        frame: int = metadata["frame"]
        self.missing += max(frame - self.expected, 0)
        self.out_of_order += frame < self.expected
        self.expected = max(self.expected, frame + 1)
        self.wrong_checksums += zlib.crc32(image.data) != metadata["crc32"]

    def table(self) -> str:
        """Return the rows that are printed at the end."""
        latency = "not measured"
        if self.latencies_us:
            p50, p99 = np.percentile(self.latencies_us, (50, 99), method="inverted_cdf")
            latency = f"p50 {p50:.0f} us, p99 {p99:.0f} us"
        rows = {
            "Frames received": self.received,
            "Frames missing": self.missing,
            "Out of order": self.out_of_order,
            "Wrong checksums": self.wrong_checksums,
            "Sent to array": latency,
        }
        return "\n".join(f"{name:<18}  {value}" for name, value in rows.items())


def image_of(event: dict[str, Any]) -> npt.NDArray[np.uint8]:
    """View a frame as rows, columns and channels, where the camera wrote it."""
    pixels: pa.UInt8Array = event["value"]
    flat: npt.NDArray[np.uint8] = pixels.to_numpy(zero_copy_only=True)
    return flat.reshape(event["metadata"]["shape"])


def main() -> None:
    """Receive frames until the camera has ended."""
    node = Node()
    tally = Tally()
    # Goes on after a STOP event: frames that arrived before are still to come.
    for event in node:
        if event["type"] == "INPUT":
            tally.add(image_of(event), event["metadata"])
    print(tally.table())
    if tally.out_of_order or tally.wrong_checksums:
        sys.exit("The frames did not arrive as they were sent.")


if __name__ == "__main__":
    main()
