"""Why workers do not do what they were asked."""

from __future__ import annotations

from typing import Any, Literal

Kind = Literal[
    "full",
    "breaker_open",
    "too_large",
    "no_memory",
    "not_taken",
    "closing",
    "expired",
    "poisoned",
    "engine",
    "engine_broke",
    "no_worker",
    "unreadable",
    "supervisor_gone",
    "interrupted",
    "forked",
]


class WorkersError(Exception):
    """Workers do not do what they were asked; the message says why, and what to do.

    The class itself is raised where sessions, threads or sockets fail.

    >>> from zenoh_pinned import workers
    >>> try:
    ...     worker = workers.Worker.connect()
    ... except workers.WorkersError as error:
    ...     print("nobody has started this process as a worker")
    nobody has started this process as a worker
    """


class NoSupervisor(WorkersError, TimeoutError):
    """Nobody has answered who has a pool of this name.

    >>> import zenoh_pinned
    >>> from zenoh_pinned import workers
    >>> with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
    ...     try:
    ...         ocr = workers.Client(session, "ocr", timeout=0.1)
    ...     except workers.NoSupervisor:
    ...         print("not yet")
    not yet
    """


class RequestError(WorkersError):
    """A request has no answer: it was refused, or it was accepted and failed. Either is said once.

    >>> from zenoh_pinned import workers
    >>> def text_of(pending):
    ...     try:
    ...         return bytes(pending.result())
    ...     except workers.RequestError as error:
    ...         return f"{error.kind}: {error}"
    """

    kind: Kind = "interrupted"
    """The kind of reason, for programs."""


class Full(RequestError):
    """Refused: as many requests as may be are accepted and not answered.

    >>> from zenoh_pinned import workers
    >>> try:
    ...     raise workers.Full("1024 requests wait already")
    ... except workers.RequestError as error:
    ...     error.kind
    'full'
    """

    kind: Kind = "full"


class BreakerOpen(RequestError):
    """Refused: too many requests have failed of late.

    >>> import time
    >>> from zenoh_pinned import workers
    >>> def ask(ocr, frame):
    ...     try:
    ...         return ocr.request(frame).result()
    ...     except workers.BreakerOpen as error:
    ...         time.sleep(error.retry_after)
    """

    kind: Kind = "breaker_open"
    retry_after: float = 0.0
    """In how many seconds one is tried again."""


class TooLarge(RequestError, ValueError):
    """Refused: an attachment, a key or a source is longer than can be sent.

    >>> from zenoh_pinned import workers
    >>> issubclass(workers.TooLarge, ValueError)
    True
    """

    kind: Kind = "too_large"


class NoMemory(RequestError, MemoryError):
    """Refused: there is no slot for the payload, because all are in use or no memory is left.

    >>> from zenoh_pinned import workers
    >>> issubclass(workers.NoMemory, MemoryError)
    True
    """

    kind: Kind = "no_memory"


class Closing(RequestError, ConnectionError):
    """The workers, or the client, are being closed.

    >>> from zenoh_pinned import workers
    >>> issubclass(workers.Closing, ConnectionError)
    True
    """

    kind: Kind = "closing"


class Expired(RequestError, TimeoutError):
    """Nobody had answered by the request's deadline.

    >>> from zenoh_pinned import workers
    >>> issubclass(workers.Expired, TimeoutError)
    True
    """

    kind: Kind = "expired"


class Poisoned(RequestError):
    """Each worker that had the request has died of it, or at least with it.

    >>> from zenoh_pinned import workers
    >>> def says(error: workers.Poisoned):
    ...     return f"{error.deaths} workers have died"
    """

    kind: Kind = "poisoned"
    deaths: int = 0
    """How many have."""


class EngineFailed(RequestError):
    """The engine raised, or gave an exception in place of an answer.

    >>> from zenoh_pinned import workers
    >>> def says(error: workers.EngineFailed):
    ...     return f"the worker said {error.message}"
    """

    kind: Kind = "engine"
    message: str = ""
    """What it said: the exception's class and text."""


class EngineBroke(EngineFailed):
    """The engine raised for the whole batch, or gave too few answers: several in a row open the breaker.

    >>> from zenoh_pinned import workers
    >>> issubclass(workers.EngineBroke, workers.EngineFailed)
    True
    """

    kind: Kind = "engine_broke"


class NotTaken(RequestError):
    """The supervisor stands still, and has not read what was sent before.

    >>> from zenoh_pinned import workers
    >>> workers.NotTaken.kind
    'not_taken'
    """

    kind: Kind = "not_taken"


class NoWorker(RequestError):
    """There is no worker, and none can be started; the message says what stands in the way.

    >>> from zenoh_pinned import workers
    >>> workers.NoWorker.kind
    'no_worker'
    """

    kind: Kind = "no_worker"


class Unreadable(RequestError):
    """The request's frame, or the answer, could not be read: whoever wrote it has died meanwhile.

    >>> from zenoh_pinned import workers
    >>> workers.Unreadable.kind
    'unreadable'
    """

    kind: Kind = "unreadable"


class SupervisorGone(RequestError, ConnectionError):
    """The supervisor's process has ended, or cannot be reached any more: make another `Client`.

    >>> from zenoh_pinned import workers
    >>> workers.SupervisorGone.kind
    'supervisor_gone'
    """

    kind: Kind = "supervisor_gone"


class Forked(RequestError, RuntimeError):
    """This process was forked from the one that this belongs to: make another one, in a spawned process.

    >>> from zenoh_pinned import workers
    >>> issubclass(workers.Forked, RuntimeError)
    True
    """

    kind: Kind = "forked"


_OF_REQUESTS: tuple[type[RequestError], ...] = (
    Full,
    BreakerOpen,
    TooLarge,
    NoMemory,
    Closing,
    Expired,
    Poisoned,
    EngineFailed,
    EngineBroke,
    NotTaken,
    NoWorker,
    Unreadable,
    SupervisorGone,
    Forked,
)
_BY_KIND: dict[str, type[WorkersError]] = {
    **{error.kind: error for error in _OF_REQUESTS},
    "interrupted": RequestError,
    "workers": WorkersError,
    "no_supervisor": NoSupervisor,
}


def error_of(kind: str, text: str, attributes: dict[str, Any]) -> WorkersError:
    """Make the error of a kind. The native part calls this."""
    error = _BY_KIND.get(kind, RequestError)(text)
    if type(error) is RequestError:
        attributes = {"kind": kind, **attributes}
    for name, value in attributes.items():
        setattr(error, name, value)
    return error
