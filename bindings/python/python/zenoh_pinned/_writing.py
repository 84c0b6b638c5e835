"""Writing a frame in place, and sending it at the end of a ``with`` block."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from zenoh_pinned._lent import Loan

if TYPE_CHECKING:
    from types import TracebackType

    import numpy as np
    import numpy.typing as npt
    from zenoh_pinned import _native


class Writing(ABC):
    """A frame while it is written, made by `Publisher.allocate` and `zenoh_pinned.dora.Node.allocate`.

    Entering its ``with`` block gives a writable NumPy array that lies where consumers will read it. At the
    end of the block the frame is sent, and the array becomes read-only. The array keeps its bytes, and its
    slot, until it is deleted. An exception inside the block sends nothing.

    A frame is never changed after it was sent. A copy is sent instead, and `copied` is true, where views of
    the array outlive the block (slices, a ``memoryview``, a DLPack tensor), or anything beside one name or
    attribute refers to the array itself (a second name, a tensor of ``torch.from_numpy``). That takes a
    second slot, and raises `PoolFull` where none comes free in time. Do not give the array's only name to a
    tensor of ``torch.from_numpy`` and write through that after the block: nobody could notice.

    One thread at a time writes a frame, in the process that allocated it.

    >>> import zenoh_pinned
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     publisher = session.declare_publisher("camera/image", frame_bytes=480 * 640)
    ...     writing = publisher.allocate((480, 640))
    ...     with writing as image:
    ...         image[:] = 7
    ...     image.flags.writeable, writing.copied
    (False, False)
    """

    __slots__ = ("_array", "_copied", "_dtype", "_is_over", "_loan", "_slot")

    def __init__(self, slot: _native.Slot | None, dtype: np.dtype[Any]) -> None:
        self._slot = slot
        self._dtype = dtype
        self._loan: Loan | None = None
        # In place of a loan, where there is no slot.
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
        if self._loan is not None or self._array is not None or self._is_over:
            msg = "a frame is written once: allocate another one"
            raise ValueError(msg)
        if self._slot is None:
            self._array = self._elsewhere()
            return self._array
        self._loan = Loan(self._slot, self._dtype)
        return self._loan.array

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._loan is None and self._array is None:
            return
        self._is_over = True
        try:
            if kind is None:
                self._send_frame()
        finally:
            self._loan = self._array = None
            if self._slot is not None:
                self._slot.release()
                self._slot = None

    def _send_frame(self) -> None:
        if self._array is not None:
            self._array.flags.writeable = False
            self._send_copy(self._array)
        elif self._loan is not None and self._slot is not None:
            if self._loan.end():
                self._send_slot(self._slot)
            else:
                self._copied = True
                self._send_copy(self._loan.array)
