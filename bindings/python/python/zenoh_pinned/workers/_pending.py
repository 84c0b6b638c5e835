"""Answers that are to come."""

from __future__ import annotations

import asyncio
import itertools
import weakref
from typing import TYPE_CHECKING

from zenoh_pinned import _native
from zenoh_pinned.workers._payloads import Answer

if TYPE_CHECKING:
    from collections.abc import Generator


class PendingAnswer:
    """An answer that is to come: wait for it with `result`, or await it. Deleting it cancels the request.

    It may be used from any thread, waited for by several and asked again. It keeps its answer.

    >>> from zenoh_pinned import workers
    >>> async def both(ocr: workers.Client, left: bytes, right: bytes):
    ...     pending = ocr.request(left), ocr.request(right)
    ...     return [str(await answer, "utf-8") for answer in pending]
    """

    __slots__ = ("__weakref__", "_native")

    def __init__(self, native: _native.WorkersPendingAnswer) -> None:
        self._native = native

    def result(self, timeout: float | None = None) -> Answer:
        """Return the answer, as soon as it is there. The request's deadline bounds the wait, whoever dies.

        Raise `RequestError` where there is none, and ``TimeoutError`` where it has not come after `timeout`
        seconds: the request goes on then.
        """
        handle = self._native.result(timeout)
        if handle is None:
            msg = f"no answer within {timeout} s: the request goes on"
            raise TimeoutError(msg)
        return Answer(handle)

    def done(self) -> bool:
        """Return whether the answer, or why there is none, is there."""
        return self._native.done()

    def __await__(self) -> Generator[object, None, Answer]:
        # In any number of event loops, asyncio's or uvloop's. To bound the time use `asyncio.wait_for`.
        if not self._native.done():
            yield from _bell_of(asyncio.get_running_loop()).told(self._native).__await__()
        return self.result()

    def __repr__(self) -> str:
        return f"<PendingAnswer {'done' if self.done() else 'to come'}>"


class _Bell:
    """What wakes one event loop for all the answers that it awaits."""

    def __init__(self) -> None:
        self._native = _native.WorkersBell()
        self._waiting: dict[int, asyncio.Future[None]] = {}
        self._numbers = itertools.count()

    async def told(self, pending: _native.WorkersPendingAnswer) -> None:
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        number = next(self._numbers)
        if not self._waiting:
            loop.add_reader(self._native.fileno(), self._wake)
        self._waiting[number] = waiter
        pending.announce(self._native, number)
        try:
            await waiter
        finally:
            del self._waiting[number]
            if not self._waiting:
                loop.remove_reader(self._native.fileno())

    def _wake(self) -> None:
        for number in self._native.take():
            waiter = self._waiting.get(number)
            if waiter is not None and not waiter.done():
                waiter.set_result(None)


_bells: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Bell] = weakref.WeakKeyDictionary()


def _bell_of(loop: asyncio.AbstractEventLoop) -> _Bell:
    bell = _bells.get(loop)
    if bell is None:
        bell = _bells[loop] = _Bell()
    return bell
