"""Subscribers on lines in processes of their own, for `multiprocessing` to start."""

import contextlib
import multiprocessing

import zenoh_pinned

from meeting import connecting, eventually

KEY = "test/line"


def is_open(publisher):
    return any(line.is_open for line in publisher.lines)


def join(publisher):
    """Wait for a line."""
    eventually(lambda: is_open(publisher))


def take(port, count, told):
    """Tell the first bytes of so many frames, then wait for the end."""
    with zenoh_pinned.Session(connecting(port)) as session:
        subscriber = session.declare_subscriber(KEY, capacity=4, overflow="refuse")
        told.send("ready")
        for _ in range(count):
            told.send(bytes(subscriber.recv(60))[0])
        told.recv()


@contextlib.contextmanager
def process(port, count):
    """Start `take` in a process that shares nothing, and end it."""
    context = multiprocessing.get_context("spawn")
    told, telling = context.Pipe()
    taking = context.Process(target=take, args=(port, count, telling))
    taking.start()
    try:
        assert told.poll(60), "it does not start"
        assert told.recv() == "ready"
        yield taking, told
    finally:
        taking.kill()
        taking.join()
