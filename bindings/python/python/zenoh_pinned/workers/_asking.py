"""Whoever asks workers: what clients and supervisors share, and clients."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal

from zenoh_pinned import _native
from zenoh_pinned._closing import Closing
from zenoh_pinned._publisher import attachment_of
from zenoh_pinned._session import native_of
from zenoh_pinned.workers._pending import PendingAnswer
from zenoh_pinned.workers._slots import Slot, allocated, payload_of, unwritten

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from zenoh_pinned._session import Session

Priority = Literal["critical", "high", "normal", "low", "batch"]


class Asking(Closing):
    """Whoever takes requests."""

    __slots__ = ()
    # Each subclass says which.
    _native: Any

    def request(
        self,
        payload: object,
        *,
        priority: Priority = "normal",
        deadline: float | None = None,
        key: str = "",
        in_order_of: str = "",
        deduplicate: bool = False,
        attachment: bytes | str = b"",
        answer_in: Slot | None = None,
    ) -> PendingAnswer:
        """Ask, and return the answer that is to come; a refusal comes the same way.

        `payload` is a `Slot` that was written or a received `Frame`, which go as they are; or bytes, text, an
        array or any buffer, which are copied once. `attachment` is up to 1024 bytes, or text, beside it, for
        instance its shape. The answer is wanted for `deadline` seconds, by default what the workers were made
        with. A request goes into batches with others of the same `key` only, and the answers of one
        `in_order_of` come in the order in which they were asked for. With `deduplicate`, one answer does for
        all of the same bytes, attachment and key that say so and wait at the same time.

        `answer_in` is a `Slot` that nobody has written, which may be larger than the answer. The worker
        writes its answer there (`Request.answer_slot`), or it is copied there where it fits. The slot is used
        up, and goes back to its memory with the answer.

        Raise ``TypeError`` or ``ValueError`` for what is no payload, priority or such slot, `NoMemory` where
        there is no slot for a copy, ``ConnectionError`` where this is closed, and `Forked` in a forked child.
        """
        terms = {
            "priority": priority,
            "deadline": deadline,
            "key": key,
            "in_order_of": in_order_of,
            "deduplicate": deduplicate,
            "attachment": attachment_of(attachment) or b"",
            "answer_in": None if answer_in is None else unwritten(answer_in),
        }
        return PendingAnswer(self._native.request(payload_of(payload), terms))

    def allocate(self, shape: int | Sequence[int], dtype: npt.DTypeLike = "uint8") -> Slot:
        """Return a slot that a request can be written into, so that it goes to the worker without a copy.

        Waits up to a second while all of this size are in use. Raise `NoMemory` then, and as
        `Publisher.allocate` for shapes and types.
        """
        return allocated(self._native, shape, dtype)


class Client(Asking):
    """The way to a pool of workers of another process, on this or another host, by its name.

    Connecting waits up to `timeout` seconds for the supervisor. A client may be used from any thread, and in
    a ``with`` statement, which closes it: what was not answered fails with `Closing`. Answers are on their
    way to the session's device.

    Raise `NoSupervisor` where nobody has answered in time.

    >>> import zenoh_pinned
    >>> from zenoh_pinned import workers
    >>> def read(image: bytes):
    ...     with zenoh_pinned.Session() as session, workers.Client(session, "ocr") as ocr:
    ...         return str(ocr.request(image, priority="high", deadline=0.5).result(), "utf-8")
    """

    __slots__ = ("__weakref__", "_name", "_native")
    _native: _native.WorkersClient

    def __init__(self, session: Session, name: str, *, timeout: float = 5.0) -> None:
        self._native = _native.WorkersClient(native_of(session), name, timeout)
        self._name = name

    @property
    def name(self) -> str:
        """The pool's name."""
        return self._name

    @property
    def is_gone(self) -> bool:
        """Whether the supervisor has gone: then nothing is answered, and another client has to be made."""
        return self._native.is_gone

    @property
    def shares_memory(self) -> bool:
        """Whether frames reach the supervisor without a copy."""
        return self._native.shares_memory

    def close(self) -> None:
        """Close it. What was not answered fails with `Closing`."""
        self._native.close()
