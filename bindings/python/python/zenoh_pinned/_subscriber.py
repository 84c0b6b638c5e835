"""Subscribers to frames."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING

from zenoh_pinned._closing import Closing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from zenoh_pinned import _native
    from zenoh_pinned._frame import Frame


class Subscriber(Closing):
    """Receives frames into a queue.

    `Session.declare_subscriber` makes one. It may be used from any thread, and in a ``with`` statement, which
    closes it. A ``for`` loop over it, or an ``async for``, ends when the session is closed.

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
            msg = f"no frame within {timeout} s"
            raise TimeoutError(msg)
        return frame

    def try_recv(self) -> Frame | None:
        """Return the next frame if there is one, else `None`. Raise as `recv`."""
        return self._native.recv(0.0)

    async def recv_async(self) -> Frame:
        """Return the next frame without blocking the event loop; cancelling it loses no frame.

        Await the frames of one subscriber in one event loop. To bound the time use `asyncio.wait_for`.

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

    def close(self) -> None:
        """Undeclare the subscriber and let go of the frames that were not taken; the others stay."""
        self._native.close()
