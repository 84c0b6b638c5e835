"""Views of received frames, and how long they last."""

import contextlib
import ctypes
import gc
import weakref

import numpy as np
import pytest
import zenoh_pinned

from meeting import connecting, eventually, in_use, link, listening


def received(pair, array):
    publisher, subscriber = pair
    publisher.put(array)
    return subscriber.recv(5)


@pytest.mark.parametrize(
    "view",
    [
        np.asarray,
        memoryview,
        np.from_dlpack,
        lambda frame: np.asarray(frame)[10:20],
        lambda frame: frame.numpy((50, 2, 10)),
        lambda frame: frame.view((500,), "uint16"),
        zenoh_pinned.frame,
        lambda frame: zenoh_pinned.frame(np.asarray(frame)),
        lambda frame: frame.__dlpack__(max_version=(1, 0)),
    ],
)
def test_a_view_keeps_the_slot_whatever_is_deleted_first(pair, view):
    publisher, _ = pair
    frame = received(pair, np.arange(1000, dtype="uint8"))
    shown = view(frame)
    del frame
    gc.collect()
    assert in_use(publisher) == 1
    del shown
    gc.collect()
    eventually(lambda: in_use(publisher) == 0)


def test_views_outlive_the_subscriber_and_the_session(port):
    with zenoh_pinned.Session(listening(port)) as producer:
        publisher = producer.declare_publisher("test/frame", 4096)
        with zenoh_pinned.Session(connecting(port)) as consumer:
            subscriber = consumer.declare_subscriber("test/frame")
            link(publisher, subscriber)
            publisher.put(np.full(4096, 7, "uint8"))
            array = np.asarray(subscriber.recv(5))
            del subscriber
        del consumer
        publisher.close()
        del publisher
        gc.collect()
        assert array.min() == array.max() == 7
    del producer
    gc.collect()
    assert array.min() == array.max() == 7


def test_received_frames_are_read_only_in_every_view(pair):
    frame = received(pair, np.zeros(1000, "uint8"))
    for array in (
        np.asarray(frame),
        frame.numpy((10, 100)),
        np.from_dlpack(frame),
        np.frombuffer(frame, "uint8"),
    ):
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 1
    assert memoryview(frame).readonly
    with pytest.raises(ValueError, match=r"read-only|WRITEABLE"):
        np.asarray(frame).flags.writeable = True


def test_views_show_the_same_bytes_at_the_same_address(pair):
    original = np.random.default_rng(2).integers(0, 255, 5000, dtype="uint8")
    frame = received(pair, original)
    views = [np.asarray(frame), np.from_dlpack(frame), np.frombuffer(frame, "uint8")]
    assert {view.ctypes.data for view in views} == {frame.__array_interface__["data"][0]}
    assert all(np.array_equal(view, original) for view in views)
    assert bytes(frame) == original.tobytes()


@pytest.mark.parametrize("dtype", ["int8", "uint16", "int32", "uint64", "float16", "float32", "float64"])
def test_elements_keep_their_type_in_every_view(pair, dtype):
    original = np.arange(24).astype(dtype).reshape(2, 3, 4)
    frame = received(pair, original).view((2, 3, 4), dtype)
    assert (frame.dtype, frame.shape, len(frame)) == (dtype, (2, 3, 4), 2)
    for view in (np.asarray(frame), np.from_dlpack(frame), np.asarray(memoryview(frame))):
        assert view.dtype == dtype
        assert np.array_equal(view, original)


def test_a_frame_of_another_librarys_array_shows_that_array():
    array = np.arange(12, dtype="float32").reshape(3, 4)
    frame = zenoh_pinned.frame(array)
    assert (frame.dtype, frame.shape, frame.is_shared) == ("float32", (3, 4), False)
    assert np.asarray(frame).ctypes.data == array.ctypes.data
    gone = weakref.ref(array)
    del array
    assert np.asarray(frame)[2, 3] == 11
    del frame
    gc.collect()
    assert gone() is None


def test_without_a_device_the_path_is_host_and_the_reason_says_so(pair):
    frame = zenoh_pinned.frame(received(pair, b"1234"), "cpu")
    assert frame.path == "host"
    assert frame.reason.code == "host_only"
    assert "no device" in str(frame.reason)
    other = zenoh_pinned.frame(b"", "cpu").reason
    assert frame.reason == other
    assert hash(frame.reason) == hash(other)


def test_dlpack_says_no_where_it_cannot_say_read_only_or_has_no_such_memory(pair):
    frame = received(pair, b"1234")
    assert frame.__dlpack_device__() == (1, 0)
    with pytest.raises(BufferError, match="older one"):
        frame.__dlpack__()
    with pytest.raises(BufferError, match="registered"):
        frame.__dlpack__(max_version=(1, 0), dl_device=(3, 0))
    with pytest.raises(BufferError, match="to_device"):
        frame.__dlpack__(max_version=(1, 0), dl_device=(2, 0))
    for elsewhere in ((1, 7), (1, -1), (3, 1)):
        with pytest.raises(BufferError, match="to_device"):
            frame.__dlpack__(max_version=(1, 0), dl_device=elsewhere)
    with pytest.raises(BufferError, match="ordinary memory"):
        frame.__dlpack__(max_version=(1, 0), dl_device=(3, 0), copy=True)
    with pytest.raises(ValueError, match="no stream"):
        frame.__dlpack__(max_version=(1, 0), stream=1)


class Exported:
    """A capsule, for importers that ask an object for one."""

    def __init__(self, capsule):
        self.capsule = capsule

    def __dlpack__(self, **_):
        return self.capsule

    def __dlpack_device__(self):
        return (1, 0)


@pytest.mark.parametrize("max_version", [(1, 0), None])
def test_a_copy_through_dlpack_is_the_importers_alone(pair, max_version):
    publisher, _ = pair
    original = np.arange(24, dtype="float32").reshape(2, 3, 4)
    frame = received(pair, original).view((2, 3, 4), "float32")

    assert np.from_dlpack(frame, copy=True).flags.writeable
    copy = np.from_dlpack(Exported(frame.__dlpack__(max_version=max_version, copy=True)))
    assert np.array_equal(copy, original)
    assert copy.ctypes.data % 256 == 0
    assert not np.shares_memory(copy, np.asarray(frame))
    # NumPy shows memory of versions before 1.0 read-only.
    assert copy.flags.writeable == (max_version is not None)
    capsule = frame.__dlpack__(max_version=max_version, copy=True)
    if max_version is not None:
        assert flags_of(capsule) == IS_COPIED
    del frame, capsule
    gc.collect()
    eventually(lambda: in_use(publisher) == 0)
    assert np.array_equal(copy, original)


IS_COPIED = 2


def flags_of(capsule):
    """`DLManagedTensorVersioned.flags`: behind the version, the context and the deleter."""
    pointer_of = ctypes.pythonapi.PyCapsule_GetPointer
    pointer_of.restype = ctypes.c_void_p
    pointer_of.argtypes = [ctypes.py_object, ctypes.c_char_p]
    address = pointer_of(capsule, b"dltensor_versioned")
    return ctypes.c_uint64.from_address(address + 24).value


class Buffer(ctypes.Structure):
    """`Py_buffer`, to ask for what `memoryview` never asks for."""

    _fields_ = (
        ("buf", ctypes.c_void_p),
        ("obj", ctypes.py_object),
        ("len", ctypes.c_ssize_t),
        ("itemsize", ctypes.c_ssize_t),
        ("readonly", ctypes.c_int),
        ("ndim", ctypes.c_int),
        ("format", ctypes.c_char_p),
        ("shape", ctypes.POINTER(ctypes.c_ssize_t)),
        ("strides", ctypes.POINTER(ctypes.c_ssize_t)),
        ("suboffsets", ctypes.POINTER(ctypes.c_ssize_t)),
        ("internal", ctypes.c_void_p),
    )


@contextlib.contextmanager
def buffer_of(exporter, flags):
    buffer = Buffer()
    get = ctypes.pythonapi.PyObject_GetBuffer
    get.argtypes = [ctypes.py_object, ctypes.POINTER(Buffer), ctypes.c_int]
    get(exporter, ctypes.byref(buffer), flags)
    yield buffer
    ctypes.pythonapi.PyBuffer_Release(ctypes.byref(buffer))


# PyBUF_STRIDES | PyBUF_FORMAT, and PyBUF_F_CONTIGUOUS.
FULL = 0x1C
F_CONTIGUOUS = 0x58


def test_a_buffer_of_no_dimension_has_no_shape_and_no_strides(pair):
    frame = received(pair, b"1234").view((), "float32")
    with buffer_of(frame, FULL) as buffer:
        assert (buffer.ndim, buffer.len, buffer.itemsize) == (0, 4, 4)
        assert not buffer.shape
        assert not buffer.strides
    assert memoryview(frame).shape == ()
    assert np.asarray(frame).shape == ()


@pytest.mark.parametrize(
    ("shape", "is_granted"),
    [
        ((), True),
        ((24,), True),
        ((1, 24), True),
        ((24, 1), True),
        ((1, 24, 1), True),
        ((2, 12), False),
        ((2, 1, 12), False),
    ],
)
def test_fortrans_order_is_granted_where_it_is_the_same(pair, shape, is_granted):
    frame = received(pair, np.arange(24, dtype="uint8") if shape else b"1").view(shape)
    assert np.asarray(frame).flags.f_contiguous == is_granted
    if is_granted:
        with buffer_of(frame, F_CONTIGUOUS) as buffer:
            assert buffer.shape[: buffer.ndim] == list(shape)
    else:
        with pytest.raises(BufferError, match="row-major"), buffer_of(frame, F_CONTIGUOUS):
            pass


def test_one_size_of_a_shape_may_be_left_to_the_bytes(pair):
    frame = received(pair, np.arange(24, dtype="uint8"))
    for asked in ((-1,), (-1, 1), (2, -1, 3), (4, 6, -1)):
        expected = np.asarray(frame).reshape(asked)
        assert frame.view(asked).shape == expected.shape == frame.numpy(asked).shape
        assert zenoh_pinned.to_device(frame, "cpu", shape=asked).shape == expected.shape
    assert frame.view((-1, 2), "float32").shape == (3, 2)
    empty = zenoh_pinned.frame(b"")
    assert empty.view((-1,)).shape == empty.view((3, -1)).shape[1:] == (0,)
    for wrong in ((-1, -1), (-2,), (-1, 5), (0, -1), (-1, 2**70)):
        with pytest.raises(ValueError, match="shape"):
            frame.view(wrong)


def test_a_frame_that_does_not_fit_another_shape_says_so(pair):
    frame = received(pair, b"12345")
    with pytest.raises(ValueError, match="5 bytes"):
        frame.view((3,), "uint16")
    with pytest.raises(TypeError, match="received"):
        zenoh_pinned.Frame()


def test_an_empty_payload_is_an_empty_frame():
    frame = zenoh_pinned.frame(b"")
    assert (frame.nbytes, frame.shape, bytes(frame)) == (0, (0,), b"")
    assert np.asarray(frame).size == 0
