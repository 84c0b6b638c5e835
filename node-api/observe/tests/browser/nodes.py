"""A camera and a viewer as a user would write them; arguments: which, a port to meet at, and the key."""

from __future__ import annotations

import sys
import time

import zenoh_pinned

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


if __name__ == "__main__":
    {"camera": camera, "viewer": viewer}[sys.argv[1]](*sys.argv[2:])
