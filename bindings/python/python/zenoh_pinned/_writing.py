"""Writing a frame in place, and sending it at the end of a ``with`` block."""

from __future__ import annotations

import inspect
import sys
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

import numpy as np

if TYPE_CHECKING:
    from types import FrameType, TracebackType

    import numpy.typing as npt
    from zenoh_pinned import _native

# What refers to the array when nobody else can write through it: this object, and the call that counts.
# (Views of an array refer to it.)
_OWN_REFERENCES = 2


class Writing(ABC):
    """A frame while it is written: ``with publisher.allocate(...) as array``.

    Entering gives a writable NumPy array that lies where consumers will read it. At the end of the block it
    is sent and becomes read-only; it stays what it is until it is deleted, and keeps its slot until then.
    An exception inside the block sends nothing.

    A frame is never changed after it was sent. So where anything but a variable of the function with the
    block refers to the array at its end, through which it could be (slices, a ``memoryview``, a tensor made
    of it, a second name, an attribute, an `ExitStack`), a copy is sent instead, and `copied` is true. That
    takes a second slot, and raises `PoolFull` where none comes free in time.
    """

    __slots__ = ("_array", "_copied", "_is_over", "_slot")

    def __init__(self, slot: _native.Slot | None) -> None:
        self._slot = slot
        self._array: npt.NDArray[Any] | None = None
        self._copied = False
        self._is_over = False

    @property
    def copied(self) -> bool:
        """Whether the frame was sent by a copy, because views of it outlive the block."""
        return self._copied

    @abstractmethod
    def _send_slot(self, slot: _native.Slot) -> None:
        """Send the slot, which nobody writes any more."""

    @abstractmethod
    def _send_copy(self, array: npt.NDArray[Any]) -> None:
        """Send a copy of the array."""

    @abstractmethod
    def _elsewhere(self) -> npt.NDArray[Any]:
        """Return ordinary memory, where there is no slot."""

    def __enter__(self) -> npt.NDArray[Any]:
        if self._array is not None or self._is_over:
            msg = "a frame is written once: allocate another one"
            raise ValueError(msg)
        slot = self._slot
        array: npt.NDArray[Any] = self._elsewhere() if slot is None else np.asarray(slot.show())
        self._array = array
        return array

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._array is None:
            return
        self._is_over = True
        try:
            if kind is not None:
                return
            # First, so that views which are made from now on cannot be written through.
            self._array.flags.writeable = False
            slot = self._slot
            if slot is None:
                self._send_copy(self._array)
            elif self._is_sole_writer(sys._getframe(1)):
                self._send_slot(slot)
            else:
                self._copied = True
                self._send_copy(self._array)
        finally:
            self._array = None
            if self._slot is not None:
                self._slot.release()
                self._slot = None

    def _is_sole_writer(self, caller: FrameType) -> bool:
        """Tell whether nobody has a view that was made before the array was sealed."""
        others = sys.getrefcount(self._array) - _OWN_REFERENCES
        # The name in the ``with`` statement may be left, if it is one: other things refer to it as well.
        return others <= 0 or (others == 1 and _has_name_for(caller, self._array))


def _has_name_for(caller: FrameType, array: object) -> bool:
    names = caller.f_locals
    try:
        return any(value is array for value in names.values())
    finally:
        # Before Python 3.13 a function's names are a copy that stays, and would keep the array.
        if sys.version_info < (3, 13) and caller.f_code.co_flags & inspect.CO_OPTIMIZED:
            names.clear()
