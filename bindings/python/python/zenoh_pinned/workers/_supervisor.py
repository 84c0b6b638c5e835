"""The supervisor's side: a pool of workers."""

from __future__ import annotations

import json
import os
import threading
import weakref
from typing import TYPE_CHECKING, Any

from zenoh_pinned import _native
from zenoh_pinned._listener import require_callable
from zenoh_pinned._session import Session, native_of
from zenoh_pinned.workers._asking import Asking
from zenoh_pinned.workers._events import Completed, EvictReason, WorkerEvent, call
from zenoh_pinned.workers._payloads import Answer
from zenoh_pinned.workers._slots import payload_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from zenoh_pinned.workers._statistics import Statistics


class Workers(Asking):
    """A pool of workers, and the one who looks after them.

    `command` is the program of a worker and its arguments, with `environment` beside this process's; without
    one the pool has only workers that join it. There are as many as `range` says: the first number always,
    up to the second when requests wait. From 0 on, the first request starts the first worker. Clients of
    other processes find the pool by `session`; without one it has one of its own, as ``Session()`` makes it.

    A worker has up to `batch` requests at once, at most 100, whose first waits up to `delay` for others, and
    up to `credits` batches. `queue` requests may be accepted and not answered; more are refused (`Full`).
    `deadline` is how long an answer is wanted for where a request does not say. A worker may take
    `load_within` to load, `answer_within` for a batch and `grace` to end; then it is killed. Every
    `ping_every` it is asked for a sign of life, and killed after three without one.

    Workers run on `processors`, one after the other; with `numa` each on one node, with its memory; with
    `huge_pages` their memory is in such. One that has more than `worker_bytes` of its own is replaced, and
    none is started where shared memory has more than `memory_limit`, a share of the machine's. `p99_within`
    is how long 99 of 100 requests may take for the pool to be called healthy.

    Another worker is started where requests wait longer than `aim_wait`, and with `predictive` before that;
    one that has had nothing for `idle_after` is ended once there have been too many for `shrink_after`.
    `breaker_failures` failures in a row have requests refused (`BreakerOpen`) for `breaker_open_for`, up to
    `breaker_longest` where they go on; `breaker_successes` in a row end that.

    `deep_check` is a real request that each worker has to answer when it is ready, and every
    `deep_check_every` while it has nothing else to do. A worker whose answer `deep_check_is_right` does not
    like is replaced. It is called on a thread of the supervisor: be short.

    `on_spawn` and `on_ready` are called with a `WorkerEvent`, `on_evict` with one and the reason as text,
    `on_complete` with a `Completed`: on one thread of their own, in order. What they raise goes to
    `sys.unraisablehook`.

    All times are in seconds. The pool may be used from any thread, and in a ``with`` statement, which closes
    it. When this process ends, however that comes about, the workers end too.

    Raise ``ValueError`` for a name or a number that cannot be, `OverBudget` where there is no memory for
    messages, `Forked` in a process that was forked from one that had a session, and `WorkersError` where
    there are no threads or sockets.

    >>> import sys
    >>> from zenoh_pinned import Session, workers
    >>> program = "from zenoh_pinned import workers; workers.serve('echo')(list)"
    >>> with (
    ...     Session({"scouting": {"multicast": {"enabled": False}}}) as session,
    ...     workers.Workers("echo", command=[sys.executable, "-c", program], session=session) as echo,
    ... ):
    ...     bytes(echo.request("a line of text").result())
    b'a line of text'
    """

    __slots__ = ("__weakref__", "_end", "_name", "_native")
    _native: _native.Workers

    def __init__(
        self,
        name: str,
        *,
        command: Sequence[str | os.PathLike[str]] = (),
        session: Session | None = None,
        environment: Mapping[str, str] | None = None,
        range: tuple[int, int] = (1, 4),  # noqa: A002 - as the configuration file calls it
        batch: int = 1,
        delay: float = 0.0,
        queue: int = 1024,
        credits: int = 1,  # noqa: A002 - the same
        deadline: float = 30.0,
        load_within: float = 300.0,
        answer_within: float = 30.0,
        grace: float = 5.0,
        ping_every: float = 1.0,
        processors: Iterable[int] = (),
        numa: bool = False,
        huge_pages: bool = False,
        worker_bytes: int | None = None,
        memory_limit: float | None = None,
        p99_within: float | None = None,
        predictive: bool = True,
        aim_wait: float = 0.02,
        idle_after: float = 30.0,
        shrink_after: float = 5.0,
        breaker_failures: int = 5,
        breaker_open_for: float = 1.0,
        breaker_longest: float = 30.0,
        breaker_successes: int = 2,
        deep_check: object | None = None,
        deep_check_every: float = 10.0,
        deep_check_is_right: Callable[[Answer], bool] | None = None,
        on_spawn: Callable[[WorkerEvent], object] | None = None,
        on_ready: Callable[[WorkerEvent], object] | None = None,
        on_evict: Callable[[WorkerEvent, EvictReason], object] | None = None,
        on_complete: Callable[[Completed], object] | None = None,
    ) -> None:
        if isinstance(command, (str, bytes)):
            msg = "a command is a list of a program and its arguments: shlex.split() makes one of a line"
            raise TypeError(msg)
        if (deep_check is None) != (deep_check_is_right is None):
            msg = "a deep check needs both: deep_check, a request, and deep_check_is_right, for its answers"
            raise TypeError(msg)
        given = {"spawn": on_spawn, "ready": on_ready, "evict": on_evict, "complete": on_complete}
        callbacks = {event: callback for event, callback in given.items() if callback is not None}
        for callback in callbacks.values():
            require_callable(callback, "what happens to workers")
        terms: dict[str, Any] = {
            "command": [os.fspath(word) for word in command],
            "environment": dict(environment or {}),
            "range": range,
            "batch": batch,
            "delay": delay,
            "queue": queue,
            "credits": credits,
            "deadline": deadline,
            "load_within": load_within,
            "answer_within": answer_within,
            "grace": grace,
            "ping_every": ping_every,
            "processors": list(processors),
            "numa": numa,
            "huge_pages": huge_pages,
            "worker_bytes": worker_bytes,
            "memory_limit": memory_limit,
            "p99_within": p99_within,
            "predictive": predictive,
            "aim_wait": aim_wait,
            "idle_after": idle_after,
            "shrink_after": shrink_after,
            "breaker_failures": breaker_failures,
            "breaker_open_for": breaker_open_for,
            "breaker_longest": breaker_longest,
            "breaker_successes": breaker_successes,
            "deep_check": None if deep_check is None else payload_of(deep_check),
            "deep_check_every": deep_check_every,
            "deep_check_is_right": _judging(deep_check_is_right),
            "tells_completed": on_complete is not None,
        }
        own = None
        if session is None:
            session = own = Session()
        try:
            self._native, events = _native.Workers.begin(name, native_of(session), terms, bool(callbacks))
        except BaseException:
            if own is not None:
                own.close()
            raise
        thread = None if events is None else call(callbacks, events)
        self._name = name
        # Also where the interpreter ends: workers are asked to end, not killed.
        self._end = weakref.finalize(self, _end, self._native, thread, own)

    @property
    def name(self) -> str:
        """The pool's name."""
        return self._name

    def statistics(self) -> Statistics:
        """Return what there is and what has happened until now."""
        statistics: Statistics = json.loads(self._native.statistics())
        return statistics

    def wait_until_ready(self, workers: int = 1, timeout: float = 60.0) -> bool:
        """Wait until at least so many workers are ready, up to `timeout` seconds; return whether they are."""
        return self._native.wait_until_ready(workers, timeout)

    def evict_idle(self) -> int:
        """Ask workers that have nothing to do to end, as where memory is short; return how many."""
        return self._native.evict_idle()

    def close(self) -> None:
        """End the workers, waiting up to `grace` for each, and fail what was not answered with `Closing`."""
        self._end()


def _end(native: _native.Workers, thread: threading.Thread | None, session: Session | None) -> None:
    try:
        native.close()
        # A callback may close its workers.
        if thread is not None and thread is not threading.current_thread():
            thread.join()
    finally:
        if session is not None:
            session.close()


def _judging(is_right: Callable[[Answer], bool] | None) -> Callable[[object], bool]:
    def judge(handle: object) -> bool:
        return is_right is None or bool(is_right(Answer(handle)))

    return judge
