"""Waiting: threads, asyncio, signals, and what full pools and closed sessions do."""

import asyncio
import signal
import subprocess
import sys
import threading
import time

import numpy as np
import pytest
import zenoh_pinned

from meeting import connecting, eventually, free_port, in_use, link, listening


class Counting:
    """Counts on another thread for as long as that gets the interpreter."""

    def __enter__(self):
        self.count = 0
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        return self

    def _run(self):
        while not self._done.wait(0.001):
            self.count += 1

    def __exit__(self, *_):
        self._done.set()
        self._thread.join()


def test_others_run_while_a_subscriber_waits(pair):
    _, subscriber = pair
    with Counting() as counting:
        with pytest.raises(TimeoutError, match=r"0\.3 s"):
            subscriber.recv(0.3)
        assert counting.count > 20


def test_others_run_while_a_full_pool_waits_and_the_error_says_what_to_do(pair):
    publisher, _ = pair
    held = [publisher.allocate((65536,)) for _ in range(4)]
    with Counting() as counting:
        with pytest.raises(zenoh_pinned.PoolFull, match="4 unsent in this process") as full:
            publisher.allocate((1,), timeout=0.3)
        with pytest.raises(TimeoutError):
            publisher.put(b"1", timeout=0.0)
        assert counting.count > 20
    assert "consumer" not in str(full.value)
    with pytest.raises(TimeoutError, match="4 unsent in this process"):
        publisher.drain(0)
    statistics = publisher.pool.statistics()
    assert (statistics.in_use, statistics.timeouts) == (4, 2)
    assert statistics.waited >= 0.3
    del held


def test_a_pool_full_of_views_of_sent_frames_says_so_and_blames_no_consumer(pair):
    publisher, subscriber = pair
    views = []
    for _ in range(4):
        with publisher.allocate((65536,)) as array:
            array[:] = 0
        views.append(array)
        del array
        subscriber.recv(20)
    with pytest.raises(zenoh_pinned.PoolFull, match="4 sent and still read in this process") as full:
        publisher.put(b"1", timeout=0.1)
    assert "consumer" not in str(full.value)
    del views
    frames = []
    for number in range(4):
        publisher.put(bytes([number]), timeout=20)
        frames.append(subscriber.recv(20).numpy())
    with pytest.raises(TimeoutError, match="4 sent and still read in this process"):
        publisher.drain(0)


def test_a_waiting_allocation_gets_the_slot_that_another_thread_lets_go(pair):
    publisher, _ = pair
    held = [publisher.allocate((65536,)) for _ in range(4)]
    timer = threading.Timer(0.1, held.pop)
    timer.start()
    with publisher.allocate((65536,), timeout=20) as array:
        array[:] = 0
    timer.join()


def test_a_queue_keeps_the_newest_frames_and_counts_the_others(sessions):
    producer, consumer = sessions
    publisher = producer.declare_publisher("test/frame", 4096, slots=8)
    subscriber = consumer.declare_subscriber("test/frame", capacity=4)
    link(publisher, subscriber)
    overrun = subscriber.overrun
    for number in range(10):
        publisher.put(bytes([number]), timeout=5)
    eventually(lambda: subscriber.overrun >= overrun + 6)
    assert [bytes(subscriber.recv(5))[0] for _ in range(4)] == [6, 7, 8, 9]
    assert subscriber.try_recv() is None


def test_a_closed_session_ends_the_loop_of_a_subscriber(sessions):
    producer, consumer = sessions
    publisher = producer.declare_publisher("test/frame", 4096)
    subscriber = consumer.declare_subscriber("test/frame")
    link(publisher, subscriber)
    publisher.put(b"last")
    received = []
    closing = threading.Timer(0.2, consumer.close)
    closing.start()
    received.extend(bytes(frame) for frame in subscriber)
    closing.join()
    assert received == [b"last"]
    with pytest.raises(ConnectionError, match="closed"):
        subscriber.recv(1)
    with pytest.raises(ConnectionError, match="another"):
        consumer.declare_subscriber("test/other")
    publisher.close()
    with pytest.raises(ConnectionError, match="another"):
        publisher.put(b"x")
    publisher.close()


def test_closing_a_subscriber_ends_its_waiting_thread(pair):
    _, subscriber = pair
    ended = []

    def wait():
        with pytest.raises(ConnectionError):
            subscriber.recv()
        ended.append(True)

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.1)
    subscriber.close()
    waiting.join(10)
    assert ended == [True]


def test_an_event_loop_goes_on_while_frames_are_awaited(pair):
    publisher, subscriber = pair

    async def main():
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        ticking = asyncio.create_task(tick())
        threading.Timer(0.2, publisher.put, (b"1",)).start()
        frame = await subscriber.recv_async()
        assert bytes(frame) == b"1"
        assert ticks > 20
        # Until Python 3.11 another one than the built-in.
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(subscriber.recv_async(), 0.05)
        # Cancelling has lost nothing, and two may wait at once.
        both = [asyncio.create_task(subscriber.recv_async()) for _ in range(2)]
        await asyncio.sleep(0.01)
        publisher.put(b"2")
        publisher.put(b"3")
        assert sorted([bytes(frame) for frame in await asyncio.gather(*both)]) == [b"2", b"3"]
        ticking.cancel()

    asyncio.run(main())


def test_async_for_ends_with_the_session(sessions):
    producer, consumer = sessions
    publisher = producer.declare_publisher("test/frame", 4096)
    subscriber = consumer.declare_subscriber("test/frame")
    link(publisher, subscriber)

    async def main():
        threading.Timer(0.1, publisher.put, (b"1",)).start()
        threading.Timer(0.4, consumer.close).start()
        return [bytes(frame) async for frame in subscriber]

    assert asyncio.run(main()) == [b"1"]


def test_many_threads_publish_and_receive_every_frame(sessions):
    producer, consumer = sessions
    publisher = producer.declare_publisher("test/frame", 4096, slots=16, wait=20)
    subscriber = consumer.declare_subscriber("test/frame", capacity=1000)
    link(publisher, subscriber)

    def publish(thread):
        for number in range(50):
            with publisher.allocate((2,), "uint16") as array:
                array[:] = thread, number

    threads = [threading.Thread(target=publish, args=(thread,)) for thread in range(4)]
    for thread in threads:
        thread.start()
    received = []
    for _ in range(200):
        # A frame that is kept would keep its slot.
        received.append(tuple(int(value) for value in subscriber.recv(20).numpy(dtype="uint16")))
    for thread in threads:
        thread.join()
    assert sorted(received) == [(thread, number) for thread in range(4) for number in range(50)]
    for thread in range(4):
        assert [number for who, number in received if who == thread] == list(range(50))


def test_an_interrupt_reaches_a_waiting_subscriber():
    program = (
        "import zenoh_pinned\n"
        "session = zenoh_pinned.Session({'scouting': {'multicast': {'enabled': False}}})\n"
        "subscriber = session.declare_subscriber('a')\n"
        "print('ready', flush=True)\n"
        "subscriber.recv()\n"
    )
    with subprocess.Popen(
        [sys.executable, "-c", program], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stdout.readline() == "ready\n"
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert "KeyboardInterrupt" in errors


def test_a_publisher_is_drained_before_its_session_closes():
    port = free_port()
    with (
        zenoh_pinned.Session(connecting(port)) as consumer,
        zenoh_pinned.Session(listening(port)) as producer,
    ):
        publisher = producer.declare_publisher("test/frame", 4096)
        subscriber = consumer.declare_subscriber("test/frame")
        link(publisher, subscriber)
        publisher.put(np.ones(4096, "uint8"))
        with pytest.raises(TimeoutError, match="held"):
            publisher.drain(0.1)
        assert bytes(subscriber.recv(5)) == b"\x01" * 4096
        publisher.drain(5)
        assert in_use(publisher) == 0
