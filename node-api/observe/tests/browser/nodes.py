"""What a user would write: a camera and a viewer, a server of models and a worker with a lease.

Arguments: which, and then a port to meet at and the key, or a model and its file.
"""

from __future__ import annotations

import sys
import time

import zenoh_pinned
from zenoh_pinned import models

ALONE = {"mode": "peer", "scouting": {"multicast": {"enabled": False}}}
FRAME_BYTES = 64 << 10


def camera(port: str, key: str) -> None:
    """Write and publish a frame fifty times a second."""
    config = ALONE | {"listen": {"endpoints": [f"tcp/127.0.0.1:{port}"]}}
    with zenoh_pinned.Session(config) as session:
        publisher = session.declare_publisher(key, FRAME_BYTES, slots=8, wait=0.2)
        while True:
            try:
                with publisher.allocate((FRAME_BYTES,), "uint8") as image:
                    image[:] = 255
                del image
            except zenoh_pinned.PoolFull:
                pass  # a viewer died with frames in its hands: they come back
            time.sleep(0.02)


def viewer(port: str, key: str) -> None:
    """Look at each frame, and hold the newest."""
    config = ALONE | {"connect": {"endpoints": [f"tcp/127.0.0.1:{port}"]}, "listen": {"endpoints": []}}
    with zenoh_pinned.Session(config) as session, session.declare_subscriber(key) as subscriber:
        for frame in subscriber:
            held = frame  # noqa: F841 -- it is held, no more


def server(model: str, path: str) -> None:
    """Serve a model to all processes."""
    with models.Registry() as registry, models.Server(registry):
        registry.add_source(model, path)
        time.sleep(3600)


def worker(model: str) -> None:
    """Hold a lease."""
    weights = models.attach(model, fall_back=False)
    time.sleep(3600)
    del weights


NODES = {"camera": camera, "viewer": viewer, "server": server, "worker": worker}

if __name__ == "__main__":
    NODES[sys.argv[1]](*sys.argv[2:])
