"""Frames by callback."""

from __future__ import annotations

import inspect
import threading
import weakref
from typing import TYPE_CHECKING

from zenoh_pinned import _native
from zenoh_pinned._closing import Closing

if TYPE_CHECKING:
    from collections.abc import Callable

    from zenoh_pinned._frame import Frame
    from zenoh_pinned._subscriber import Subscriber


class Listener(Closing):
    """Calls back for each frame, until it is closed or the session is.

    `Session.listen` makes one. The callback runs on a thread of its own, which sleeps until there is a frame,
    and may take its time: what comes meanwhile waits, as for any subscriber. What it raises goes to
    `sys.unraisablehook`, as does `FrameRefused`, and the next frame follows. A listener need not be kept: it
    goes on without its object. When the interpreter ends it is closed.

    >>> import queue, zenoh_pinned
    >>> frames = queue.SimpleQueue()
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     with session.listen("camera/left", frames.put):
    ...         publisher = session.declare_publisher("camera/left", frame_bytes=4096)
    ...         publisher.put(b"a frame")
    ...         bytes(frames.get(timeout=10))
    b'a frame'
    """

    __slots__ = ("__weakref__", "_end", "_subscriber")

    def __init__(self, subscriber: Subscriber, callback: Callable[[Frame], object]) -> None:
        self._subscriber = subscriber
        thread = threading.Thread(
            target=_listen, args=(subscriber, callback), name="zenoh_pinned listener", daemon=True
        )
        # Of the thread, which outlives this object, and must not wait for frames when the interpreter ends.
        self._end = weakref.finalize(thread, _end, subscriber, weakref.ref(thread))
        thread.start()

    @property
    def subscriber(self) -> Subscriber:
        """The subscriber that the frames come from, for its `overrun` and `lines`."""
        return self._subscriber

    def close(self) -> None:
        """Undeclare the subscriber, and wait for a call that is going on, where it is another thread's."""
        self._end()


def require_callable(callback: object, what: str = "each frame") -> None:
    """Raise ``TypeError`` for what cannot be called with `what`."""
    if not callable(callback):
        msg = f"a callback is called with {what}: {type(callback).__name__} cannot be called"
        raise TypeError(msg)
    if inspect.iscoroutinefunction(callback):
        msg = "nobody awaits what a callback returns: give a function that is none to be awaited"
        if what == "each frame":
            msg = "nobody awaits what a callback returns: use 'async for' over declare_subscriber()"
        raise TypeError(msg)


def _listen(subscriber: Subscriber, callback: Callable[[Frame], object]) -> None:
    while True:
        try:
            frame = subscriber.recv()
        except ConnectionError:
            return
        except Exception as error:
            _native.tell_unraisable(error, callback)
            continue
        try:
            callback(frame)
        except BaseException as error:
            _native.tell_unraisable(error, callback)
        # Its slot is not to wait for the next one.
        del frame


def _end(subscriber: Subscriber, thread: weakref.ref[threading.Thread]) -> None:
    subscriber.close()
    waited_for = thread()
    if waited_for is not None and waited_for is not threading.current_thread():
        waited_for.join()
