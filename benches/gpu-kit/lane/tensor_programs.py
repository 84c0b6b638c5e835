"""Two processes over zenoh: one publishes frames, the other sums each on the device and compares.

``tensor_programs.py LIBRARY`` prints one line of JSON: what it found, or why it was left out. A wrong sum
ends it with an error. It starts ``tensor_programs.py publish PORT``, which goes on until its input closes.
"""

from __future__ import annotations

import contextlib
import gc
import importlib.util
import json
import os
import select
import subprocess
import sys
import time
import warnings
from collections import Counter
from typing import Any

import numpy as np
import zenoh_pinned

from meeting import connecting, free_port, listening

KEY = "gpu-kit/frame"
SHAPE = (1080, 1920, 4)
BYTES = 1080 * 1920 * 4
PATTERNS = 4
DIRECT_FRAMES = 20
SECONDS = 40.0


class LeftOut(Exception):
    """The library, or a device for it, is not here."""


def pattern(number: int) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Make the bytes of frame `number`, which only repeat after a few."""
    generator = np.random.default_rng(number % PATTERNS)
    return generator.integers(0, 256, SHAPE, dtype=np.uint8)


def publish(port: int) -> None:
    """Publish frame after frame until standard input closes."""
    patterns = [pattern(number) for number in range(PATTERNS)]
    number = 0
    with zenoh_pinned.Session(listening(port)) as session:
        publisher = session.declare_publisher(KEY, BYTES, slots=8, wait=0.5)
        while not select.select([sys.stdin], [], [], 0.01)[0]:
            with contextlib.suppress(zenoh_pinned.PoolFull):
                with publisher.allocate(SHAPE) as array:
                    array[:] = patterns[number % PATTERNS]
                    array.reshape(-1)[:8] = np.frombuffer(number.to_bytes(8, "little"), np.uint8)
                number += 1


class OnHost:
    """No library: the bytes are copied back, which every driver can do."""

    version = np.__version__

    def total(self, buffer: zenoh_pinned.DeviceBuffer) -> int:
        """Sum the bytes that came back from the device."""
        return int(buffer.to_host().sum(dtype=np.uint64))

    def look(self, host: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        """Nothing to see on the host."""


class Torch(OnHost):
    """PyTorch, which also has to see direct frames as pinned."""

    def __init__(self) -> None:
        import torch

        self.torch = torch
        self.version = torch.__version__
        if torch.version.cuda is not None:
            needs_device(f"torch {self.version}")
        if not torch.cuda.is_available():
            raise LeftOut(f"torch {self.version} sees no CUDA device")
        # Until then torch takes no memory for pinned, whatever the driver says.
        torch.cuda.init()

    def total(self, buffer: zenoh_pinned.DeviceBuffer) -> int:
        """Sum by a kernel of torch."""
        tensor = self.torch.from_dlpack(buffer)
        assert tensor.is_cuda, tensor.device
        assert tensor.data_ptr() == buffer.address, "torch made a copy"
        del buffer
        return int(tensor.sum(dtype=self.torch.int64).item())

    def look(self, host: np.ndarray[Any, np.dtype[np.uint8]]) -> None:
        """Torch asks the driver whether the address is page-locked."""
        with warnings.catch_warnings():
            # It has no read-only tensors, and says so.
            warnings.simplefilter("ignore", UserWarning)
            assert self.torch.from_numpy(host).is_pinned(), "a direct frame is not pinned to torch"


class CuPy(OnHost):
    """CuPy, which compiles its kernels when they are first used."""

    def __init__(self) -> None:
        import cupy

        self.cupy = cupy
        self.version = cupy.__version__
        needs_device(f"CuPy {self.version}")
        try:
            cupy.cuda.runtime.getDeviceCount()
        except cupy.cuda.runtime.CUDARuntimeError as error:
            raise LeftOut(f"CuPy {self.version} sees no CUDA device: {error}") from error

    def total(self, buffer: zenoh_pinned.DeviceBuffer) -> int:
        """Sum by a kernel of CuPy."""
        array = self.cupy.from_dlpack(buffer)
        assert array.data.ptr == buffer.address, "CuPy made a copy"
        del buffer
        return int(array.sum(dtype=self.cupy.uint64))


class Jax(OnHost):
    """JAX, without its habit of taking most of the device's memory at once."""

    def __init__(self) -> None:
        os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")
        import jax
        import jax.dlpack
        import jax.numpy

        self.jax = jax
        self.version = jax.__version__
        needs_device(f"JAX {self.version}")
        try:
            jax.devices("gpu")
        except RuntimeError as error:
            raise LeftOut(f"JAX {self.version} sees no CUDA device") from error

    def total(self, buffer: zenoh_pinned.DeviceBuffer) -> int:
        """Sum by a kernel of JAX; it has no 64-bit integers by default, and needs none for one frame."""
        array = self.jax.dlpack.from_dlpack(buffer)
        assert {device.platform for device in array.devices()} == {"gpu"}, array.devices()
        del buffer
        return int(self.jax.numpy.sum(array, dtype=self.jax.numpy.uint32))


LIBRARIES = {"host": OnHost, "torch": Torch, "cupy": CuPy, "jax": Jax}
PACKAGES = {"torch": "torch", "cupy": "cupy", "jax": "jax"}


def needs_device(name: str) -> None:
    """Leave a library out where there is only the double, which runs no kernels of theirs."""
    if os.environ.get("ZENOH_PINNED_CUDA") != "real":
        raise LeftOut(f"{name} computes on a device, and the driver double is none")


def library(name: str) -> OnHost:
    """Import the library; it is left out where it is not installed."""
    package = PACKAGES.get(name)
    if package is not None and importlib.util.find_spec(package) is None:
        raise LeftOut(f"{name} is not installed")
    return LIBRARIES[name]()


def consume(tested: OnHost, port: int) -> dict[str, object]:
    """Compare sums of frames on the device with those of their bytes on the host."""
    paths: Counter[str] = Counter()
    until = time.monotonic() + SECONDS
    with zenoh_pinned.Session(connecting(port), device="cuda:0") as session:
        for frame in session.declare_subscriber(KEY):
            assert time.monotonic() < until, f"too few direct frames: {dict(paths)}"
            host = frame.numpy(SHAPE)
            number = int.from_bytes(host.reshape(-1)[:8].tobytes(), "little")
            assert np.array_equal(host.reshape(-1)[8:], pattern(number).reshape(-1)[8:]), number
            expected = int(host.sum(dtype=np.uint64))
            buffer = zenoh_pinned.to_device(frame, "cuda:0", shape=SHAPE)
            assert isinstance(buffer, zenoh_pinned.DeviceBuffer), buffer
            if buffer.path == "direct":
                tested.look(host)
            paths[buffer.path] += 1
            # The slot is the publisher's again while the copy may still be under way.
            del host, frame
            gc.collect()
            total = tested.total(buffer)
            assert total == expected, f"frame {number}: {total} on the device, {expected} on the host"
            if paths["direct"] >= DIRECT_FRAMES:
                break
    return {"version": tested.version, "frames": paths.total(), "paths": dict(paths), "equal sums": True}


def main() -> None:
    """Be the process that the arguments name."""
    if sys.argv[1] == "publish":
        publish(int(sys.argv[2]))
        return
    try:
        tested = library(sys.argv[1])
    except LeftOut as why:
        print(json.dumps({"skipped": str(why)}))
        return
    port = free_port()
    words = [sys.executable, __file__, "publish", str(port)]
    # Its input closes when this process ends, however it does.
    with subprocess.Popen(words, stdin=subprocess.PIPE) as publisher:
        print(json.dumps(consume(tested, port)))
        assert publisher.stdin is not None
        publisher.stdin.close()
        assert publisher.wait(20) == 0, "the publisher failed"


if __name__ == "__main__":
    main()
