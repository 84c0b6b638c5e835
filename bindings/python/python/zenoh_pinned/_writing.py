"""Writing a frame in place, and sending it at the end of a ``with`` block."""

from __future__ import annotations

import inspect
import sys
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    import numpy.typing as npt
    from zenoh_pinned._frame import Slot

# What refers to an array when nobody else can write through it: this object, and the call that counts.
_OWN_REFERENCES = 2


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

    A frame is never changed after it was sent. So where anything but a variable of the function with the
    block refers to the array at its end, through which it could be (slices, a ``memoryview``, a tensor made
    of it, a second name, an attribute, an `ExitStack`), a copy is sent instead, and `copied` is true. That
    takes a second slot, and raises `PoolFull` where none comes free in time.
    """

    __slots__ = ("_array", "_copied", "_destination", "_root", "_slot")

    def __init__(self, slot: Slot | None, root: npt.NDArray[Any], destination: Destination) -> None:
        self._slot = slot
        self._root: npt.NDArray[Any] | None = root
        self._array: npt.NDArray[Any] | None = None
        self._destination = destination
        self._copied = False

    @property
    def copied(self) -> bool:
        """Whether the frame was sent by a copy, because views of it outlive the block."""
        return self._copied

    def __enter__(self) -> npt.NDArray[Any]:
        if self._root is None or self._array is not None:
            msg = "a frame is written once: allocate another one"
            raise ValueError(msg)
        array: npt.NDArray[Any] = self._root.view()
        self._array = array
        return array

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._root is None:
            return
        try:
            if kind is not None:
                return
            slot = self._slot
            # First, so that views which are made from now on cannot be written through.
            self._seal()
            if slot is None:
                self._destination.send_copy(self._root)
            elif self._is_sole_writer(sys._getframe(1)):
                self._destination.send_slot(slot)
            else:
                self._copied = True
                self._destination.send_copy(self._root)
        finally:
            self._forget()

    def _is_sole_writer(self, caller: FrameType) -> bool:
        """Tell whether nobody has a view that was made before array and root were sealed."""
        # The array itself is a view of the root.
        if sys.getrefcount(self._root) > _OWN_REFERENCES + 1:
            return False
        others = sys.getrefcount(self._array) - _OWN_REFERENCES
        # The name in the ``with`` statement may be left, if it is one: other things refer to it as well.
        return others <= 0 or (others == 1 and _has_name_for(caller, self._array))

    def _seal(self) -> None:
        for array in (self._array, self._root):
            if array is not None:
                array.flags.writeable = False

    def _forget(self) -> None:
        self._array = self._root = None
        if self._slot is not None:
            self._slot.release()
            self._slot = None

    def __del__(self) -> None:
        if self._slot is not None:
            self._forget()


def _has_name_for(caller: FrameType, array: object) -> bool:
    names = caller.f_locals
    try:
        return any(value is array for value in names.values())
    finally:
        # Before Python 3.13 a function's names are a copy that stays, and would keep the array.
        if sys.version_info < (3, 13) and caller.f_code.co_flags & inspect.CO_OPTIMIZED:
            names.clear()


class _Shown:
    """A slot as NumPy sees it: an owner without a buffer, whose arrays cannot be made writable again."""

    __slots__ = ("__array_interface__", "_view")

    def __init__(self, slot: Slot) -> None:
        # Counted by the slot, which keeps its memory for as long as this exists.
        self._view = memoryview(slot)
        self.__array_interface__ = slot.interface()


def writing(slot: Slot, destination: Destination) -> Writing:
    """Return the writing of a slot."""
    return Writing(slot, np.asarray(_Shown(slot)), destination)
