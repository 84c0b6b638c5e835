"""Frames whose array has views or names that outlive the block in which it was written."""

import contextlib
import ctypes
import gc
import sys
import threading

import numpy as np
import pytest

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
