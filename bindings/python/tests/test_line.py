"""Lines: frames that go past zenoh on one host, each once and in order, however they are taken."""

import asyncio
import contextlib
import gc
import os
import queue
import signal
import sys
import threading
import time
from pathlib import Path

import pytest
import zenoh_pinned

from conftest import outcome, script
from forks import child, error_of
from meeting import connecting, eventually, free_port, in_use, listening
from receiving import KEY, is_open, join, process

FRAMES = 100


@pytest.fixture
def line(sessions):
    """A publisher of 4 KiB frames and a subscriber that has a line from it, and loses none."""
    producer, consumer = sessions
    subscriber = consumer.declare_subscriber(KEY, overflow="refuse")
    publisher = producer.declare_publisher(KEY, 4096, wait=20)
    join(publisher)
    yield publisher, subscriber
    publisher.close()
    subscriber.close()


def publish(publisher, numbers=range(FRAMES)):
    for number in numbers:
        publisher.put(bytes([number]))


def publishing(publisher):
    thread = threading.Thread(target=publish, args=(publisher,))
    thread.start()
    return thread


def number_of(frame):
    assert frame.is_shared
    return bytes(frame)[0]


def nothing_more(subscriber):
    with pytest.raises(TimeoutError):
        subscriber.recv(0.1)


def by_recv(subscriber):
    return [number_of(subscriber.recv(20)) for _ in range(FRAMES)]


def by_for(subscriber):
    return [number_of(frame) for frame, _ in zip(subscriber, range(FRAMES), strict=False)]


def by_recv_any(subscriber):
    return [number_of(zenoh_pinned.recv_any([subscriber], 20)[1]) for _ in range(FRAMES)]


def by_async_for(subscriber):
    async def main():
        taken = []
        async for frame in subscriber:
            taken.append(number_of(frame))
            if len(taken) == FRAMES:
                return taken

    return asyncio.run(main())


@pytest.mark.parametrize("take", [by_recv, by_for, by_recv_any, by_async_for])
def test_every_frame_comes_once_and_in_order(line, take):
    publisher, subscriber = line
    # `for` has taken one frame more than it hands out when it ends.
    more = [FRAMES] if take is by_for else []
    thread = threading.Thread(target=publish, args=(publisher, [*range(FRAMES), *more]))
    thread.start()
    assert take(subscriber) == list(range(FRAMES))
    thread.join()
    nothing_more(subscriber)
    assert subscriber.overrun == 0
    assert is_open(publisher)
    gc.collect()
    eventually(lambda: in_use(publisher) == 0)


def test_async_for_takes_every_frame_on_uvloop(line):
    uvloop = pytest.importorskip("uvloop", exc_type=ImportError)
    publisher, subscriber = line

    async def main():
        assert type(asyncio.get_running_loop()).__module__.startswith("uvloop")
        return [number_of(await subscriber.recv_async()) for _ in range(FRAMES)]

    thread = publishing(publisher)
    assert uvloop.run(main()) == list(range(FRAMES))
    thread.join()


def test_a_callback_gets_every_frame_once_and_in_order(sessions):
    producer, consumer = sessions
    taken = queue.SimpleQueue()
    with consumer.listen(KEY, lambda frame: taken.put(number_of(frame)), overflow="refuse") as listener:
        publisher = producer.declare_publisher(KEY, 4096, wait=20)
        join(publisher)
        publish(publisher)
        assert [taken.get(timeout=20) for _ in range(FRAMES)] == list(range(FRAMES))
        assert listener.subscriber.overrun == 0
        assert [line.key for line in listener.subscriber.lines] == [KEY]
        # The listener keeps no frame while it waits for the next one.
        eventually(lambda: in_use(publisher) == 0)


def test_two_threads_share_the_frames_of_one_subscriber(line):
    publisher, subscriber = line
    taken = ([], [])

    def take(mine):
        while (number := number_of(subscriber.recv(20))) < FRAMES:
            mine.append(number)

    threads = [threading.Thread(target=take, args=(mine,)) for mine in taken]
    for thread in threads:
        thread.start()
    publish(publisher, [*range(FRAMES), FRAMES, FRAMES])
    for thread in threads:
        thread.join()
    assert sorted(taken[0] + taken[1]) == list(range(FRAMES))
    assert all(mine == sorted(mine) for mine in taken)


def test_an_unmodified_subscriber_beside_the_line_gets_every_frame(sessions, port):
    pytest.importorskip("zenoh", reason="eclipse-zenoh is not installed")
    producer, consumer = sessions
    subscriber = consumer.declare_subscriber(KEY, overflow="refuse")
    with script("zenoh_sink.py", port, KEY, FRAMES) as sink:
        assert sink.stdout.readline() == "ready\n"
        publisher = producer.declare_publisher(KEY, 4096, slots=64, wait=20)
        join(publisher)
        thread = publishing(publisher)
        assert by_recv(subscriber) == list(range(FRAMES))
        thread.join()
        seen = [sink.stdout.readline().split() for _ in range(FRAMES)]
    assert seen == [["1", str(number), "shared"] for number in range(FRAMES)]
    nothing_more(subscriber)


def test_what_comes_beside_a_frame_comes_by_the_line_too(line):
    publisher, subscriber = line
    for attachment in (None, b"", b"a" * 456):
        with publisher.allocate((2, 3), "float32", attachment=attachment) as array:
            array[:] = 1
        del array
        frame = subscriber.recv(20)
        assert (frame.key, frame.attachment, frame.nbytes) == (KEY, attachment, 24)
    assert [line.is_open for line in publisher.lines] == [True]


def test_a_subscriber_of_one_frame_gets_the_newest_and_both_ends_count_the_others(sessions):
    producer, consumer = sessions
    subscriber = consumer.declare_subscriber(KEY, capacity=1)
    publisher = producer.declare_publisher(KEY, 4096)
    join(publisher)
    publish(publisher, range(10))
    assert (publisher.lines[0].unread, publisher.lines[0].overwritten) == (1, 9)
    assert publisher.lines[0].overflow == "drop_oldest"
    assert subscriber.overrun == 9
    assert number_of(subscriber.recv(20)) == 9
    assert subscriber.lines[0].overwritten == 9
    nothing_more(subscriber)


def test_a_publisher_that_is_alone_needs_no_put_and_says_what_cannot_go_by_a_line(sessions):
    producer, consumer = sessions
    subscriber = consumer.declare_subscriber(KEY)
    publisher = producer.declare_publisher(KEY, 4096, alone=True)
    join(publisher)
    eventually(lambda: [line.alone for line in subscriber.lines] == [True])
    publish(publisher, range(3))
    assert [number_of(subscriber.recv(20)) for _ in range(3)] == [0, 1, 2]
    with pytest.raises(zenoh_pinned.NotOnTheLine, match=r"alone=True.*457 bytes.*456") as refused:
        publisher.put(b"x", attachment=b"a" * 457)
    assert isinstance(refused.value, ConnectionError)
    assert "()" not in str(refused.value)
    publish(publisher, [3])
    assert number_of(subscriber.recv(20)) == 3
    eventually(lambda: in_use(publisher) == 0)


def test_a_subscriber_that_refuses_to_lose_frames_holds_its_publisher_up(sessions):
    producer, consumer = sessions
    subscriber = consumer.declare_subscriber(KEY, capacity=2, overflow="refuse")
    publisher = producer.declare_publisher(KEY, 4096, wait=0.1)
    join(publisher)
    publish(publisher, range(2))
    for call in (lambda: publisher.put(b"x"), lambda: publisher.put(b"x", timeout=0.0)):
        with pytest.raises(zenoh_pinned.LineFull, match=str(os.getpid())) as full:
            call()
        assert isinstance(full.value, zenoh_pinned.PoolFull)
        assert "overflow='refuse'" in str(full.value)
        assert "wait=" in str(full.value)
        assert "::" not in str(full.value)
    with pytest.raises(zenoh_pinned.LineFull), publisher.allocate((1,), timeout=0.05) as array:
        array[:] = 9
    del array
    room = threading.Timer(0.1, subscriber.recv)
    room.start()
    publisher.put(bytes([2]), timeout=20)
    room.join()
    assert [number_of(subscriber.recv(20)) for _ in range(2)] == [1, 2]
    nothing_more(subscriber)
    eventually(lambda: in_use(publisher) == 0)


@pytest.mark.parametrize("wait", ["put", "recv_any"])
def test_a_signal_ends_a_wait_on_a_line(line, wait):
    publisher, subscriber = line

    class Raised(Exception):
        pass

    def handle(*_):
        raise Raised

    before = signal.signal(signal.SIGUSR1, handle)
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGUSR1))
    try:
        if wait == "put":
            publish(publisher, range(4))
            timer.start()
            with pytest.raises(Raised):
                publisher.put(b"x", timeout=3600)
        else:
            timer.start()
            with pytest.raises(Raised):
                zenoh_pinned.recv_any([subscriber, subscriber])
    finally:
        signal.signal(signal.SIGUSR1, before)
        timer.join()
    taken = [subscriber.try_recv() for _ in range(4)]
    assert all((frame is not None) == (wait == "put") for frame in taken)


def test_the_first_of_several_subscribers_that_has_a_frame_is_told(sessions):
    producer, consumer = sessions
    subscribers = [consumer.declare_subscriber(f"test/{name}") for name in ("left", "right")]
    publishers = [producer.declare_publisher(f"test/{name}", 4096) for name in ("left", "right")]
    for publisher in publishers:
        join(publisher)
    with pytest.raises(TimeoutError, match=r"0\.05 s"):
        zenoh_pinned.recv_any(subscribers, 0.05)
    timer = threading.Timer(0.1, publish, (publishers[1], [7]))
    timer.start()
    which, frame = zenoh_pinned.recv_any(iter(subscribers))
    assert (which, number_of(frame)) == (subscribers[1], 7)
    timer.join()
    publish(publishers[0], [8])
    assert zenoh_pinned.recv_any(subscribers, 20)[0] is subscribers[0]
    with pytest.raises(ValueError, match="no subscriber"):
        zenoh_pinned.recv_any([])
    closing = threading.Timer(0.1, subscribers[1].close)
    closing.start()
    with pytest.raises(ConnectionError, match="subscriber is closed"):
        zenoh_pinned.recv_any(subscribers)
    closing.join()


@pytest.mark.parametrize("how", ["environment", "subscriber", "publisher"])
def test_without_a_line_zenoh_carries_the_frames_and_both_ends_say_why(sessions, monkeypatch, how):
    producer, consumer = sessions
    if how == "environment":
        monkeypatch.setenv("ZENOH_PINNED_LINE", "off")
    subscriber = consumer.declare_subscriber(KEY, line=how != "subscriber")
    publisher = producer.declare_publisher(KEY, 4096, line=how != "publisher")
    off = "the line is switched off"
    assert subscriber.no_line == (None if how == "publisher" else off)

    def arrives():
        publisher.put(b"x")
        return subscriber.try_recv() is not None

    eventually(arrives)
    assert subscriber.lines == ()
    assert not is_open(publisher)


def test_a_subscriber_in_another_process_has_a_line(port):
    with zenoh_pinned.Session(listening(port)) as session, process(port, FRAMES) as (taking, told):
        publisher = session.declare_publisher(KEY, 4096, wait=20)
        join(publisher)
        assert [(line.pid, line.is_open, line.reason) for line in publisher.lines] == [
            (taking.pid, True, None)
        ]
        publish(publisher)
        assert [told.recv() for _ in range(FRAMES)] == list(range(FRAMES))
        told.send("end")
        taking.join(60)
        eventually(lambda: not is_open(publisher))
        eventually(lambda: in_use(publisher) == 0)


def test_a_subscriber_that_is_killed_costs_no_slot(port):
    with zenoh_pinned.Session(listening(port)) as session, process(port, 0) as (taking, _):
        publisher = session.declare_publisher(KEY, 4096, slots=4, wait=20)
        join(publisher)
        publish(publisher, range(3))
        assert (publisher.lines[0].unread, in_use(publisher)) == (3, 3)
        os.kill(taking.pid, signal.SIGKILL)
        eventually(lambda: in_use(publisher) == 0)
        assert publisher.pool.quarantine() == []
        publish(publisher, range(8))


def threads_named(name):
    found = 0
    for task in Path("/proc/self/task").iterdir():
        # Others end meanwhile.
        with contextlib.suppress(FileNotFoundError):
            found += (task / "comm").read_text() == f"{name}\n"
    return found


def test_no_thread_wakes_for_event_loops_until_one_waits(line):
    publisher, subscriber = line
    publish(publisher, range(2))
    subscriber.recv(20)
    assert threads_named("zpin-announcing") == 0
    # What has come before the event loop knows is not waited for in vain.
    assert number_of(asyncio.run(asyncio.wait_for(subscriber.recv_async(), 20))) == 1

    async def waits():
        threading.Timer(0.1, publish, (publisher, [7])).start()
        return await asyncio.wait_for(subscriber.recv_async(), 20)

    assert number_of(asyncio.run(waits())) == 7
    assert threads_named("zpin-announcing") == 1


def test_a_waiting_thread_sleeps_until_a_frame_comes(line):
    publisher, subscriber = line
    taken = []
    waiting = threading.Thread(target=lambda: taken.append(number_of(subscriber.recv())))
    waiting.start()

    def switches():
        status = Path(f"/proc/self/task/{waiting.native_id}/status").read_text()
        return int(status.split("\nvoluntary_ctxt_switches:")[1].split()[0])

    time.sleep(0.2)
    before = switches()
    time.sleep(1.5)
    # It looks for itself once a second; a thread that polls would do so twenty times.
    assert switches() - before <= 6
    publish(publisher, [5])
    waiting.join()
    assert taken == [5]


def test_closing_a_subscriber_ends_what_an_event_loop_waits_for(line):
    _, subscriber = line

    async def main():
        waiting = asyncio.create_task(subscriber.recv_async())
        await asyncio.sleep(0.05)
        subscriber.close()
        with pytest.raises(ConnectionError, match="subscriber is closed"):
            await waiting

    asyncio.run(main())


def test_what_a_callback_raises_is_told_and_the_next_frame_follows(sessions, monkeypatch):
    producer, consumer = sessions
    told = queue.SimpleQueue()
    monkeypatch.setattr(sys, "unraisablehook", lambda args: told.put((args.exc_value, args.object)))
    taken = queue.SimpleQueue()

    def callback(frame):
        number = number_of(frame)
        if number < 2:
            raise [LookupError("first"), SystemExit("second")][number]
        taken.put((number, threading.current_thread().name))

    with consumer.listen(KEY, callback):
        publisher = producer.declare_publisher(KEY, 4096)
        join(publisher)
        publish(publisher, range(3))
        first, second = told.get(timeout=20), told.get(timeout=20)
        assert (type(first[0]), type(second[0]), first[1]) == (LookupError, SystemExit, callback)
        assert taken.get(timeout=20) == (2, "zenoh_pinned listener")
    del first, second
    eventually(lambda: in_use(publisher) == 0)


def listeners():
    return sum(thread.name == "zenoh_pinned listener" for thread in threading.enumerate())


def test_a_listener_ends_with_its_session_or_in_its_own_callback(sessions):
    producer, consumer = sessions
    closed = threading.Event()

    def callback(_frame):
        listener.close()
        closed.set()

    listener = consumer.listen(KEY, callback)
    publisher = producer.declare_publisher(KEY, 4096)
    join(publisher)
    publish(publisher, [0])
    assert closed.wait(20)
    eventually(lambda: listeners() == 0)
    listener.close()
    # Not kept, and yet it listens.
    taken = queue.SimpleQueue()
    consumer.listen("test/other", taken.put)
    gc.collect()
    other = producer.declare_publisher("test/other", 4096)
    join(other)
    publish(other, [1])
    assert number_of(taken.get(timeout=20)) == 1
    consumer.close()
    eventually(lambda: listeners() == 0)


def test_closing_a_listener_waits_for_the_call_that_is_going_on(sessions):
    producer, consumer = sessions
    began, ended = threading.Event(), threading.Event()

    def callback(_frame):
        began.set()
        time.sleep(0.2)
        ended.set()

    listener = consumer.listen(KEY, callback)
    publisher = producer.declare_publisher(KEY, 4096)
    join(publisher)
    publish(publisher, [0])
    assert began.wait(20)
    listener.close()
    assert ended.is_set()


def test_what_cannot_be_called_back_or_chosen_is_an_error_that_says_so(sessions):
    _, consumer = sessions

    async def coroutine(_frame):
        pass

    with pytest.raises(TypeError, match="NoneType cannot be called"):
        consumer.listen(KEY, None)
    with pytest.raises(TypeError, match="async for"):
        consumer.listen(KEY, coroutine)
    with pytest.raises(ValueError, match="'drop_oldest' or 'refuse', not 'newest'"):
        consumer.declare_subscriber(KEY, overflow="newest")


def test_lines_are_values_that_nobody_changes(line):
    publisher, subscriber = line
    eventually(lambda: len(subscriber.lines) == 1)
    for lines in (publisher.lines, subscriber.lines):
        with pytest.raises(AttributeError):
            lines[0].pid = 1
    assert publisher.lines == publisher.lines
    assert len({*subscriber.lines, *subscriber.lines}) == 1
    assert repr(subscriber.lines[0]) == (f"<LineFromPublisher {KEY} of process {os.getpid()}, 0 overwritten>")
    assert repr(publisher.lines[0]) == (
        f"<LineToSubscriber process {os.getpid()}, 0 unread, 0 overwritten, refuse>"
    )


def test_a_program_ends_while_a_listener_waits_or_works():
    program = f"""
        import sys, threading, time
        sys.path.insert(0, {str(Path(__file__).parent)!r})
        import zenoh_pinned
        from meeting import connecting, listening

        began = threading.Event()
        def work(frame):
            began.set()
            time.sleep(0.2)
            print("worked", flush=True)

        producer, consumer = (zenoh_pinned.Session(how({free_port()})) for how in (listening, connecting))
        waits = consumer.listen("waits", print)
        works = consumer.listen("works", work)
        publisher = producer.declare_publisher("works", 4096)
        while not began.wait(0.05):
            publisher.put(b"x")
    """
    ended = outcome(program)
    assert (ended.returncode, ended.stderr) == (0, "")
    assert "worked" in ended.stdout


def test_a_forked_child_is_told_and_can_drop_what_it_has(line, sessions):
    publisher, subscriber = line
    listener = sessions[1].listen("test/other", print)

    def work():
        nonlocal listener
        errors = [
            error_of(lambda: publisher.lines),
            error_of(lambda: subscriber.lines),
            error_of(lambda: subscriber.no_line),
            error_of(lambda: zenoh_pinned.recv_any([subscriber], 1)),
            error_of(lambda: asyncio.run(subscriber.recv_async())),
        ]
        listener.close()
        listener = None
        return errors

    errors = child(work)
    assert all(error is not None and error.startswith("RuntimeError") for error in errors), errors
    assert all("spawn" in error for error in errors), errors
    publish(publisher, [3])
    assert number_of(subscriber.recv(20)) == 3
    assert listeners() == 1
    listener.close()


def test_a_subscriber_that_joins_late_has_everything_from_then_on(port):
    with (
        zenoh_pinned.Session(listening(port)) as producer,
        zenoh_pinned.Session(connecting(port)) as consumer,
    ):
        publisher = producer.declare_publisher(KEY, 4096)
        publish(publisher, range(5))
        subscriber = consumer.declare_subscriber(KEY, capacity=100)
        join(publisher)
        thread = threading.Thread(target=publish, args=(publisher, range(5, 25)))
        thread.start()
        taken = [number_of(subscriber.recv(20))]
        while taken[-1] != 24:
            taken.append(number_of(subscriber.recv(20)))
        thread.join()
        assert taken == list(range(taken[0], 25))
