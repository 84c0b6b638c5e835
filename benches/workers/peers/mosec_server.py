"""The server that `with_mosec.py` starts; the environment says what it serves, the rest are its options."""

from __future__ import annotations

import os
import time
import warnings
from multiprocessing import resource_tracker
from multiprocessing.shared_memory import SharedMemory
from typing import Any

from mosec import Server, Worker

HELD = float(os.environ.get("PEERS_HELD", "0"))

# Told at every frame: "IPC data is large".
warnings.filterwarnings("ignore", category=RuntimeWarning, module="mosec")


class Raw(Worker):
    """Bytes in and out, without JSON."""

    resp_mime_type = "application/octet-stream"

    def serialize(self, data: Any) -> bytes:
        """Leave the answer as it is."""
        return bytes(data)

    def deserialize(self, data: bytes) -> Any:
        """Leave the request as it is."""
        return data


class See(Raw):
    """Answers with the first 8 bytes of a frame."""

    def forward(self, data: Any) -> Any:
        """Answer one frame."""
        return data[:8]


class SeeByName(Raw):
    """Answers with the first 8 bytes of a frame in a block of shared memory."""

    def __init__(self) -> None:
        super().__init__()
        self.mapped: dict[bytes, SharedMemory] = {}

    def forward(self, data: Any) -> Any:
        """Answer one frame's name."""
        name = bytes(data)
        if name not in self.mapped:
            if len(name) == 64:  # The request that asks whether the server is there.
                return name
            self.mapped[name] = SharedMemory(name.decode())
            # Or the end of this server would remove a block that is the client's.
            resource_tracker.unregister(f"/{name.decode()}", "shared_memory")
        return self.mapped[name].buf[:8]


class Echo(Raw):
    """Answers with the requests."""

    def forward(self, data: Any) -> Any:
        """Answer a batch."""
        return data


class Engine(Raw):
    """Takes a fixed time for a batch of any size, or for one request."""

    def forward(self, data: Any) -> Any:
        """Answer a batch or one request."""
        time.sleep(HELD)
        return data


class Hold(Raw):
    """Answers with its process's id after some time."""

    def forward(self, data: Any) -> Any:
        """Answer one request."""
        time.sleep(HELD)
        return str(os.getpid()).encode()


if __name__ == "__main__":
    server = Server()
    engines = {"see": See, "see_by_name": SeeByName, "echo": Echo, "engine": Engine, "hold": Hold}
    server.append_worker(
        engines[os.environ["PEERS_ENGINE"]],
        num=int(os.environ["PEERS_WORKERS"]),
        max_batch_size=int(os.environ["PEERS_BATCH"]),
        max_wait_time=1,
    )
    server.run()
