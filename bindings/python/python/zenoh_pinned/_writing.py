"""Writing a frame in place, and sending it at the end of a ``with`` block."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from types import TracebackType

    import numpy.typing as npt

    from zenoh_pinned._frame import Slot

# What refers to the array that was handed out, and to the one it is a view of, when nobody else can write:
# this object and the call that counts; for the first the name in the ``with`` statement, for the second the
# first.
_OWN_REFERENCES = 3


class Destination(Protocol):
    """Where a written frame goes."""

    def send_slot(self, slot: Slot) -> None:
        """Send the slot, which nobody writes any more."""

    def send_copy(self, array: npt.NDArray[Any]) -> None:
        """Send a copy of the array."""


class Writing:
    """A frame while it is written: ``with publisher.allocate(...) as array``.

    Entering gives a writable NumPy array that lies where consumers will read it. At the end of the block it
    is sent and becomes read-only; it stays what it is until it is deleted, and keeps its slot until then.
    An exception inside the block sends nothing.

    A frame is never changed after it was sent. So where other views of the array outlive the block, through
    which it could be (slices, a ``memoryview``, a tensor made of it, a second name), a copy is sent instead,
    and `copied` is true.
    """

    __slots__ = ("_array", "_destination", "_root", "_slot", "copied")

    def __init__(self, slot: Slot | None, root: npt.NDArray[Any], destination: Destination) -> None:
        self._slot = slot
        self._root: npt.NDArray[Any] | None = root
        self._array: npt.NDArray[Any] | None = None
        self._destination = destination
        self.copied = False
        """Whether the frame was sent by a copy, because views of it outlive the block."""

    def __enter__(self) -> npt.NDArray[Any]:
        if self._root is None or self._array is not None:
            msg = "a frame is written once: allocate another one"
            raise ValueError(msg)
        self._array = self._root.view()
        return self._array

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        root, slot = self._root, self._slot
        if root is None:
            return
        try:
            if kind is not None:
                return
            del root
            if self._is_sole_writer() and slot is not None:
                self._seal()
                self._destination.send_slot(slot)
            else:
                self.copied = slot is not None
                self._send_copy()
        finally:
            self._forget()

    def discard(self) -> None:
        """Give the slot back unsent, when it was not entered."""
        self._forget()

    def _is_sole_writer(self) -> bool:
        return sys.getrefcount(self._array) <= _OWN_REFERENCES and sys.getrefcount(self._root) <= _OWN_REFERENCES

    def _seal(self) -> None:
        for array in (self._array, self._root):
            if array is not None:
                array.flags.writeable = False

    def _send_copy(self) -> None:
        if self._root is not None:
            self._destination.send_copy(self._root)

    def _forget(self) -> None:
        self._array = self._root = None
        if self._slot is not None:
            self._slot.release()
            self._slot = None

    def __del__(self) -> None:
        if self._slot is not None:
            self._forget()


class _Shown:
    """A slot as NumPy sees it: an owner without a buffer, whose arrays cannot be made writable again."""

    __slots__ = ("__array_interface__", "_view")

    def __init__(self, slot: Slot) -> None:
        # Counted by the slot, which keeps its memory for as long as this exists.
        self._view = memoryview(slot)
        self.__array_interface__ = {
            "version": 3,
            "typestr": np.dtype(slot.dtype).str,
            "shape": slot.shape,
            "data": (slot.address, False),
        }


def writing(slot: Slot, destination: Destination) -> Writing:
    """Return the writing of a slot."""
    return Writing(slot, np.asarray(_Shown(slot)), destination)
