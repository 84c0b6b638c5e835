"""What the tests share: sessions that know each other, and other processes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest
import zenoh_pinned

from meeting import ALONE, connecting, free_port, link, listening

HERE = Path(__file__).parent

# A shell that runs the tests in its background has them ignore interrupts, and what they start as well.
signal.signal(signal.SIGINT, signal.default_int_handler)


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


def script(name, *arguments, environment=None, **options):
    """Start one of the programs beside this file in a process of its own."""
    return subprocess.Popen(
        [sys.executable, str(HERE / "nodes" / name), *map(str, arguments)],
        env={**os.environ, **(environment or {})},
        stdout=subprocess.PIPE,
        text=True,
        **options,
    )


def outcome(program, prefix=(), environment=None):
    """Run a program that is given as text to its end: what it printed, and how it ended."""
    return subprocess.run(
        [*prefix, sys.executable, "-c", textwrap.dedent(program)],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
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


@pytest.fixture
def alone():
    """A session that looks for nobody."""
    with zenoh_pinned.Session(ALONE) as session:
        yield session
