"""What the tests share: sessions that know each other, and other processes."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import zenoh_pinned

HERE = Path(__file__).parent

# A shell that runs the tests in its background has them ignore interrupts, and what they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def eventually(condition, seconds=10.0):
    """Wait for `condition`; a watchdog, no measurement."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.01)


def listening(port):
    return {
        "mode": "peer",
        "listen": {"endpoints": [f"tcp/127.0.0.1:{port}"]},
        "scouting": {"multicast": {"enabled": False}},
    }


def connecting(port):
    return {
        "mode": "peer",
        "connect": {"endpoints": [f"tcp/127.0.0.1:{port}"]},
        "listen": {"endpoints": []},
        "scouting": {"multicast": {"enabled": False}},
    }


@pytest.fixture
def port():
    return free_port()


@pytest.fixture
def sessions(port):
    """A producer's and a consumer's session that are connected."""
    with (
        zenoh_pinned.Session(listening(port)) as producer,
        zenoh_pinned.Session(connecting(port)) as consumer,
    ):
        yield producer, consumer


@pytest.fixture
def pair(sessions):
    """A publisher of 64 KiB frames in four slots and a subscriber that hears it."""
    producer, consumer = sessions
    publisher = producer.declare_publisher("test/frame", 65536, slots=4, wait=0.2)
    subscriber = consumer.declare_subscriber("test/frame")
    link(publisher, subscriber)
    yield publisher, subscriber
    publisher.close()
    subscriber.close()


def link(publisher, subscriber):
    """Publish until something arrives, and until zenoh's routes are settled.

    Within milliseconds of the first message that arrives zenoh can still lose the next one, without a word.
    """

    def arrives():
        publisher.put(b"hello")
        with contextlib.suppress(TimeoutError):
            return subscriber.recv(0.05) is not None

    eventually(arrives)
    time.sleep(0.05)
    eventually(arrives)
    while subscriber.try_recv() is not None:
        pass
    eventually(lambda: in_use(publisher) == 0)


def in_use(publisher):
    return publisher.pool.statistics().in_use


def script(name, *arguments, environment=None, **options):
    """Start one of the programs beside this file in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "nodes" / name), *map(str, arguments)],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


@pytest.fixture(scope="session")
def driver(tmp_path_factory):
    """The environment in which programs find the double of the CUDA driver."""
    library = os.environ.get("ZENOH_PINNED_CUDA_DOUBLE")
    if library is None:
        pytest.skip("ZENOH_PINNED_CUDA_DOUBLE does not name the driver double (`make test` does)")
    folder = tmp_path_factory.mktemp("driver")
    for name in ("libcuda.so", "libcuda.so.1"):
        (folder / name).symlink_to(Path(library).resolve())
    return {"LD_LIBRARY_PATH": str(folder)}
