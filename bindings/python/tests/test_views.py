"""Views of received frames, and how long they last."""

import gc
import weakref

import numpy as np
import pytest
import zenoh_pinned

from meeting import eventually, in_use


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
    from meeting import connecting, link, listening

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
    with pytest.raises(BufferError, match="copy it"):
        frame.__dlpack__(max_version=(1, 0), copy=True)
    with pytest.raises(ValueError, match="no stream"):
        frame.__dlpack__(max_version=(1, 0), stream=1)


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
