"""The worker's side: a program that has the model, and serves batches until it is asked to end."""

from __future__ import annotations

import inspect
import logging
import os
import threading
import time
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, TypeVar

from zenoh_pinned import _native
from zenoh_pinned._closing import Closing
from zenoh_pinned._session import native_of
from zenoh_pinned.workers._answers import Answering, Attached
from zenoh_pinned.workers._errors import WorkersError
from zenoh_pinned.workers._payloads import Request
from zenoh_pinned.workers._slots import Slot, allocated, payload_of

if TYPE_CHECKING:
    import numpy.typing as npt
    from typing_extensions import Self
    from zenoh_pinned._session import Session

# What a supervisor tells the process that it starts.
_ASSIGNMENT = "ZENOH_PINNED_WORKER"

_log = logging.getLogger("zenoh_pinned.workers")
_of_thread = threading.local()
_serving: list[Worker] = []

Engine = Callable[[Sequence[Request]], Sequence[object]]
_Engine = TypeVar("_Engine", bound=Engine)


class Worker(Closing):
    """A worker of a pool, for engines that have a model to load.

    `connect` or `join`, load, and `serve`; or `fail` where it cannot be loaded. The supervisor knows
    meanwhile that it is loading. One thread at a time serves with it.

    >>> from zenoh_pinned import workers
    >>> def main(load):
    ...     with workers.Worker.connect(device="auto") as worker:
    ...         try:
    ...             model = load()
    ...         except OSError as error:
    ...             return worker.fail(error)
    ...         worker.serve(lambda batch: [model(request.to_device()) for request in batch])
    """

    __slots__ = ("__weakref__", "_native")

    def __init__(self, native: _native.Worker) -> None:
        self._native = native

    @classmethod
    def connect(cls, *, device: int | str | object | None = None) -> Self:
        """Return the worker that the supervisor has started this process for.

        `device` is where requests are to be copied, if anywhere, as for a `Session`.

        Raise `WorkersError` where no supervisor has started this process, `NoSupervisor` where it does not
        answer, and `NoDevice` where there is no such device.
        """
        worker = cls(_native.Worker.connect(device))
        # Not for processes that this one starts, whose programs would take themselves for this worker.
        os.environ.pop(_ASSIGNMENT, None)
        return worker

    @classmethod
    def join(cls, session: Session, name: str) -> Self:
        """Return a worker of a pool that `session` reaches, on this or another host.

        For workers that the supervisor does not start. Where memory is not shared, frames are copied through
        the network. Requests are on their way to the session's device.

        Raise `NoSupervisor` where nobody has answered within ten seconds.
        """
        return cls(_native.Worker.join(native_of(session), name))

    @property
    def name(self) -> str:
        """The pool's name."""
        return self._native.name

    def serve(self, engine: Engine) -> None:
        """Say that it is ready, and serve batches with `engine` until the process is asked to end.

        `engine` gets a list of `Request` and returns as many answers, in order: bytes, text, arrays, buffers,
        a `Slot` that was written, a `Frame`, one of these with an attachment (`Attached`), or an exception
        for a single request that has no answer. Where it raises, all requests of the batch fail with that,
        the traceback is logged (`logging`, logger ``zenoh_pinned.workers``), and the next batch follows.

        On the main thread SIGTERM, SIGINT and SIGHUP are only noted meanwhile. It returns after the batch in
        which one came, or in which the supervisor or `close` asked it to end, and has closed the worker.
        Raise `SupervisorGone` where the supervisor of a worker that has joined has gone.
        """
        if not callable(engine):
            msg = f"an engine is called with each batch: {type(engine).__name__} cannot be called"
            raise TypeError(msg)
        if inspect.iscoroutinefunction(engine):
            msg = "nobody awaits what an engine returns: give asyncio.run() the work of a batch"
            raise TypeError(msg)
        before, _of_thread.worker = getattr(_of_thread, "worker", None), self
        _serving.append(self)
        try:
            self._native.ready()
            while (batch := self._native.next()) is not None:
                self._serve_one(engine, batch)
                # Its slots are not to wait for the next one.
                del batch
        finally:
            _of_thread.worker = before
            _serving.remove(self)
            self.close()

    def _serve_one(self, engine: Engine, batch: _native.WorkersBatch) -> None:
        count = len(batch)
        answers: list[tuple[object, bytes]]
        broken = False
        try:
            answers = self._answers(engine, batch)
            if len(answers) != count:
                _log.error("the engine of %r gave %d answers to %d requests", self.name, len(answers), count)
        except Exception as error:
            _log.exception("the engine of %r raised: every request of the batch fails", self.name)
            # Its traceback refers to this frame, which would keep the requests.
            answers = [(error.with_traceback(None), b"")] * count
            broken = True
        except BaseException as error:
            self._native.answer(batch, [(error, b"")] * count, broken=True)
            raise
        for number, mistake in self._native.answer(batch, answers, broken=broken):
            _log.error("answer %d of the engine of %r cannot be sent: %s", number, self.name, mistake)

    def _answers(self, engine: Engine, batch: _native.WorkersBatch) -> list[tuple[object, bytes]]:
        now = time.monotonic()
        answering = Answering(self._native, batch)
        requests = [
            Request(handle, now + left, answering, number)
            for number, (handle, left) in enumerate(batch.requests())
        ]
        try:
            given = engine(requests)
            if given is None or isinstance(given, (bytes, str)):
                msg = f"an engine returns a list with an answer for each request, not {type(given).__name__}"
                raise TypeError(msg)
            return [_checked(answer) for answer in given]
        finally:
            answering.end()

    def allocate(self, shape: int | Sequence[int], dtype: npt.DTypeLike = "uint8") -> Slot:
        """Return a slot that an answer can be written into, so that it goes without a copy.

        For the engine, also on threads of its own. Waits up to a second while all of this size are in use.
        Raise `NoMemory` then.
        """
        return allocated(self._native, shape, dtype)

    def fail(self, why: object) -> None:
        """Say that the model could not be loaded, and why, and close the worker.

        The supervisor shows it and tries again later.
        """
        self._native.fail(str(why))

    def close(self) -> None:
        """Leave the pool, after the batch that is being served."""
        self._native.close()


def _checked(given: object) -> tuple[object, bytes]:
    answer = given if isinstance(given, Attached) else Attached(given, b"")
    try:
        return payload_of(answer.answer), answer.attachment
    except ValueError as error:
        # A slot that nothing was written into.
        return error, b""


def current() -> Worker:
    """Return the worker that serves on this thread, or else in this process, for its `Worker.allocate`.

    Raise `WorkersError` where none does.

    >>> from zenoh_pinned import workers
    >>> def infer(batch):
    ...     slot = workers.current().allocate((len(batch), 1000), "float32")
    ...     with slot as scores:
    ...         scores[:] = 0
    ...     del scores
    ...     return [slot] * len(batch)
    """
    worker: Worker | None = getattr(_of_thread, "worker", None)
    if worker is None and _serving:
        worker = _serving[-1]
    if worker is None:
        msg = "no worker serves in this process: current() is for engines"
        raise WorkersError(msg)
    return worker


def serve(
    name: str | None = None, *, device: int | str | object | None = None
) -> Callable[[_Engine], _Engine]:
    """Serve batches with the decorated function, here and now, until the process is asked to end.

    `name` is the pool that the function is for, `device` where requests are to be copied, as for a
    `Session`. The function is what `Worker.serve` calls an engine. It is returned when SIGTERM or SIGINT has
    come, so what stands below the function runs then. In a process that no supervisor has started it is
    returned at once, so that tests can call it.

    Raise ``ValueError`` where another pool has started this process, and as `Worker.connect`.

    >>> from zenoh_pinned import workers
    >>> @workers.serve("ocr")
    ... def infer(batch):
    ...     return [f"{request.nbytes} bytes" for request in batch]
    >>> infer([])
    []
    """

    def decorate(engine: _Engine) -> _Engine:
        if _ASSIGNMENT not in os.environ:
            return engine
        worker = Worker.connect(device=device)
        if name is not None and worker.name != name:
            msg = f"this program serves {name!r}, and the pool {worker.name!r} has started it"
            worker.fail(msg)
            raise ValueError(msg)
        worker.serve(engine)
        return engine

    return decorate
