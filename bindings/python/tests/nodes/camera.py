"""A dora node with pinned outputs; MODE is the function to run."""

import contextlib
import datetime
import os
import signal
import threading
import time
from pathlib import Path

import numpy as np
import pyarrow as pa
import zenoh_pinned
from zenoh_pinned.dora import Node

import values
from journal import mapping_of, note

COUNT = int(os.environ.get("COUNT", "30"))


def in_place(node):
    for number in range(COUNT):
        writing = node.allocate("image", (144, 128, 4), "uint8", {"number": number}, timeout=5)
        with writing as array:
            address = array.ctypes.data
            array[:] = number
        note(address=address, aligned=address % 4096 == 0, file=mapping_of(address), copied=writing.copied)


def in_a_trace(node):
    metadata = {
        "open_telemetry_context": "traceparent:00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    }
    with node.allocate("image", 100_000, "uint8", metadata, timeout=5) as array:
        array[:] = 1
    node.send_output("image", np.zeros(3, "uint8"), metadata, pinned=True)


def by_copy(node):
    for number in range(COUNT):
        node.send_output("image", np.full((100, 500), number, "uint8"), {"number": number}, pinned=True)
    note(allocations=[pool.allocations for pool in node.report().pools])


def of_every_kind(node):
    nested = pa.array([[1, 2], None, [3]], pa.list_(pa.int64()))
    kinds = [
        pa.array([1, 2, 3], pa.uint8()),
        nested,
        pa.array(["a", None, "c"]),
        pa.array([{"x": 1, "y": "z"}]),
        pa.array([True, False, None]),
        pa.array(["a", "b", "a"]).dictionary_encode(),
        pa.array([], pa.float32()),
        b"bytes",
        bytearray(b"bytes"),
        memoryview(b"bytes"),
        np.arange(3, dtype="float64"),
        np.arange(6, dtype="int16").reshape(2, 3),
    ]
    metadata = {
        "bool": True,
        "int": 3,
        "float": 2.5,
        "str": "text",
        "ints": [1, 2],
        "floats": (1.0, 2),
        "strs": ["a", "b"],
        "numpy": np.int64(7),
        "truth": np.bool_(True),
        "time": datetime.datetime(2026, 1, 1, 12, tzinfo=datetime.timezone(datetime.timedelta(hours=2))),
    }
    for data in kinds:
        node.send_output("image", data, metadata, pinned=True)


def both_ways(node):
    data = {**{f"arrow {name}": value for name, value in values.ARROW.items()}, **values.OTHERS}
    values.send("pinned", lambda *message: node.send_output("pinned", *message, pinned=True), data)
    values.send("unpinned", lambda *message: node.send_output("unpinned", *message), data, rounds=2)
    note(
        outputs=[
            (output.output, output.path, output.sent, output.sent_as_bytes, output.copied)
            for output in node.report().outputs
        ]
    )


def copies(node):
    array = np.arange(20, dtype="uint8")
    for data in (array, array[:5], b"bytes", pa.array([True])):
        node.send_output("image", data, pinned=True)
    note(copied=[output.copied for output in node.report().outputs])
    for data in (array[::2], array > 3, [1, 2], "text"):
        node.send_output("image", data, pinned=True)
    note(copied=[output.copied for output in node.report().outputs])
    with node.allocate("image", 16) as array:
        array[:] = 1
    note(copied=[output.copied for output in node.report().outputs])
    with node.allocate("image", 16) as array:
        array[:] = 1
        kept = array[3:]
    note(copied=[output.copied for output in node.report().outputs], kept=len(kept))


def mistakes(node):
    def refused(kind, what):
        try:
            what()
            note(refused="nothing")
        except kind as error:
            note(refused=kind.__name__, message=str(error))

    node.send_output("image", b"first", pinned=True)
    array = np.zeros((8, 8), "uint8")
    refused(TypeError, lambda: node.send_output("image", array.astype(">u2"), pinned=True))
    refused(TypeError, lambda: node.send_output("image", np.array([object()]), pinned=True))
    refused(TypeError, lambda: node.send_output("image", array.astype("complex64"), pinned=True))
    refused(TypeError, lambda: node.send_output("image", array, {"a": [1, "b"]}, pinned=True))
    refused(TypeError, lambda: node.send_output("image", array, {1: 1}, pinned=True))
    refused(ValueError, lambda: node.send_output("image", array))
    refused(ValueError, lambda: node.send_output("an output", array, pinned=True))
    refused(ValueError, lambda: node.send_output("", array))
    refused(ValueError, lambda: node.allocate("image/", (3,)))
    refused(ValueError, lambda: node.allocate("image", (0, 3)))
    refused(ValueError, lambda: node.allocate("image", (2**40, 2**40)))
    refused(TypeError, lambda: node.allocate("image", (3,), "datetime64[ns]"))
    refused(KeyError, lambda: node.allocate("other", (3,)))
    refused(zenoh_pinned.OverBudget, lambda: node.allocate("image", (2**30,)))
    refused(ValueError, lambda: node.allocate("image", (3,), timeout=-1))

    def fails():
        with node.allocate("image", (8,)) as written:
            written[:] = 1
            raise OSError("the lens cap is on")

    refused(OSError, fails)
    pid = os.fork()
    if pid == 0:
        try:
            node.send_output("image", array, pinned=True)
        except RuntimeError as error:
            note(forked=str(error))
        os._exit(0)
    os.waitpid(pid, 0)
    node.send_output("image", b"last", pinned=True)
    note(in_use=[pool.in_use for pool in node.report().pools])


def not_pinned(node):
    node.send_output("image", pa.array([1]), {"number": 0})
    node.send_output("image", np.arange(4, dtype="uint8").reshape(2, 2), pinned=True)
    with node.allocate("image", (2, 2)) as array:
        array[:] = 7
    (output,) = node.report().outputs
    note(path=output.path, reason=output.reason)


def closed_in_the_block(node):
    node.send_output("image", b"first", pinned=True)
    try:
        with node.allocate("image", (50000,)) as array:
            array[:] = 7
            # As far as another thread has come that closes the node.
            node._finalizer()
    except RuntimeError as error:
        note(error=str(error), sum=int(array.sum()), writeable=array.flags.writeable)
    node.close()
    note(paths=[output.path for output in node.report().outputs])
    try:
        node.send_output("image", b"late", pinned=True)
    except RuntimeError as error:
        note(late=str(error))


def many(node):
    def resident():
        return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")

    for number in range(COUNT):
        if number == COUNT // 5:
            before = resident()
        if number % 2:
            with node.allocate("image", (128, 128), "float32", {"number": number}, timeout=20) as array:
                array[0, 0] = number
        else:
            node.send_output("image", np.full(16384, number, "float32"), {"number": number}, True, timeout=20)
    note(grown=resident() - before, slots=[pool.slots for pool in node.report().pools])


def both(node):
    node.send_output("image", np.zeros(50000, "uint8"), pinned=True)
    with node.allocate("second", (50000,), "uint8") as array:
        array[:] = 1
        kept = array[:]
    kept[:] = 9
    note(paths=[output.path for output in node.report().outputs])


def sleeping_consumer(node):
    for number in range(COUNT):
        time.sleep(0.01)
        if number % 2:
            node.send_output("image", np.full(50000, number % 251, "uint8"), {"number": number}, pinned=True)
        else:
            with node.allocate("image", (50000,), "uint8", {"number": number}) as array:
                array[:] = number % 251
    (output,) = node.report().outputs
    note(sent=output.sent, dropped=output.dropped)
    try:
        while True:
            node.send_output("image", bytes(50000), {"number": COUNT}, pinned=True, timeout=0)
    except zenoh_pinned.PoolFull as error:
        note(full=str(error))


def prepared(node):
    node.prepare("image", 400_000)
    (before,) = node.report().pools
    for number in range(COUNT):
        array = np.full(10_000 * (number + 1), number, "uint8")
        node.send_output("image", array, {"number": number}, pinned=True)
        time.sleep(0.01)
    (after,) = node.report().pools
    note(bytes=[before.bytes, after.bytes], slots=[before.slots, after.slots])


def two_threads(node):
    # A thread that waits for a slot of one output does not hold up another output.
    image = np.zeros(50000, "uint8")
    waits = threading.Event()

    def slow():
        with contextlib.suppress(zenoh_pinned.PoolFull):
            for _ in range(20):
                waits.set()
                node.send_output("image", image, {"number": 0}, pinned=True, timeout=5)

    thread = threading.Thread(target=slow)
    thread.start()
    waits.wait()
    time.sleep(0.5)
    for number in range(COUNT):
        node.send_output("second", image, {"number": number}, pinned=True, timeout=5)
    note(is_still_waiting=thread.is_alive())
    thread.join()


def interrupted(node):
    node.send_output("image", b"first", pinned=True)
    held = []
    try:
        while True:
            writing = node.allocate("image", (50000,), timeout=0.05)
            held.append((writing, writing.__enter__()))
    except zenoh_pinned.PoolFull as error:
        note(full=str(error))

    def interrupt(*_):
        try:
            node.send_output("image", b"handler", pinned=True)
        except RuntimeError as error:
            note(refused=str(error))
        raise KeyboardInterrupt

    signal.signal(signal.SIGINT, interrupt)
    ended = []
    for name, waits in [
        ("send_output", lambda: node.send_output("image", bytes(50000), pinned=True, timeout=3600)),
        ("allocate", lambda: node.allocate("image", (50000,), timeout=3600).__enter__()),
    ]:
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGINT)).start()
        try:
            waits()
        except KeyboardInterrupt:
            ended.append(name)
    note(interrupted=ended)
    for writing, _ in held:
        with contextlib.suppress(OSError):
            writing.__exit__(OSError, OSError("given up"), None)
    del held, writing
    node.send_output("image", b"last", pinned=True)


def camera():
    node = Node()
    note(node=str(node.dataflow_id()) != "", config=bool(node.node_config()), restart=node.is_restart())
    globals()[os.environ["MODE"]](node)
    # Nothing is closed here: the interpreter ends with the node alive.
    globals()["kept"] = node


camera()
