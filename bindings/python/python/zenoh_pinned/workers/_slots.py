"""Slots that requests and answers are written into."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from zenoh_pinned._elements import numpy_dtype
from zenoh_pinned._writing import Writing

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import numpy.typing as npt
    from zenoh_pinned import _native


class Memory(Protocol):
    """Whoever has slots: a worker, the workers, or a client."""

    def allocate(self, shape: int | Sequence[int], dtype: npt.DTypeLike) -> _native.Slot:
        """Return a slot to write into."""
        ...

    def fill(self, slot: _native.Slot) -> _native.WorkersPayload:
        """Return what was written."""
        ...

    def lay(self, array: object) -> _native.WorkersPayload:
        """Return a copy of an array in another slot."""
        ...


class Slot(Writing):
    """Memory that a request or an answer is written into, so that it goes without a copy.

    `Workers.allocate`, `Client.allocate` and `Worker.allocate` make one. It is written in a ``with`` block,
    as any `Writing`, and afterwards it is a payload, as often as it is wanted. Where views of the array
    outlive the block the payload is a copy (`copied`).

    >>> from zenoh_pinned import workers
    >>> def ask(ocr: workers.Client, camera):
    ...     slot = ocr.allocate((1080, 1920, 3))
    ...     with slot as image:
    ...         camera.read_into(image)
    ...     del image
    ...     return ocr.request(slot)
    """

    __slots__ = ("_memory", "_payload")

    def __init__(self, slot: _native.Slot, dtype: np.dtype[Any], memory: Memory) -> None:
        super().__init__(slot, dtype)
        self._memory = memory
        self._payload: _native.WorkersPayload | None = None

    def _send_slot(self, slot: _native.Slot) -> None:
        self._payload = self._memory.fill(slot)

    def _send_copy(self, array: npt.NDArray[Any]) -> None:
        self._payload = self._memory.lay(array)

    def _elsewhere(self) -> npt.NDArray[Any]:
        msg = "workers always have a slot"
        raise RuntimeError(msg)


def allocated(memory: Memory, shape: int | Sequence[int], dtype: npt.DTypeLike) -> Slot:
    """Return a slot for an array."""
    kind = numpy_dtype(dtype)
    return Slot(memory.allocate(shape, dtype), kind, memory)


def payload_of(given: object) -> object:
    """Return what the native part takes: what was written where it is a slot, else the object itself."""
    if not isinstance(given, Slot):
        return given
    if given._payload is None:
        msg = "nothing has been written into the slot: write it in a with block, which has to end first"
        raise ValueError(msg)
    return given._payload


def unwritten(given: object) -> _native.Slot:
    """Return the native part of a slot that somebody else is to write.

    Raise ``ValueError`` where it is written already, and ``TypeError`` where it is none.
    """
    if not isinstance(given, Slot):
        msg = f"an answer is written into a slot of allocate(), not {type(given).__name__}"
        raise TypeError(msg)
    if given._slot is None or given._loan is not None:
        msg = "an answer is written into a slot that is neither written nor sent: allocate another one"
        raise ValueError(msg)
    return given._slot
