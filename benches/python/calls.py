"""What single calls of the Python package cost, in microseconds.

``python calls.py [DRIVER]``: DRIVER is a folder with a CUDA driver library; without one, calls with a device
are left out. With the driver double its own work is in the figures: they bound what this package adds, and
say nothing of a device. Arms alternate call by call in one run. Prints Markdown.
"""

from __future__ import annotations

import ctypes
import gc
import os
import platform
import statistics
import sys
import time
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import zenoh_pinned

if TYPE_CHECKING:
    from collections.abc import Callable

ROUNDS = 3000
# What these calls cost does not depend on it; the copies of the double, on other threads, do.
FRAME_BYTES = 65536


def with_driver(folder: str) -> None:
    """Start this program again where the dynamic linker finds the driver."""
    if os.environ.get("LD_LIBRARY_PATH") != folder:
        environment = {**os.environ, "LD_LIBRARY_PATH": folder}
        os.execve(sys.executable, [sys.executable, *sys.argv], environment)


def sample(arms: dict[str, Callable[[], Any]]) -> dict[str, list[float]]:
    """Call each arm in turn, many times; what it returns is dropped outside the measured time."""
    taken: dict[str, list[float]] = {name: [] for name in arms}
    for _ in range(ROUNDS):
        for name, call in arms.items():
            begun = time.perf_counter_ns()
            result = call()
            taken[name].append((time.perf_counter_ns() - begun) / 1000)
            del result
    return taken


def arrow(frame: zenoh_pinned.Frame) -> pa.Array:
    """Show a frame as what dora gives: a flat Arrow array in the slot."""
    return pa.Array.from_buffers(pa.uint8(), frame.nbytes, [None, pa.py_buffer(frame)])


class DriverCalls:
    """The driver calls of one `to_device` by themselves, made through ctypes; dropping it undoes them."""

    driver: ctypes.CDLL
    stream: ctypes.c_void_p

    @classmethod
    def prepare(cls) -> None:
        """Open the driver's library and a stream."""
        cls.driver = ctypes.CDLL("libcuda.so.1")
        cls.stream = ctypes.c_void_p()
        context = ctypes.c_void_p()
        cls.driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), 0)
        cls.driver.cuCtxSetCurrent(context)
        cls.driver.cuStreamCreate(ctypes.byref(cls.stream), 1)

    def __init__(self, source: int) -> None:
        driver, stream = self.driver, self.stream
        self.memory = ctypes.c_uint64()
        driver.cuMemAllocAsync(ctypes.byref(self.memory), ctypes.c_size_t(FRAME_BYTES), stream)
        self.events = [ctypes.c_void_p() for _ in range(3)]
        for event in self.events:
            driver.cuEventCreate(ctypes.byref(event), 2)
        driver.cuMemcpyHtoDAsync_v2(
            self.memory, ctypes.c_void_p(source), ctypes.c_size_t(FRAME_BYTES), stream
        )
        for event in self.events:
            driver.cuStreamWaitEvent(stream, event, 0)
            driver.cuEventRecord(event, stream)

    def __del__(self) -> None:
        for event in self.events:
            self.driver.cuEventDestroy_v2(event)
        self.driver.cuMemFreeAsync(self.memory, self.stream)


def registered_address(frame: zenoh_pinned.Frame) -> int:
    """Where the frame lies in registered memory: the data of a versioned DLPack tensor."""
    capsule = frame.__dlpack__(max_version=(1, 0), dl_device=(3, 0))
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    managed = pointer(capsule, b"dltensor_versioned")
    return ctypes.c_uint64.from_address(managed + 32).value


def main() -> None:
    """Measure, and print the table."""
    has_driver = len(sys.argv) > 1
    if has_driver:
        with_driver(sys.argv[1])
    config = {"scouting": {"multicast": {"enabled": False}}}
    session = zenoh_pinned.Session(config, device="cuda:0" if has_driver else None)
    publisher = session.declare_publisher("figures/frame", FRAME_BYTES)
    small = session.declare_publisher("figures/small", 4096)
    subscriber = session.declare_subscriber("figures/frame")
    publisher.put(np.zeros(FRAME_BYTES, np.uint8))
    frame = subscriber.recv(5)
    value = arrow(frame)

    def in_place() -> None:
        with small.allocate((1024,), "uint8"):
            pass

    arms: dict[str, Callable[[], Any]] = {
        "an empty Python function": lambda: None,
        "`allocate` and publish in place, 1 KiB, nobody receives": in_place,
        "`frame(value)` of a dora value": lambda: zenoh_pinned.frame(value, "cpu"),
        "`numpy.asarray(frame)`": lambda: np.asarray(frame),
        "`numpy.from_dlpack(frame)`": lambda: np.from_dlpack(frame),
    }
    if has_driver:
        while zenoh_pinned.to_device(frame, "cuda:0").path != "direct":  # type: ignore[union-attr]
            time.sleep(0.01)
        on_device = zenoh_pinned.to_device(frame, "cuda:0")
        DriverCalls.prepare()
        source = registered_address(frame)
        arms |= {
            "the driver calls of `to_device` alone": lambda: DriverCalls(source),
            "`to_device(frame)`, direct": lambda: zenoh_pinned.to_device(frame, "cuda:0"),
            "`to_device(value)` of a dora value, direct": lambda: zenoh_pinned.to_device(value, "cuda:0"),
            "`copy_into(buffer, frame)`, direct": lambda: zenoh_pinned.copy_into(on_device, frame),
        }
    gc.disable()
    taken = sample(arms)
    print(
        f"Linux {platform.release()} {platform.machine()}, {os.cpu_count()} processors, "
        f"Python {platform.python_version()}, NumPy {np.__version__}, "
        f"{'with the driver in ' + os.path.basename(sys.argv[1]) if has_driver else 'no driver'}\n"
    )
    print("| call | p50 us | p99 us | samples |\n|---|---|---|---|")
    for name, times in taken.items():
        cuts = statistics.quantiles(times, n=100)
        print(f"| {name} | {cuts[49]:.1f} | {cuts[98]:.1f} | {len(times)} |")


main()
