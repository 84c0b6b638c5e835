"""Subscribers to frames."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from zenoh_pinned import _native
from zenoh_pinned._closing import Closing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from zenoh_pinned._frame import Frame


class Subscriber(Closing):
    """Receives frames: by a line from publishers of this library on this host, from all others by zenoh.

    `Session.declare_subscriber` makes one. It may be used from any thread, and in a ``with`` statement, which
    closes it. Each frame is handed out once, and those of one publisher in order. A ``for`` loop over it, or
    an ``async for``, ends when the session is closed.

    >>> import zenoh_pinned
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     subscriber = session.declare_subscriber("camera/*", capacity=2)
    ...     publisher = session.declare_publisher("camera/left", frame_bytes=4096)
    ...     publisher.put(b"a frame", attachment="7")
    ...     frame = subscriber.recv(timeout=10)
    ...     frame.key, bytes(frame), frame.attachment
    ...     subscriber.try_recv()
    ('camera/left', b'a frame', b'7')
    """

    __slots__ = ("_native", "_waiting")

    def __init__(self, native: _native.Subscriber) -> None:
        self._native = native
        self._waiting: deque[asyncio.Future[None]] = deque()

    def recv(self, timeout: float | None = None) -> Frame:
        """Return the next frame, as soon as there is one.

        Raise ``TimeoutError`` where there is none after `timeout` seconds, ``ConnectionError`` when the
        session has been closed and every frame has been taken, and `FrameRefused` for a payload that is not
        what it claims to be: the next frame can be received after it.
        """
        frame = self._native.recv(timeout)
        if frame is None:
            raise _none_within(timeout)
        return frame

    def try_recv(self) -> Frame | None:
        """Return the next frame if there is one, else `None`. Raise as `recv`."""
        return self._native.recv(0.0)

    async def recv_async(self) -> Frame:
        """Return the next frame without blocking the event loop; cancelling it loses no frame.

        Await the frames of one subscriber in one event loop, asyncio's or uvloop's. To bound the time use
        `asyncio.wait_for`. From the first call on a thread of this library's wakes the event loop, which
        costs a second wake-up for each frame; `recv` costs one.

        Raise as `recv`.
        """
        loop = asyncio.get_running_loop()
        while (frame := self.try_recv()) is None:
            waiter: asyncio.Future[None] = loop.create_future()
            self._waiting.append(waiter)
            loop.add_reader(self._native.fileno(), self._wake)
            try:
                await waiter
            finally:
                if waiter in self._waiting:
                    self._waiting.remove(waiter)
                if not self._waiting:
                    loop.remove_reader(self._native.fileno())
        return frame

    def _wake(self) -> None:
        self._native.clear()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(None)

    def __iter__(self) -> Iterator[Frame]:
        return self

    def __next__(self) -> Frame:
        try:
            return self.recv()
        except ConnectionError:
            raise StopIteration from None

    def __aiter__(self) -> AsyncIterator[Frame]:
        return self

    async def __anext__(self) -> Frame:
        try:
            return await self.recv_async()
        except ConnectionError:
            raise StopAsyncIteration from None

    @property
    def overrun(self) -> int:
        """How many frames made room for newer ones, because they were not taken in time."""
        return self._native.overrun

    @property
    def lines(self) -> tuple[_native.LineFromPublisher, ...]:
        """The publishers whose frames come by a line."""
        return self._native.lines

    @property
    def no_line(self) -> str | None:
        """Why no frames can come by lines; `None` where they can."""
        return self._native.no_line

    def close(self) -> None:
        """Undeclare the subscriber and let go of the frames that were not taken; the others stay.

        Threads that wait for one get a ``ConnectionError``.
        """
        self._native.close()


def recv_any(subscribers: Sequence[Subscriber], timeout: float | None = None) -> tuple[Subscriber, Frame]:
    """Return the next frame of any of `subscribers`, and the subscriber that it came to.

    One thread waits for all of them at once. Those in front are asked first each time: put what is urgent
    there.

    Raise as `Subscriber.recv`, what the first of them raises that has anything, and ``ValueError`` where
    there is no subscriber.

    >>> import zenoh_pinned
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     left, right = (session.declare_subscriber(f"camera/{side}") for side in ("left", "right"))
    ...     publisher = session.declare_publisher("camera/right", frame_bytes=4096)
    ...     publisher.put(b"a frame")
    ...     subscriber, frame = zenoh_pinned.recv_any([left, right], timeout=10)
    ...     subscriber is right, bytes(frame)
    (True, b'a frame')
    """
    subscribers = list(subscribers)
    received = _native.recv_any([subscriber._native for subscriber in subscribers], timeout)
    if received is None:
        raise _none_within(timeout)
    which, frame = received
    return subscribers[which], frame


def _none_within(timeout: float | None) -> TimeoutError:
    return TimeoutError(f"no frame within {timeout} s")
