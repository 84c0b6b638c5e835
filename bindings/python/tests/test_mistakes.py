"""Mistakes are errors that say what to do, and nothing is lost by them."""

import gc
import os

import numpy as np
import pytest
import zenoh_pinned

from meeting import ALONE, in_use


@pytest.mark.parametrize(
    ("shape", "dtype", "error", "message"),
    [
        ((0,), "uint8", ValueError, "no elements"),
        ((2**40, 2**40), "uint8", ValueError, "too many"),
        ((65537,), "uint8", ValueError, "65536"),
        ((-1,), "uint8", ValueError, "negative"),
        (-1, "uint8", ValueError, "negative"),
        ("ab", "uint8", TypeError, "sequence of integers"),
        ((1.5,), "uint8", TypeError, "integer"),
        ((1,), "object", TypeError, "object"),
        ((1,), "complex64", TypeError, "one of uint8"),
        ((1,), ">f4", TypeError, "byte order"),
        ((1,), "datetime64[ns]", TypeError, "datetime64"),
        ((1,), [("a", "u1")], TypeError, "bytes"),
        ((1,), "nonsense", TypeError, "nonsense"),
    ],
)
def test_a_shape_or_type_that_cannot_be_allocated(pair, shape, dtype, error, message):
    publisher, _ = pair
    with pytest.raises(error, match=message):
        publisher.allocate(shape, dtype)
    assert in_use(publisher) == 0


@pytest.mark.parametrize(
    ("data", "error", "message"),
    [
        (np.zeros((8, 8), "uint8")[:, ::2], ValueError, "ascontiguousarray"),
        (np.zeros((8, 8), "uint8").T[:3], ValueError, "ascontiguousarray"),
        (np.asfortranarray(np.zeros((8, 8), "uint8")), ValueError, "ascontiguousarray"),
        (np.zeros(3, ">u2"), TypeError, "byte order"),
        (np.array([None]), TypeError, "object"),
        (np.zeros(3, "complex128"), TypeError, "complex128"),
        (np.zeros(0, "uint8"), ValueError, "empty"),
        (np.zeros(65537, "uint8"), ValueError, "65536"),
        ("text", TypeError, "bytes-like"),
        (7, TypeError, "bytes-like"),
        (None, TypeError, "bytes-like"),
        ([1, 2], TypeError, "bytes-like"),
    ],
)
def test_data_that_cannot_be_published(pair, data, error, message):
    publisher, subscriber = pair
    with pytest.raises(error, match=message):
        publisher.put(data)
    assert in_use(publisher) == 0
    publisher.put(b"next")
    assert bytes(subscriber.recv(5)) == b"next"


@pytest.mark.parametrize(
    "data", [np.zeros((1, 5), "uint8")[:, :5], np.zeros((3, 1), "f4").T, np.zeros((), "f8")]
)
def test_arrays_that_are_contiguous_after_all_are_published(pair, data):
    publisher, subscriber = pair
    publisher.put(data)
    assert subscriber.recv(5).nbytes == data.nbytes


@pytest.mark.parametrize("timeout", [-1, float("nan"), float("inf")])
def test_times_that_are_none(pair, timeout):
    publisher, subscriber = pair
    for call in (
        lambda: publisher.allocate((1,), timeout=timeout),
        lambda: subscriber.recv(timeout),
        lambda: publisher.drain(timeout),
    ):
        with pytest.raises(ValueError, match="seconds"):
            call()


def test_pools_that_cannot_be():
    with pytest.raises(ValueError, match="at least one"):
        zenoh_pinned.Pool(0)
    with pytest.raises(ValueError, match="at least one"):
        zenoh_pinned.Pool(1, 0)
    with pytest.raises(zenoh_pinned.OverBudget, match="max_bytes"):
        zenoh_pinned.Pool(1 << 20, 8, max_bytes=1 << 20)
    with pytest.raises(MemoryError):
        zenoh_pinned.Pool(1 << 20, 8, max_bytes=1 << 20)


def test_a_publisher_without_a_size_and_a_session_without_a_configuration(sessions):
    producer, _ = sessions
    with pytest.raises(TypeError, match="frame_bytes"):
        producer.declare_publisher("test/frame")
    with pytest.raises(TypeError, match="not both"):
        producer.declare_publisher("test/frame", 10, pool=zenoh_pinned.Pool(10))
    with pytest.raises(ValueError, match="Key Expr"):
        producer.declare_publisher("test//frame", 10)
    with pytest.raises(ValueError, match="configuration"):
        zenoh_pinned.Session("{mode: 'nothing'}")
    with pytest.raises(ValueError, match="configuration"):
        zenoh_pinned.Session({"no such key": 1})


def in_a_fork(check):
    """What `check` says in a forked child."""
    reading, writing = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            text = check()
        except Exception as error:
            text = f"{type(error).__name__}: {error}"
        os.write(writing, text.encode())
        os._exit(0)
    os.close(writing)
    text = os.read(reading, 4096).decode()
    os.close(reading)
    assert os.waitpid(pid, 0)[1] == 0
    return text


def test_a_forked_child_is_told_and_cannot_harm_its_parent(pair):
    publisher, subscriber = pair
    with publisher.allocate((100,)) as array:
        array[:] = 1
    frame = subscriber.recv(5)
    writing = publisher.allocate((100,))
    assert "spawn" in in_a_fork(lambda: publisher.put(b"child"))
    assert "spawn" in in_a_fork(lambda: publisher.allocate((1,)))
    assert "spawn" in in_a_fork(lambda: subscriber.recv(1))
    assert "spawn" in in_a_fork(lambda: zenoh_pinned.to_device(frame, "auto"))

    def drops():
        nonlocal frame, array, writing
        seen = bytes(frame)[:1]
        del frame, array, writing
        return str(seen)

    assert in_a_fork(drops) == "b'\\x01'"

    def drops_all():
        nonlocal publisher, subscriber, pair
        del publisher, subscriber, pair
        gc.collect()
        return "and did not wait"

    assert in_a_fork(drops_all) == "and did not wait"
    # What the child dropped is the parent's still.
    assert in_use(publisher) == 2
    assert set(bytes(frame)) == {1}
    with writing as written:
        written[:] = 2
    assert set(bytes(subscriber.recv(5))) == {2}


def test_a_session_that_is_dropped_in_a_forked_child_does_not_wait_for_ever():
    session = zenoh_pinned.Session(ALONE)

    def drops():
        nonlocal session
        session = None
        return "done"

    assert in_a_fork(drops) == "done"
    session.close()


def test_shapes_that_no_memory_has(pair):
    publisher, subscriber = pair
    publisher.put(b"1")
    frame = subscriber.recv(5)
    for shape in ((0, 2**62, 2**62), (0, 2**63), (2**63, 2)):
        with pytest.raises(ValueError, match="shape"):
            frame.view(shape)
        with pytest.raises(ValueError, match="shape"):
            zenoh_pinned.to_device(frame, "cpu", shape=shape)
