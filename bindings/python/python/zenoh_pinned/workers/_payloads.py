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
    from zenoh_pinned.workers._answers import Answering, AnswerSlot


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

    @property
    def attachment(self) -> bytes:
        """The few bytes beside it, empty where there are none."""
        return super().attachment or b""


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

    __slots__ = ("_answering", "_number", "_until")
    _until: float
    _answering: Answering | None
    _number: int

    def __new__(
        cls,
        handle: object = None,
        until: float = 0.0,
        answering: Answering | None = None,
        number: int = 0,
    ) -> Self:
        """Take a frame; for this package only."""
        this = super().__new__(cls, handle)
        this._until = until
        this._answering = answering
        this._number = number
        return this

    def answer_slot(
        self, shape: int | Sequence[int] | None = None, dtype: npt.DTypeLike = "uint8"
    ) -> AnswerSlot | None:
        """Return where whoever asked wants the answer (`Workers.request`), to be written in place; once.

        It is of `shape`, which has to fit, and by default of one dimension that takes all of it. `None` where
        nobody has provided it, after the first call, and once the batch is answered. An answer in memory of
        the engine is copied there where it fits, unless this was called.

        Raise ``ValueError`` for a shape that does not fit, and otherwise as `Publisher.allocate` for shapes
        and types.

        >>> import numpy
        >>> from zenoh_pinned import workers
        >>> def product(request: workers.Request):
        ...     left, right = request.numpy((2, 1000, 1000), "float64")
        ...     slot = request.answer_slot((1000, 1000), "float64")
        ...     if slot is None:
        ...         return left @ right
        ...     with slot as array:
        ...         numpy.matmul(left, right, out=array)
        ...     del array
        ...     return slot
        """
        if self._answering is None:
            return None
        return self._answering.slot(self._number, shape, dtype)

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
