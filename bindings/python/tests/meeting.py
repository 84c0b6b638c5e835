"""Sessions that meet, and errors that must come: what tests share with programs that run without pytest."""

from __future__ import annotations

import contextlib
import re
import socket
import time

# Of a session that looks for nobody.
ALONE: dict[str, object] = {"scouting": {"multicast": {"enabled": False}}}


def free_port() -> int:
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        return listening.getsockname()[1]


def eventually(condition, seconds=10.0):
    """Wait for `condition`; a watchdog, no measurement."""
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came to be"
        time.sleep(0.01)


def listening(port: int) -> dict[str, object]:
    return {
        "mode": "peer",
        "listen": {"endpoints": [f"tcp/127.0.0.1:{port}"]},
        **ALONE,
    }


def connecting(port: int) -> dict[str, object]:
    return {
        "mode": "peer",
        "connect": {"endpoints": [f"tcp/127.0.0.1:{port}"]},
        "listen": {"endpoints": []},
        **ALONE,
    }


@contextlib.contextmanager
def raises(error, match=""):
    """As ``pytest.raises``, where there may be no pytest."""
    try:
        yield
    except error as raised:
        if re.search(match, str(raised)) is None:
            raise AssertionError(f"not {match!r}") from raised
    else:
        raise AssertionError(f"no {error}")


def link(publisher, subscriber):
    """Publish until something arrives, and until zenoh's routes are settled.

    Within milliseconds of the first message that arrives zenoh can still lose the next one, without a word.
    """

    def arrives():
        publisher.put(b"hello")
        with contextlib.suppress(TimeoutError):
            return subscriber.recv(0.05) is not None

    eventually(arrives)
    time.sleep(0.05)
    eventually(arrives)
    while subscriber.try_recv() is not None:
        pass
    eventually(lambda: in_use(publisher) == 0)


def in_use(publisher):
    return publisher.pool.statistics().in_use
