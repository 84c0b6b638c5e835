"""Ten thousand frames leave nothing behind."""

import gc
import os
from pathlib import Path

import numpy as np
import zenoh_pinned

from meeting import eventually, in_use, link

FRAMES = int(os.environ.get("ZENOH_PINNED_LEAK_FRAMES", "10000"))


def resident_bytes():
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


def descriptors():
    return len(list(Path("/proc/self/fd").iterdir()))


def test_memory_slots_and_descriptors_stay_what_they_are(sessions):
    producer, consumer = sessions
    publisher = producer.declare_publisher("test/frame", 1 << 16, slots=4, wait=10)
    subscriber = consumer.declare_subscriber("test/frame")
    link(publisher, subscriber)
    existing = np.zeros(1 << 14, "float32")

    def one_frame(number):
        if number % 2:
            with publisher.allocate((128, 128), "float32", attachment=b"x") as array:
                array[0, 0] = number
            del array
        else:
            publisher.put(existing)
        frame = subscriber.recv(10)
        views = [np.asarray(frame), memoryview(frame), np.from_dlpack(frame), frame.view((1 << 14,), "f4")]
        views.append(zenoh_pinned.frame(views[0]))
        views.append(zenoh_pinned.to_device(frame, "cpu"))
        assert frame.path == "host"
        assert str(frame.reason)
        if number % 7 == 0:
            repr((frame, views[-1], publisher.pool.statistics()))

    def state():
        gc.collect()
        eventually(lambda: in_use(publisher) == 0)
        return resident_bytes(), descriptors()

    for number in range(1000):
        one_frame(number)
    bytes_before, descriptors_before = state()
    for number in range(FRAMES):
        one_frame(number)
    bytes_after, descriptors_after = state()
    assert descriptors_after == descriptors_before
    # Less than ten bytes a frame: an object that stayed would be more.
    assert bytes_after - bytes_before < max(10 * FRAMES, 1 << 20)
