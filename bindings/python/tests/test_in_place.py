"""Writing frames where they are read."""

import contextlib
import ctypes
import gc
import pickle
import sys
import threading

import numpy as np
import pytest
import zenoh_pinned

from conftest import script
from meeting import eventually, in_use, link


def test_what_is_written_in_the_block_lies_in_the_slot_and_arrives(pair):
    publisher, subscriber = pair
    with publisher.allocate((64, 256), "uint16", attachment=b"7") as array:
        address = array.ctypes.data
        array[:] = np.arange(array.size, dtype="uint16").reshape(array.shape)
    frame = subscriber.recv(5)
    assert frame.is_shared
    assert (frame.nbytes, frame.attachment, frame.key) == (32768, b"7", "test/frame")
    assert address % 4096 == 0
    assert np.array_equal(frame.numpy((64, 256), "uint16"), array)
    # The consumer in this process maps the same pages again: what it shows is what was written, not a copy.
    assert frame.numpy().ctypes.data % 4096 == 0


def test_no_copy_is_made_of_a_frame_that_is_written_in_place(pair):
    publisher, subscriber = pair
    before = publisher.pool.statistics().allocations
    writing = publisher.allocate((65536,))
    with writing as array:
        array[:] = 5
    assert not writing.copied
    frame = subscriber.recv(5)
    assert bytes(memoryview(frame)[:3]) == b"\x05\x05\x05"
    assert publisher.pool.statistics().allocations == before + 1


def test_the_array_is_read_only_once_it_has_been_sent_and_keeps_its_slot(pair):
    publisher, subscriber = pair
    with publisher.allocate((1000,)) as array:
        array[:] = 1
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 2
    with pytest.raises(ValueError, match="cannot set WRITEABLE"):
        array.flags.writeable = True
    del subscriber
    gc.collect()
    assert array[0] == 1


def test_the_slot_is_free_when_reader_and_writer_have_let_go(pair):
    publisher, subscriber = pair
    with publisher.allocate((1000,)) as array:
        array[:] = 1
    frame = subscriber.recv(5)
    assert in_use(publisher) == 1
    del frame
    assert in_use(publisher) == 1
    del array
    eventually(lambda: in_use(publisher) == 0)


VIEWS = {
    "slice": lambda array: array[2:4],
    "slice of a slice": lambda array: array[2:8][1:3],
    "memoryview": memoryview,
    "slice's memoryview": lambda array: memoryview(array[2:4]),
    "flat": lambda array: array.reshape(-1),
    "transposed": lambda array: array.T,
    "array": np.asarray,
    "array view": lambda array: array.view(np.ndarray),
    "bytes": lambda array: array.view("uint8"),
    "base": lambda array: array.base,
    "iterator": lambda array: array.flat,
    "tensor": np.from_dlpack,
    "buffer": lambda array: np.frombuffer(array, "uint8"),
    "array of the buffer": lambda array: np.ndarray((10, 100), "uint8", buffer=array),
    "pointer": lambda array: array.ctypes.data_as(ctypes.POINTER(ctypes.c_uint8)),
    "ctypes": lambda array: (ctypes.c_uint8 * 1000).from_buffer(array),
    "strided": lambda array: np.lib.stride_tricks.as_strided(array, (20, 50), (50, 1)),
    "window": lambda array: np.lib.stride_tricks.sliding_window_view(array, (2, 2), writeable=True),
    "list": list,
    "result": lambda array: array.__iadd__(0)[1:],
}


def write_nine(kept):
    if isinstance(kept, (np.ndarray, memoryview)):
        np.asarray(kept)[...] = 9
    else:
        kept[0] = 9


@pytest.mark.parametrize("view", VIEWS)
def test_a_frame_that_could_be_changed_after_the_block_is_sent_by_a_copy(pair, view):
    publisher, subscriber = pair
    writing = publisher.allocate((10, 100))
    with writing as array:
        array[:] = 1
        kept = VIEWS[view](array)
    assert writing.copied
    frame = subscriber.recv(5)
    with contextlib.suppress(ValueError, TypeError):
        write_nine(kept)
    assert set(bytes(frame)) == {1}
    assert np.all(np.asarray(array)[-1] == 1) or view != "slice"


@pytest.mark.parametrize("view", VIEWS)
def test_a_view_is_found_where_the_array_has_no_name_any_more(pair, view):
    publisher, subscriber = pair
    writing = publisher.allocate((10, 100))

    def fill(array):
        array[:] = 1
        return VIEWS[view](array)

    kept = fill(writing.__enter__())
    gc.collect()
    writing.__exit__(None, None, None)
    assert writing.copied
    frame = subscriber.recv(5)
    with contextlib.suppress(ValueError, TypeError):
        write_nine(kept)
    assert set(bytes(frame)) == {1}


def test_a_second_name_is_of_the_sealed_array(pair):
    publisher, subscriber = pair
    writing = publisher.allocate((10, 100))
    with writing as array:
        array[:] = 1
        second = array
    assert writing.copied
    with pytest.raises(ValueError, match="read-only"):
        second[:] = 9
    assert set(bytes(subscriber.recv(5))) == {1}


def test_views_that_have_gone_cost_no_copy(pair):
    publisher, subscriber = pair
    writing = publisher.allocate((10, 100))
    with writing as array:
        for row in array:
            row[:] = 1
        del row
        memoryview(array).release()
        np.from_dlpack(array)
        array += 0
        array.ravel()[5] = 1
        array.flat = 1
    assert not writing.copied
    assert set(bytes(subscriber.recv(5))) == {1}


def test_an_attribute_may_be_what_the_block_names(pair):
    publisher, subscriber = pair
    holder = Holder()
    writing = publisher.allocate((16,))
    with writing as holder.array:
        holder.array[:] = 1
    assert not writing.copied
    with pytest.raises(ValueError, match="read-only"):
        holder.array[:] = 9
    assert set(bytes(subscriber.recv(5))) == {1}


def test_the_callers_names_are_left_alone(pair):
    publisher, _ = pair

    def function():
        kept = "kept"
        # What a debugger or a template has in hand.
        names = locals()
        frame_names = sys._getframe().f_locals
        names["added"] = 1
        with publisher.allocate((16,)) as array:
            array[:] = 1
        assert (names["kept"], names["added"]) == (kept, 1)
        assert frame_names["kept"] == kept
        return names, frame_names

    names, frame_names = function()
    assert names["kept"] == frame_names["kept"] == "kept"


def test_what_is_computed_of_the_array_is_an_ordinary_array(pair):
    publisher, _ = pair
    with publisher.allocate((4, 5), "float32") as array:
        array[:] = 2
        assert isinstance(array, np.ndarray)
        for result in (
            array + 1,
            np.sqrt(array),
            array @ array.T,
            array.sum(axis=0),
            np.concatenate([array]),
        ):
            assert type(result) is np.ndarray
        assert array.sum() == array.max() * 20 == 40
        assert isinstance(array.sum(), np.float32)
        assert np.add(array, 1, out=array) is array
        copies = (pickle.loads(pickle.dumps(array)), pickle.loads(pickle.dumps(array, protocol=5)))
    for copied in copies:
        assert type(copied) is np.ndarray
        assert np.all(copied == 3)


def test_a_name_that_was_given_to_a_view_does_not_hide_it(pair):
    publisher, subscriber = pair
    writing = publisher.allocate((16,))
    with writing as array:
        array[:] = 1
        array = memoryview(array)
    assert writing.copied
    frame = subscriber.recv(5)
    array[0] = 99
    assert set(bytes(frame)) == {1}


def test_a_view_that_somebody_else_keeps_is_found_without_a_name_too(pair):
    publisher, subscriber = pair
    kept = []

    def fill(array):
        array[:] = 1
        kept.append(memoryview(array))

    with contextlib.ExitStack() as stack:
        fill(stack.enter_context(publisher.allocate((16,))))
    frame = subscriber.recv(5)
    kept[0][0] = 99
    assert set(bytes(frame)) == {1}


class Holder:
    array = None


def test_views_that_another_thread_makes_all_the_time_change_no_sent_frame(pair):
    publisher, subscriber = pair
    holder = Holder()
    done = threading.Event()

    def scribble():
        while not done.is_set():
            array = holder.array
            if array is not None:
                with contextlib.suppress(ValueError):
                    array[3:][:] = 99
            del array

    before = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    scribbling = threading.Thread(target=scribble)
    scribbling.start()
    try:
        for _ in range(300):
            with publisher.allocate((16,), timeout=10) as holder.array:
                holder.array[:] = 1
            frame = subscriber.recv(10)
            first = bytes(frame)
            assert all(bytes(frame) == first for _ in range(20))
            del frame
            holder.array = None
    finally:
        done.set()
        scribbling.join()
        sys.setswitchinterval(before)


def test_nothing_of_the_function_is_kept_that_the_block_looked_at(pair):
    publisher, _ = pair

    def function():
        other = object()
        references = sys.getrefcount(other)
        with publisher.allocate((16,)) as array:
            array[:] = 1
        assert sys.getrefcount(other) == references
        assert sys.getrefcount(array) == 2
        return array

    with contextlib.suppress(TimeoutError):
        function()


def test_an_exception_in_the_block_sends_nothing_and_gives_the_slot_back(pair):
    publisher, subscriber = pair
    message = "the lens cap is on"

    def fails():
        with publisher.allocate((1000,)) as array:
            array[:] = 1
            raise RuntimeError(message)

    with pytest.raises(RuntimeError, match=message):
        fails()
    with pytest.raises(TimeoutError):
        subscriber.recv(0.2)
    eventually(lambda: in_use(publisher) == 0)


def test_a_frame_that_is_never_written_goes_back_to_the_pool(pair):
    publisher, _ = pair
    writing = publisher.allocate((1000,))
    assert in_use(publisher) == 1
    del writing
    assert in_use(publisher) == 0


def test_a_frame_is_written_once(pair):
    publisher, _ = pair
    writing = publisher.allocate((1000,))
    with writing as array:
        array[:] = 0
    with pytest.raises(ValueError, match="allocate another"), writing:
        pass


def test_several_publishers_share_a_pool(sessions):
    producer, consumer = sessions
    pool = zenoh_pinned.Pool(4096, 4)
    publishers = [producer.declare_publisher(key, pool=pool) for key in ("test/left", "test/right")]
    subscriber = consumer.declare_subscriber("test/*", capacity=2)
    for publisher in publishers:
        link(publisher, subscriber)
    for number, publisher in enumerate(publishers):
        with publisher.allocate((100,), "float64") as array:
            array[:] = number
        del array
    frames = {
        frame.key: set(frame.numpy(dtype="float64")) for frame in (subscriber.recv(5), subscriber.recv(5))
    }
    assert frames == {"test/left": {0.0}, "test/right": {1.0}}
    assert publishers[0].pool is pool


def test_an_array_made_of_the_arrays_buffer_changes_no_sent_frame(pair):
    publisher, subscriber = pair
    writing = publisher.allocate((10,))
    with writing as array:
        array[:] = 1
        other = np.ndarray((10,), "uint8", buffer=array)
    frame = subscriber.recv(5)
    with contextlib.suppress(ValueError):
        other[:] = 9
    assert set(bytes(frame)) == {1}
    assert writing.copied


def test_an_existing_array_is_copied_once(pair):
    publisher, subscriber = pair
    before = publisher.pool.statistics().allocations
    array = np.random.default_rng(1).integers(0, 255, (50, 60), dtype="uint8")
    publisher.put(array)
    frame = subscriber.recv(5)
    assert np.array_equal(frame.numpy((50, 60)), array)
    assert publisher.pool.statistics().allocations == before + 1


def test_an_unmodified_zenoh_subscriber_receives_what_is_written(sessions, port):
    producer, _ = sessions
    publisher = producer.declare_publisher("test/frame", 1 << 20)
    with script("zenoh_sink.py", port, "test/frame", 20) as sink:
        assert sink.stdout.readline() == "ready\n"
        for number in range(20):
            with publisher.allocate((1 << 20,)) as array:
                array[:] = number
        sums = [line.split() for line in sink.stdout]
    assert sums == [[str(1 << 20), str(number), "shared"] for number in range(20)]
    eventually(lambda: in_use(publisher) <= 1)
