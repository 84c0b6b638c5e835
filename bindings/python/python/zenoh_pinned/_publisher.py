"""Publishers of frames."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from zenoh_pinned._closing import Closing
from zenoh_pinned._elements import numpy_dtype
from zenoh_pinned._writing import Writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from zenoh_pinned import _native


class Publisher(Closing):
    """Publishes frames out of a pool.

    `Session.declare_publisher` makes one. It may be used from any thread, and in a ``with`` statement, which
    closes it.

    >>> import numpy, zenoh_pinned
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     publisher = session.declare_publisher("camera/image", frame_bytes=480 * 640)
    ...     with publisher.allocate((480, 640), attachment="left") as image:
    ...         image[:] = 7  # written where consumers read it
    ...     del image  # a view that is kept keeps its slot
    ...     publisher.put(numpy.zeros((480, 640), "uint8"))  # by one copy
    ...     publisher.drain(timeout=10)
    """

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

        `attachment` is published beside it. The call waits `timeout` seconds for a slot, by default as long
        as the pool was told to, and the end of the block as long for a subscriber that refuses to lose
        frames.

        Raise `PoolFull` when every slot stayed in use for that long, ``ValueError`` for a shape of no
        elements or more bytes than a slot has, ``TypeError`` for elements that are not plain numbers, and
        ``ImportError`` for ``bfloat16`` or ``float8`` where the package ``ml_dtypes`` is not installed. The
        end of the block raises `LineFull` and `NotOnTheLine` as `put`.
        """
        described = attachment_of(attachment)
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
        """Publish `data`, an array, a buffer or a tensor on the host, by one copy.

        A `Frame` or `Tensor` in shared memory is published as it lies, without a copy, whosever slot it is:
        that is held until the subscribers have let go of it too. A part of one is copied.

        `attachment` and `timeout` are as with `allocate`.

        Raise ``TypeError`` for data that is not of numbers, or masked; ``ValueError`` for an array that is
        empty, not contiguous or larger than a slot; `PoolFull` as `allocate`; `LineFull` where a subscriber
        that refuses to lose frames had no room in time, and `NotOnTheLine` where the publisher is alone on
        its key and the frame cannot go by a line. Nobody got the frame then.
        """
        self._native.put(data, attachment_of(attachment), timeout)

    @property
    def pool(self) -> _native.Pool:
        """The pool that frames are allocated from."""
        return self._pool

    @property
    def lines(self) -> tuple[_native.LineToSubscriber, ...]:
        """What stands between this publisher and each subscriber of this library: a line, or why none.

        Others, which have what zenoh carries, are not among them.
        """
        return self._native.lines

    def drain(self, timeout: float = 1.0) -> None:
        """Wait until nobody holds a frame, so that closing the session loses none.

        Raise ``TimeoutError`` where some are still held after `timeout` seconds, and say by whom.
        """
        self._pool.drain(timeout)

    def close(self) -> None:
        """Undeclare the publisher. What was published stays readable where it is held."""
        self._native.close()


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
        self._publisher.put_slot(slot, self._attachment, self._timeout)

    def _send_copy(self, array: npt.NDArray[Any]) -> None:
        self._publisher.put_copy(array, self._attachment, self._timeout)

    def _elsewhere(self) -> npt.NDArray[Any]:
        msg = "a publisher always has a slot"
        raise RuntimeError(msg)


def attachment_of(attachment: object) -> bytes | None:
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
