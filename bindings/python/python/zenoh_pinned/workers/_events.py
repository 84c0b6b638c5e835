"""What a pool of workers tells its application."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from zenoh_pinned import _native

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from zenoh_pinned.workers._asking import Priority
    from zenoh_pinned.workers._errors import RequestError

EvictReason = Literal["surplus", "pressure", "memory", "silent", "late", "wrong answer", "closing"]


class WorkerEvent(NamedTuple):
    """A worker that something has happened to.

    >>> from zenoh_pinned import workers
    >>> workers.WorkerEvent("ocr", seat=0, incarnation=1, pid=4711).seat
    0
    """

    pool: str
    """The pool's name."""
    seat: int
    """Its place in the pool."""
    incarnation: int
    """How manieth process it is there."""
    pid: int | None
    """Its process, where it is known."""


class Completed(NamedTuple):
    """A request that has been told its answer.

    >>> from zenoh_pinned import workers
    >>> workers.Completed("normal", took=0.012, error=None).took
    0.012
    """

    priority: Priority
    """How urgent it was."""
    took: float
    """Seconds from being accepted to its answer."""
    error: RequestError | None
    """Why it has none."""


def call(callbacks: Mapping[str, Callable[..., object]], events: _native.WorkersEvents) -> threading.Thread:
    """Call what is told, on a thread of its own, until the workers are closed."""
    thread = threading.Thread(
        target=_call, args=(dict(callbacks), events), name="zenoh_pinned workers", daemon=True
    )
    thread.start()
    return thread


def _call(callbacks: dict[str, Callable[..., object]], events: _native.WorkersEvents) -> None:
    while (event := events.next()) is not None:
        name, what, more = event
        callback = callbacks.get(name)
        if callback is None:
            continue
        try:
            _call_one(callback, name, what, more)
        except BaseException as error:
            _native.tell_unraisable(error, callback)


def _call_one(callback: Callable[..., object], name: str, what: tuple[Any, ...], more: Any) -> None:
    if name == "complete":
        priority, took = what
        callback(Completed(priority, took, more))
    elif name == "evict":
        callback(WorkerEvent(*what), more)
    else:
        callback(WorkerEvent(*what))
