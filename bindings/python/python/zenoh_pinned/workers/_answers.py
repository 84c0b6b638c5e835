"""What an engine answers with, beside what everybody can send."""

from __future__ import annotations

import operator
from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned._elements import numpy_dtype
from zenoh_pinned._publisher import attachment_of
from zenoh_pinned.workers._slots import Slot

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from zenoh_pinned import _native


class AnswerSlot(Slot):
    """Where whoever asked wants the answer, made by `Request.answer_slot`.

    It is written in a ``with`` block, as any `Slot`, and afterwards it is the answer. It ends with its batch:
    a block that is open still has its array made read-only, and nothing is sent. Where views of the array
    outlive the block, the answer is a copy in memory of the worker (`copied`), and the slot goes back to
    whoever asked when they have gone.

    >>> from zenoh_pinned import workers
    >>> def infer(batch: list[workers.Request], compress):
    ...     slots = [request.answer_slot() for request in batch]
    ...     for request, slot in zip(batch, slots):
    ...         with slot as memory:
    ...             slot.written(compress(request.numpy(), memory))
    ...         del memory
    ...     return slots
    """

    __slots__ = ("_nbytes", "_worker", "_written")

    def __init__(self, slot: _native.Slot, dtype: np.dtype[Any], worker: _native.Worker) -> None:
        super().__init__(slot, dtype, worker)
        self._worker = worker
        self._nbytes = self._written = 0

    def __enter__(self) -> npt.NDArray[Any]:
        array = super().__enter__()
        self._nbytes = self._written = array.nbytes
        return array

    def written(self, nbytes: int) -> None:
        """Say in the block that the answer is the first `nbytes` bytes of the array, and not all of it.

        Raise ``ValueError`` for more than that, and outside the block.
        """
        nbytes = operator.index(nbytes)
        if self._loan is None:
            msg = "nobody writes the answer: say how many bytes it has in the with block"
            raise ValueError(msg)
        if not 0 <= nbytes <= self._nbytes:
            msg = f"{nbytes} bytes of {self._nbytes} cannot have been written"
            raise ValueError(msg)
        self._written = nbytes

    def _send_slot(self, slot: _native.Slot) -> None:
        self._payload = self._worker.fill_answer(slot, self._written)

    def _send_copy(self, array: npt.NDArray[Any]) -> None:
        self._payload = self._worker.lay(array.reshape(-1).view(np.uint8)[: self._written])

    def _end(self) -> None:
        """Let nobody write it any more, or send it. A block ends as if it had failed."""
        loan, slot = self._loan, self._slot
        if loan is not None:
            loan.end()
        if slot is not None:
            slot.release()


class Answering:
    """The answers to a batch, for as long as its engine has it."""

    __slots__ = ("_batch", "_is_over", "_slots", "_worker")

    def __init__(self, worker: _native.Worker, batch: _native.WorkersBatch) -> None:
        self._worker = worker
        self._batch = batch
        self._slots: list[AnswerSlot] = []
        self._is_over = False

    def slot(self, number: int, shape: int | Sequence[int] | None, dtype: npt.DTypeLike) -> AnswerSlot | None:
        """Return the slot for the answer to a request."""
        kind = numpy_dtype(dtype)
        memory = None if self._is_over else self._batch.answer_slot(number, shape, dtype)
        if memory is None:
            return None
        slot = AnswerSlot(memory, kind, self._worker)
        self._slots.append(slot)
        if self._is_over:
            # Answered by another thread meanwhile, which may not have seen this one.
            slot._end()
        return slot

    def end(self) -> None:
        """End every slot whose block has not ended."""
        self._is_over = True
        for slot in self._slots:
            slot._end()
        self._slots.clear()


class Attached:
    """An answer with a few bytes beside it: up to 1024, or text, for instance its shape.

    Whoever asked has them as `Answer.attachment`.

    >>> from zenoh_pinned import workers
    >>> def infer(batch):
    ...     return [workers.Attached(request, f"{request.nbytes} bytes") for request in batch]
    """

    __slots__ = {"answer": "The answer: anything that is one.", "attachment": "The bytes beside it."}
    answer: object
    attachment: bytes

    def __init__(self, answer: object, attachment: bytes | str) -> None:
        self.answer = answer
        self.attachment = attachment_of(attachment) or b""
