"""Programs with a CUDA device; each one is a function, run in a process of its own, without pytest."""

import ctypes
import gc
import os
import sys
import threading
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parent.parent))
import zenoh_pinned

import meeting


def control(text):
    """Tell the driver double what to do."""
    library = ctypes.CDLL("libcuda.so.1")
    assert library.cuda_double_control(text.encode()) == 0


def pair(device="cuda:0", frame_bytes=65536, slots=4):
    port = meeting.free_port()
    producer = zenoh_pinned.Session(meeting.listening(port))
    consumer = zenoh_pinned.Session(meeting.connecting(port), device=device)
    publisher = producer.declare_publisher("test/frame", frame_bytes, slots=slots, wait=10)
    subscriber = consumer.declare_subscriber("test/frame")
    meeting.link(publisher, subscriber)
    return publisher, subscriber, (producer, consumer)


def direct(publisher, subscriber):
    """Publish until frames take the direct path."""

    def is_direct():
        publisher.put(bytes(64))
        return subscriber.recv(5).path == "direct"

    meeting.eventually(is_direct)


def late_copies():
    publisher, subscriber, sessions = pair()
    direct(publisher, subscriber)
    control("copy_delay_us=20000")
    on_device = []
    for number in range(30):
        with publisher.allocate((65536,)) as array:
            array[:] = number
        del array
        # Everything that shows the frame goes at once, long before the copy is made.
        on_device.append(zenoh_pinned.to_device(subscriber.recv(5), "cuda:0"))
        gc.collect()
    for number, buffer in enumerate(on_device):
        assert buffer.path == "direct", buffer
        assert buffer.reason is None
        assert set(buffer.to_host()) == {number}, number
    meeting.eventually(lambda: meeting.in_use(publisher) == 0)
    del sessions


def shapes_and_types():
    publisher, subscriber, sessions = pair()
    array = np.arange(24, dtype="float32").reshape(2, 3, 4)
    publisher.put(array)
    frame = subscriber.recv(5)
    buffer = zenoh_pinned.to_device(frame, "cuda:0", shape=(2, 3, 4), dtype="float32")
    assert (buffer.shape, buffer.dtype, buffer.device, buffer.nbytes) == ((2, 3, 4), "float32", "cuda:0", 96)
    assert np.array_equal(buffer.to_host(), array)
    interface = buffer.__cuda_array_interface__
    assert interface["shape"] == (2, 3, 4)
    assert interface["typestr"] == "<f4"
    assert interface["data"] == (buffer.address, False)
    assert zenoh_pinned.to_device(array, 0).dtype == "float32"
    assert zenoh_pinned.to_device(bytearray(b"123"), "cuda").to_host().tobytes() == b"123"
    for wrong in ({"shape": (5,)}, {"dtype": "complex64"}):
        with meeting.raises((ValueError, TypeError)):
            zenoh_pinned.to_device(frame, "cuda:0", **wrong)
    del sessions


def copies_into_an_array_that_exists():
    publisher, subscriber, sessions = pair()
    existing = zenoh_pinned.to_device(np.zeros(1000, "uint8"), "cuda:0")
    publisher.put(np.full(1000, 9, "uint8"))
    zenoh_pinned.copy_into(existing, subscriber.recv(5), existing.__cuda_array_interface__["stream"])
    existing.synchronize()
    meeting.eventually(lambda: set(existing.to_host()) == {9})
    with meeting.raises(ValueError, match="1000"):
        zenoh_pinned.copy_into(existing, bytes(999))
    del sessions


def short_floats():
    words = np.arange(8, dtype="uint16")
    buffer = zenoh_pinned.to_device(words, "cuda:0", shape=(2, 4), dtype="bfloat16")
    assert (buffer.shape, buffer.dtype, buffer.nbytes) == ((2, 4), "bfloat16", 16)
    # Whoever has no name for them is told by DLPack only.
    assert not hasattr(buffer, "__cuda_array_interface__")

    def imported(buffer, **asked):
        capsule = buffer.__dlpack__(max_version=(1, 1), **asked)
        return consume(capsule, b"dltensor_versioned").contents

    managed = imported(buffer, stream=1)
    assert (managed.tensor.code, managed.tensor.bits, managed.minor) == (4, 16, 0)
    short = zenoh_pinned.to_device(words, np.int64(0), shape=-1, dtype="float8_e4m3fn")
    managed = imported(short, stream=1)
    assert (managed.tensor.code, managed.tensor.bits, managed.minor, short.shape) == (10, 8, 1, (16,))

    class Raw:
        """As libraries show elements that NumPy has no name for."""

        def __init__(self):
            self.__cuda_array_interface__ = {
                "version": 3,
                "typestr": "<V2",
                "shape": (2, 4),
                "data": (buffer.address, False),
                "stream": 1,
            }

    zenoh_pinned.copy_into(Raw(), words[::-1].copy())
    on_host = imported(buffer, dl_device=(1, 0)).tensor
    assert ctypes.string_at(on_host.data, 16) == words[::-1].tobytes()


class Tensor(ctypes.Structure):
    _fields_ = [
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("ndim", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
        ("shape", ctypes.POINTER(ctypes.c_int64)),
        ("strides", ctypes.POINTER(ctypes.c_int64)),
        ("byte_offset", ctypes.c_uint64),
    ]


class Versioned(ctypes.Structure):
    pass


Versioned._fields_ = [
    ("major", ctypes.c_uint32),
    ("minor", ctypes.c_uint32),
    ("context", ctypes.c_void_p),
    ("deleter", ctypes.CFUNCTYPE(None, ctypes.POINTER(Versioned))),
    ("flags", ctypes.c_uint64),
    ("tensor", Tensor),
]


def consume(capsule, name):
    """Take the tensor out of a capsule, as a library does that imports it."""
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    rename = ctypes.pythonapi.PyCapsule_SetName
    rename.restype, rename.argtypes = ctypes.c_int, [ctypes.py_object, ctypes.c_char_p]
    address = pointer(capsule, name)
    global used_name
    used_name = b"used_" + name
    assert rename(capsule, used_name) == 0
    return ctypes.cast(address, ctypes.POINTER(Versioned))


def dlpack_on_the_device():
    array = np.arange(24, dtype="int16").reshape(4, 6)
    buffer = zenoh_pinned.to_device(array, "cuda:0")
    assert buffer.__dlpack_device__() == (2, 0)
    address = buffer.address
    for stream in (None, -1, 1, 2):
        managed = consume(buffer.__dlpack__(stream=stream, max_version=(1, 0)), b"dltensor_versioned")
        tensor = managed.contents.tensor
        assert (managed.contents.major, managed.contents.flags) == (1, 0)
        assert (tensor.data, tensor.device_type, tensor.device_id) == (address, 2, 0)
        assert (tensor.ndim, tensor.code, tensor.bits, tensor.lanes) == (2, 0, 16, 1)
        assert (tensor.shape[:2], tensor.strides[:2]) == ([4, 6], [6, 1])
    for _ in range(3):
        assert "dltensor" in repr(buffer.__dlpack__(stream=1))
    # The importer keeps the memory, and gives it up on a thread that Python does not know.
    del buffer
    gc.collect()
    assert np.array_equal(np.frombuffer(ctypes.string_at(address, 48), "int16").reshape(4, 6), array)


def dlpack_brings_a_device_buffer_to_the_host():
    array = np.arange(24, dtype="int16").reshape(4, 6)
    buffer = zenoh_pinned.to_device(array, "cuda:0")
    on_host = np.from_dlpack(buffer, device="cpu")
    assert np.array_equal(on_host, array)
    assert on_host.flags.writeable
    for wrong in ({"copy": False}, {"dl_device": (1, 7)}, {"dl_device": (2, 1)}, {"stream": 1}):
        with meeting.raises((BufferError, ValueError)):
            buffer.__dlpack__(**{"max_version": (1, 0), "dl_device": (1, 0), **wrong})


def application_on(ordinal):
    """Make the device's primary context this thread's current one, as torch and others do first."""
    driver = ctypes.CDLL("libcuda.so.1")
    context = ctypes.c_void_p()
    assert driver.cuInit(0) == 0
    assert driver.cuDevicePrimaryCtxRetain(ctypes.byref(context), ordinal) == 0
    assert driver.cuCtxSetCurrent(context) == 0
    return driver, context.value


def current_context(driver):
    now = ctypes.c_void_p()
    assert driver.cuCtxGetCurrent(ctypes.byref(now)) == 0
    return now.value


def streams_of_others():
    driver, _ = application_on(0)
    array = np.arange(1000, dtype="uint8")
    for number in range(20):
        buffer = zenoh_pinned.to_device(array, "cuda:0")
        stream = ctypes.c_void_p()
        assert driver.cuStreamCreate(ctypes.byref(stream), 1) == 0
        capsule = buffer.__dlpack__(stream=stream.value, max_version=(1, 0))
        # The stream ends before the memory does, as a consumer may do.
        assert driver.cuStreamDestroy_v2(stream) == 0
        del capsule
        assert np.array_equal(buffer.to_host(), array)
        if number % 2:
            buffer = zenoh_pinned.to_device(array, "cuda:0", stream=2)
        del buffer


def a_copy_in_a_graph():
    driver, _ = application_on(0)
    publisher, subscriber, sessions = pair()
    direct(publisher, subscriber)
    existing = zenoh_pinned.to_device(np.zeros(1000, "uint8"), "cuda:0")
    existing.synchronize()
    stream, graph, launched = ctypes.c_void_p(), ctypes.c_void_p(), ctypes.c_void_p()
    assert driver.cuStreamCreate(ctypes.byref(stream), 1) == 0
    publisher.put(np.full(1000, 7, "uint8"))
    frame = subscriber.recv(5)
    assert driver.cuStreamBeginCapture_v2(stream, 0) == 0
    zenoh_pinned.copy_into(existing, frame, stream.value)
    with meeting.raises(zenoh_pinned.CudaError, match="captured"):
        zenoh_pinned.to_device(frame, "cuda:0", stream.value)
    del frame
    assert driver.cuStreamEndCapture(stream, ctypes.byref(graph)) == 0
    assert driver.cuGraphInstantiateWithFlags(ctypes.byref(launched), graph, ctypes.c_uint64(0)) == 0
    assert set(existing.to_host()) == {0}, "nothing is copied before the graph is launched"
    for number in range(3):
        # The slots that others use go round; the graph's does not.
        for _ in range(8):
            publisher.put(np.full(1000, number, "uint8"))
            zenoh_pinned.copy_into(existing, subscriber.recv(5), stream.value)
        assert driver.cuGraphLaunch(launched, stream) == 0
        assert driver.cuStreamSynchronize(stream) == 0
        assert set(existing.to_host()) == {7}, number
        assert meeting.in_use(publisher) >= 1
    assert driver.cuGraphExecDestroy(launched) == 0
    assert driver.cuGraphDestroy(graph) == 0
    meeting.eventually(lambda: meeting.in_use(publisher) == 0)
    del sessions


def the_callers_context_stays():
    driver = ctypes.CDLL("libcuda.so.1")
    zenoh_pinned.to_device(b"1", "cuda:0")
    assert current_context(driver) is None, "there was none before"
    driver, second = application_on(1)
    buffer = zenoh_pinned.to_device(b"1", "cuda:0")
    zenoh_pinned.copy_into(buffer, b"2")
    assert buffer.to_host().tobytes() == b"2"
    capsule = buffer.__dlpack__(stream=1)
    del capsule, buffer
    assert current_context(driver) == second


def registered_host_memory():
    publisher, subscriber, sessions = pair()
    direct(publisher, subscriber)
    publisher.put(np.arange(100, dtype="uint8"))
    frame = subscriber.recv(5)
    capsule = frame.__dlpack__(max_version=(1, 0), dl_device=(3, 0))
    tensor = consume(capsule, b"dltensor_versioned").contents
    assert (tensor.tensor.device_type, tensor.flags) == (3, 1)
    assert ctypes.string_at(tensor.tensor.data, 100) == bytes(range(100))
    del sessions


def staged_and_pageable():
    zenoh_pinned.open_device("cuda:0", max_bytes=1 << 20, staging_slots=1, staging_bytes=65536)
    publisher, subscriber, sessions = pair(frame_bytes=65536, slots=64)
    publisher.put(np.full(65536, 3, "uint8"))
    buffer = zenoh_pinned.to_device(subscriber.recv(5), "cuda:0")
    assert buffer.path in ("staged", "pageable"), buffer
    assert buffer.reason.code in ("over_budget", "staging_busy"), buffer.reason
    assert set(buffer.to_host()) == {3}
    with meeting.raises(ValueError, match="already"):
        zenoh_pinned.open_device("cuda:0")
    del sessions


def no_such_device():
    for what in (lambda: zenoh_pinned.to_device(b"1", "cuda:7"), lambda: zenoh_pinned.Session(device=7)):
        with meeting.raises(zenoh_pinned.NoDevice, match="CUDA device 7"):
            what()
    assert zenoh_pinned.to_device(b"1", "auto").device == "cuda:0"


def failing_driver():
    buffer = zenoh_pinned.to_device(b"123", "cuda:0")
    control("fail=cuMemAllocAsync:2,fail=cuMemAlloc_v2:2")
    with meeting.raises(MemoryError, match="CUDA_ERROR_OUT_OF_MEMORY"):
        zenoh_pinned.to_device(b"123", "cuda:0")
    control("reset,fail=cuMemcpyHtoDAsync_v2:999:1")
    with meeting.raises(zenoh_pinned.CudaError, match="999"):
        zenoh_pinned.to_device(b"123", "cuda:0")
    control("reset")
    assert buffer.to_host().tobytes() == b"123"
    # After this one the driver answers no call in the context any more, and is asked no more.
    control("lose_context=0:719")
    for _ in range(3):
        with meeting.raises(zenoh_pinned.CudaError, match=r"context is lost.*719"):
            zenoh_pinned.to_device(b"123", "cuda:0")
    with meeting.raises(zenoh_pinned.CudaError, match="context is lost"):
        buffer.to_host()
    frame = zenoh_pinned.frame(b"123", "cuda:0")
    assert (frame.path, bytes(frame)) == ("host", b"123")
    assert "719" in str(frame.reason)


def views_of_an_imported_array_are_held():
    control("copy_delay_us=100000")
    zenoh_pinned.open_device("cuda:0", staging_slots=0)
    array = np.full(10000, 5, "uint8")
    references = sys.getrefcount(array)
    buffer = zenoh_pinned.to_device(array, "cuda:0")
    assert sys.getrefcount(array) > references
    del array
    assert set(buffer.to_host()) == {5}


def the_interpreter_is_free_while_a_copy_waits():
    zenoh_pinned.open_device("cuda:0", staging_slots=0)
    control("delay=cuMemcpyHtoDAsync_v2:300000")
    counted = 0
    done = threading.Event()

    def count():
        nonlocal counted
        while not done.is_set():
            counted += 1
            time.sleep(0.001)

    counting = threading.Thread(target=count)
    counting.start()
    before = counted
    zenoh_pinned.to_device(bytes(1000), "cuda:0")
    during = counted - before
    done.set()
    counting.join()
    assert during > 20, during


def weights_on_the_device():
    """Eight shards of a mebibyte, by a budget that has room for two of them."""
    import json
    import tempfile

    from zenoh_pinned import models

    zenoh_pinned.open_device("cuda:0", max_bytes=(2 << 20) + (64 << 10), staging_slots=0)
    arrays = {f"t{n}": np.arange(n, n + (1 << 18), dtype="float32") for n in range(8)}
    header = {
        name: {"dtype": "F32", "shape": [1 << 18], "data_offsets": [n << 20, (n + 1) << 20]}
        for n, name in enumerate(arrays)
    }
    text = json.dumps(header).encode()
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "m.safetensors"
        data = b"".join(array.tobytes() for array in arrays.values())
        path.write_bytes(len(text).to_bytes(8, "little") + text + data)
        with models.Registry(shard_bytes=1 << 20) as registry:
            weights = registry.load("m", path)
    assert len(weights.shards) == 8
    for _ in range(3):
        shards = weights.to_device("cuda:0")
        assert [shard.path for shard in shards] == ["direct"] * 8, shards
        for shard, array in zip(shards, arrays.values(), strict=True):
            assert shard.to_host().tobytes() == array.tobytes()


def tensors():
    if os.environ.get("ZENOH_PINNED_CUDA") != "real":
        control("copy_delay_us=20000")
    pool = zenoh_pinned.Pool(slot_bytes=65536, slots=2, wait=0.1)
    array = np.arange(24, dtype="float32").reshape(2, 3, 4)
    buffer = zenoh_pinned.to_device(array, "cuda:0")
    tensor = zenoh_pinned.Tensor.from_dlpack(buffer, pool)
    with meeting.raises(zenoh_pinned.NotInSharedMemory, "cuda:0"):
        zenoh_pinned.Tensor.from_dlpack(buffer, pool, zero_copy=True)
    with meeting.raises(TypeError, "pool="):
        zenoh_pinned.Tensor.from_dlpack(buffer)
    del buffer
    assert (tensor.shape, tensor.dtype, tensor.is_shared) == ((2, 3, 4), "float32", True)
    assert np.array_equal(tensor.numpy(), array)
    back = tensor.to_device("cuda:0")
    assert (back.shape, back.dtype) == ((2, 3, 4), "float32")
    assert np.array_equal(back.to_host(), array)
    words = np.arange(8, dtype="uint16")
    short = zenoh_pinned.to_device(words, "cuda:0", shape=(2, 4), dtype="bfloat16")
    tensor = zenoh_pinned.Tensor.from_dlpack(short, pool, zero_copy=False)
    assert (tensor.shape, tensor.dtype) == ((2, 4), "bfloat16")
    assert bytes(tensor.view(-1, "uint8")) == words.tobytes()

    class Scattered:
        """As a library shows a transposed array on the device."""

        def __dlpack__(self, **asked):
            capsule = np.zeros((2, 3)).T.__dlpack__(max_version=(1, 1))
            get = ctypes.pythonapi.PyCapsule_GetPointer
            get.restype, get.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
            # Behind version, context, deleter, flags and data.
            ctypes.c_int32.from_address(get(capsule, b"dltensor_versioned") + 40).value = 2
            return capsule

        def __dlpack_device__(self):
            return (2, 0)

    with meeting.raises(ValueError, "contiguous"):
        zenoh_pinned.Tensor.from_dlpack(Scattered(), pool)
    meeting.eventually(lambda: pool.statistics().in_use == 1)


def exit_with_copies_in_flight():
    if os.environ.get("ZENOH_PINNED_CUDA") != "real":
        control("copy_delay_us=500000")
    array = np.zeros(1 << 20, "uint8")
    globals()["kept"] = [zenoh_pinned.to_device(array, "cuda:0") for _ in range(10)]


if __name__ == "__main__":
    globals()[sys.argv[1]]()
    print("ok", os.getpid())
