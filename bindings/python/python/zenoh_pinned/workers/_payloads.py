"""What a worker is given, and what comes back."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from zenoh_pinned import _native
from zenoh_pinned._frame import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from typing_extensions import Self


class _Payload(Frame):
    __slots__ = ()

    def to_device(
        self,
        device: int | str | object | None = None,
        stream: object = None,
        *,
        shape: int | Sequence[int] | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> _native.DeviceBuffer | Frame:
        """Copy it to a device: `zenoh_pinned.to_device` of it."""
        return _native.to_device(self, device, stream, shape=shape, dtype=dtype)


class Request(_Payload):
    """One request of a batch: a `Frame`, read-only, where whoever asked has written it.

    What was laid into shared memory lies there still (`is_shared`); every view keeps it, also after the
    answer.

    >>> import numpy
    >>> from zenoh_pinned import workers
    >>> def infer(batch: list[workers.Request]):
    ...     images = numpy.stack([request.numpy((480, 640), "uint8") for request in batch])
    ...     return [f"{mean:.0f}" for mean in images.mean((1, 2))]
    """

    __slots__ = ("_until",)
    _until: float

    def __new__(cls, handle: object = None, until: float = 0.0) -> Self:
        """Take a frame; for this package only."""
        this = super().__new__(cls, handle)
        this._until = until
        return this

    @property
    def attachment(self) -> bytes:
        """The few bytes beside it, empty where there are none."""
        return super().attachment or b""

    @property
    def deadline(self) -> float:
        """For how many seconds the answer is wanted still; 0 where nobody wants it any more."""
        return max(self._until - time.monotonic(), 0.0)


class Answer(_Payload):
    """The answer to a request: a `Frame`, read-only, where the worker has written it.

    ``bytes(answer)`` and ``answer.numpy(shape, dtype)`` read it. A short one has come in the message; a
    longer one lies in shared memory (`is_shared`), which every view keeps.

    >>> from zenoh_pinned import workers
    >>> def text_of(pending: workers.PendingAnswer):
    ...     return str(pending.result(), "utf-8")
    """

    __slots__ = ()
