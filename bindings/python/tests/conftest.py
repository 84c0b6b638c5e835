"""What the tests share: sessions that know each other, and other processes."""

from __future__ import annotations

import json
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


SCALE = b'{"scale":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}}'
TYPED = [
    {"name": "x", "datatype": "FP32", "shape": [1, -1]},
    {"name": "n", "datatype": "INT64", "shape": [2]},
]


@pytest.fixture(scope="session")
def served(tmp_path_factory):
    """The address of a server of models whose workers give back what they get, as the protocol has it."""
    folder = tmp_path_factory.mktemp("repository")
    worker = {"command": [sys.executable, str(HERE / "nodes" / "echoing_model.py")], "queue": 20_000}
    described = {
        "identity": {"worker": worker},
        "typed": {"worker": worker, "inputs": TYPED, "outputs": TYPED},
        "slow": {"worker": worker},
        "many": {"worker": {**worker, "least": 2, "most": 2, "batch": 100}},
        "fails": {"worker": worker},
        "later": {"worker": worker},
    }
    for name, description in described.items():
        (folder / name).mkdir()
        (folder / name / "model.json").write_text(json.dumps(description))
        (folder / name / "model.safetensors").write_bytes(len(SCALE).to_bytes(8, "little") + SCALE + bytes(8))
    command = [sys.executable, "-m", "zenoh_pinned", "models", "serve", "--repository", folder]
    loaded = [argument for name in described if name != "later" for argument in ("--load", name)]
    name = ["--name", f"test-{os.getpid()}", "--grpc", "127.0.0.1:0"]
    with subprocess.Popen([*map(str, command), *loaded, *name], stdout=subprocess.PIPE, text=True) as server:
        ready, address = 0, ""
        while ready < len(described) - 1:
            line = server.stdout.readline()
            assert line, "the server has ended"
            ready += " is ready after " in line
            if line.startswith("gRPC at "):
                address = line.removeprefix("gRPC at ").strip()
        yield address
        server.terminate()
        assert server.wait(60) == 0
