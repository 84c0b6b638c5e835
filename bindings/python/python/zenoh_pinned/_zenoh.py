"""Sessions, publishers and subscribers on zenoh."""

from __future__ import annotations

import asyncio
import json
import os
from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from zenoh_pinned import _native
from zenoh_pinned._frame import numpy_dtype
from zenoh_pinned._writing import Writing

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence
    from types import TracebackType

    import numpy as np
    import numpy.typing as npt
    from typing_extensions import Self
    from zenoh_pinned._frame import Frame


class Session:
    """A zenoh session whose received frames can go straight to a device.

    `config` is a zenoh configuration: a mapping, JSON5 text, a `pathlib.Path` of a file, or a
    ``zenoh.Config`` of the package ``eclipse-zenoh``. `device` is where received frames are to be copied, if
    anywhere: ``"cuda:0"``, a number, or ``"auto"`` for the first CUDA device where there is one; the segments
    that frames arrive in are then registered in the background as soon as they are attached. Opening waits
    for what the configuration says (``connect/timeout_ms``, ``scouting/timeout``), but no longer than
    `timeout` seconds. Usable from any thread, and in a ``with`` statement, which closes it.

    Raise ``TypeError`` or ``ValueError`` for a configuration that is none, ``OSError`` for a file that is
    none, `NoDevice` where there is no such device, ``TimeoutError`` where zenoh does not open in time,
    ``ConnectionError`` where it cannot, and ``RuntimeError`` where the system gives it no threads or in a
    process that was forked from one that had opened a session: start such processes with the methods
    ``"spawn"`` or ``"forkserver"``.
    """

    __slots__ = ("_native",)

    def __init__(
        self,
        config: Mapping[str, Any] | str | os.PathLike[str] | object | None = None,
        *,
        device: int | str | object | None = None,
        timeout: float = 30.0,
    ) -> None:
        file = os.fspath(config) if isinstance(config, os.PathLike) else None
        if file is not None:
            # Raises Python's own errors, with the name.
            os.stat(file)
        text = None if config is None or file is not None else _json5(config)
        self._native = _native.Session(text, file, device, timeout)

    def declare_publisher(
        self,
        key: str,
        frame_bytes: int | None = None,
        *,
        slots: int = 8,
        max_bytes: int | None = None,
        wait: float = 1.0,
        pool: _native.Pool | None = None,
    ) -> Publisher:
        """Return a publisher of frames of up to `frame_bytes` bytes, in a pool of `slots` slots of its own.

        `max_bytes` bounds the pool's shared memory; `wait` is for how many seconds an allocation waits for a
        slot that is in use. With `pool`, the publisher uses that one, which several may share.

        Raise as `Pool`, and ``ValueError`` for a key expression that is none.
        """
        if pool is None:
            if frame_bytes is None:
                msg = "a publisher needs frame_bytes, the size of its largest frame in bytes, or a pool"
                raise TypeError(msg)
            pool = _native.Pool(frame_bytes, slots, max_bytes=max_bytes, wait=wait, name=key[:48])
        elif frame_bytes is not None:
            msg = "give frame_bytes or a pool, not both: a pool knows the size of its slots"
            raise TypeError(msg)
        return Publisher(self._native.declare_publisher(key, pool), pool)

    def declare_subscriber(self, key: str, *, capacity: int = 4) -> Subscriber:
        """Return a subscriber that keeps up to `capacity` frames until they are taken.

        The oldest makes room for a newer one. Each keeps a slot of its producer: fewer than that has.
        """
        return Subscriber(self._native.declare_subscriber(key, capacity))

    @property
    def zid(self) -> str:
        """The identity of the session in the network."""
        return self._native.zid

    def close(self) -> None:
        """Close the session; its subscribers raise ``ConnectionError`` once they are empty."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def _json5(config: object) -> str:
    if isinstance(config, str):
        if os.path.isfile(config):
            msg = f"to read the configuration from a file write pathlib.Path({config!r})"
            raise ValueError(msg)
        return config
    if isinstance(config, Mapping):
        return json.dumps(dict(config))
    if hasattr(config, "insert_json5"):
        # A ``zenoh.Config``, which prints all of itself.
        return str(config)
    msg = (
        "a configuration is a mapping, JSON5 text, a pathlib.Path of a file, or a zenoh.Config, "
        f"not {type(config).__name__}"
    )
    raise TypeError(msg)


def _attachment(attachment: object) -> bytes | None:
    """Return an attachment as bytes; text in UTF-8, as zenoh has it."""
    if attachment is None or isinstance(attachment, bytes):
        return attachment
    if isinstance(attachment, str):
        return attachment.encode()
    try:
        return bytes(memoryview(attachment))  # type: ignore[arg-type]
    except TypeError:
        kind = type(attachment).__name__
        msg = f"an attachment is bytes or str, not {kind}: encode it, for instance with json"
        raise TypeError(msg) from None


class _Publication(Writing):
    """A frame that is written for a publisher."""

    __slots__ = ("_attachment", "_publisher", "_timeout")

    def __init__(
        self,
        slot: _native.Slot,
        dtype: np.dtype[Any],
        publisher: _native.Publisher,
        attachment: bytes | None,
        timeout: float | None,
    ) -> None:
        super().__init__(slot, dtype)
        self._publisher = publisher
        self._attachment = attachment
        self._timeout = timeout

    def _send_slot(self, slot: _native.Slot) -> None:
        self._publisher.put_slot(slot, self._attachment)

    def _send_copy(self, array: npt.NDArray[Any]) -> None:
        self._publisher.put_copy(array, self._attachment, self._timeout)

    def _elsewhere(self) -> npt.NDArray[Any]:
        msg = "a publisher always has a slot"
        raise RuntimeError(msg)


class Publisher:
    """Publishes frames out of a pool. Usable from any thread, and in ``with`` statements, which close it."""

    __slots__ = ("_native", "_pool")

    def __init__(self, native: _native.Publisher, pool: _native.Pool) -> None:
        self._native = native
        self._pool = pool

    def allocate(
        self,
        shape: int | Sequence[int],
        dtype: npt.DTypeLike = "uint8",
        *,
        attachment: bytes | str | None = None,
        timeout: float | None = None,
    ) -> Writing:
        """Return a frame to be written in place, in a ``with`` block at whose end it is published.

        ``with publisher.allocate((1080, 1920, 4)) as array: camera.read_into(array)``. `attachment` is
        published beside it. Waits for a slot for `timeout` seconds, by default as long as the pool was told.

        Raise `PoolFull` when every slot stayed in use for that long, ``ValueError`` for a shape of no
        elements or more bytes than a slot has, and ``TypeError`` for elements that are not plain numbers.
        ``bfloat16`` and the ``float8`` types need the package ``ml_dtypes``.
        """
        described = _attachment(attachment)
        kind = numpy_dtype(dtype)
        slot = self._native.allocate(shape, dtype, timeout)
        return _Publication(slot, kind, self._native, described, timeout)

    def put(
        self,
        data: object,
        *,
        attachment: bytes | str | None = None,
        timeout: float | None = None,
    ) -> None:
        """Publish `data`, an array, buffer or host tensor, by one copy.

        Raise ``TypeError`` for data that is not of numbers, or masked, ``ValueError`` for an array that is
        empty, not contiguous or larger than a slot, and `PoolFull` as `allocate`.
        """
        self._native.put_copy(data, _attachment(attachment), timeout)

    @property
    def pool(self) -> _native.Pool:
        """The pool that frames are allocated from."""
        return self._pool

    def drain(self, timeout: float = 1.0) -> None:
        """Wait until nobody holds a frame, so that closing the session loses none.

        Raise ``TimeoutError`` where some are still held after `timeout` seconds, and say by whom.
        """
        self._pool.drain(timeout)

    def close(self) -> None:
        """Undeclare the publisher. What was published stays readable where it is held."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Subscriber:
    """Receives frames into a queue. Usable from any thread, and in a ``with`` statement, which closes it.

    Iterate over it, also with ``async for``.
    """

    __slots__ = ("_native", "_waiting")

    def __init__(self, native: _native.Subscriber) -> None:
        self._native = native
        self._waiting: deque[asyncio.Future[None]] = deque()

    def recv(self, timeout: float | None = None) -> Frame:
        """Return the next frame, as soon as there is one.

        Raise ``TimeoutError`` where there is none after `timeout` seconds, ``ConnectionError`` when the
        session has been closed and every frame has been taken, and `FrameRefused` for a payload that is not
        what it claims to be; the next one can be received then.
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

        Await the frames of one subscriber in one event loop. Raise as `recv`; for a bound on the time use
        `asyncio.wait_for`.
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
        """Undeclare the subscriber and let go of what it has not given; frames that were taken stay."""
        self._native.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
