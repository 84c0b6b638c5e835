"""Signals while this library waits: an interrupt comes through, other handlers run, and slots stay whole."""

import contextlib
import signal
import subprocess
import sys
import textwrap
import time

import pytest
import zenoh_pinned

from dataflow import node, run

PREPARED = """
    import os, signal, threading, time
    import zenoh_pinned

    session = zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}})
    publisher = session.declare_publisher("a", 4096, slots=2)
    subscriber = session.declare_subscriber("a")

    def held():
        slots = [publisher.allocate((4096,)) for _ in range(2)]
        assert publisher.pool.statistics().in_use == 2
        return slots
"""


@contextlib.contextmanager
def program(body):
    """Start a program that prints "waiting" right before it waits, and end it where the test fails."""
    process = subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(PREPARED) + textwrap.dedent(body)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


@pytest.mark.parametrize(
    "waits",
    [
        "subscriber.recv()",
        "next(iter(subscriber))",
        "publisher.allocate((4096,), timeout=3600)",
        "publisher.put(bytes(4096), timeout=3600)",
        "publisher.drain(3600)",
        "publisher.pool.drain(3600)",
    ],
)
def test_an_interrupt_ends_a_long_wait(waits):
    body = f"""
        slots = held()
        try:
            print("waiting", flush=True)
            {waits}
        except KeyboardInterrupt:
            # Everything goes on afterwards.
            statistics = publisher.pool.statistics()
            assert (statistics.in_use, statistics.timeouts) == (2, 0), statistics
            slots.clear()
            publisher.put(b"after")
            print("interrupted", flush=True)
            raise
    """
    with program(body) as process:
        assert process.stdout.readline() == "waiting\n"
        # Mostly it waits by now; where it does not yet, Python itself takes the signal.
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert "interrupted" in output, errors
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT


@pytest.mark.parametrize(
    "config",
    [
        {"connect": {"endpoints": ["tcp/127.0.0.1:1"], "timeout_ms": -1}},
        {"scouting": {"timeout": 3_600_000}},
    ],
)
def test_an_interrupt_ends_the_wait_for_a_router(config):
    body = f"""
        config = {{"mode": "client", **{config!r}}}
        print("waiting", flush=True)
        zenoh_pinned.Session(config, timeout=3600)
    """
    with program(body) as process:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.2)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=60)
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT


def test_a_session_that_does_not_open_in_time_says_what_it_waited_for():
    config = {"mode": "client", "connect": {"endpoints": ["tcp/127.0.0.1:1"], "timeout_ms": -1}}
    with pytest.raises(TimeoutError, match="timeout="):
        zenoh_pinned.Session(config, timeout=0.3)
    for wrong in (-1, float("nan")):
        with pytest.raises(ValueError, match="seconds"):
            zenoh_pinned.Session(config, timeout=wrong)


def test_a_handler_that_returns_runs_while_the_wait_goes_on():
    body = """
        taken = []
        signal.signal(signal.SIGTERM, lambda *_: taken.append(publisher.pool.statistics().in_use))
        slots = held()
        threading.Timer(0.3, os.kill, (os.getpid(), signal.SIGTERM)).start()
        # Lets a slot go only when the handler has run.
        def release():
            while not taken:
                time.sleep(0.01)
            slots.pop()
        threading.Thread(target=release).start()
        print("waiting", flush=True)
        publisher.put(bytes(4096), timeout=60)
        print("put", taken, flush=True)
    """
    with program(body) as process:
        output, errors = process.communicate(timeout=60)
    assert output.splitlines() == ["waiting", "put [2]"], errors
    assert process.returncode == 0


def test_a_handler_that_exits_ends_the_program_with_its_status():
    body = """
        signal.signal(signal.SIGTERM, lambda *_: exit(7))
        slots = held()
        print("waiting", flush=True)
        publisher.put(bytes(4096), timeout=3600)
    """
    with program(body) as process:
        assert process.stdout.readline() == "waiting\n"
        process.send_signal(signal.SIGTERM)
        _, errors = process.communicate(timeout=60)
    assert process.returncode == 7, errors


def test_an_interrupt_ends_a_send_of_a_dora_node(tmp_path):
    pytest.importorskip("dora", reason="the dora-rs wheel is not installed (it needs Python 3.11)")
    camera = node("camera", "camera.py", outputs=("image",), MODE="interrupted")
    sink = node("sink", "stock_sink.py", inputs={"image": {"source": "camera/image", "queue_size": 100}})
    journals = run(tmp_path, camera, sink)
    # What a node can raise, not what a pool of one's own is made with.
    (full,) = journals["camera"].of("full")
    assert "raise ZENOH_PINNED_SLOTS" in full
    assert "slots=" not in full
    assert "()" not in full
    (interrupted,) = journals["camera"].of("interrupted")
    assert interrupted == ["send_output", "allocate"]
    assert "signal handler" in journals["camera"].of("refused")[0]
    assert [len(received) for received in journals["sink"].of("list")] == [5, 4]
