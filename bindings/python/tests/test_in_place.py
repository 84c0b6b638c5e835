"""Writing frames where they are read."""

import gc
import pickle

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
