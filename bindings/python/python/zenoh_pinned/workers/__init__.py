"""A pool of worker processes that serves frames without copying them.

A supervisor starts worker processes, which load a model, and gives them requests in batches: what lies in a
slot of shared memory reaches the worker, and its answer comes back, without a copy. Requests have priorities
and deadlines; each that was accepted is answered once or fails with a reason, whoever dies.

- `serve`, `Worker`, `current`: in the worker's program. `Request`: one of a batch. `AnswerSlot`, `Attached`:
  answers in memory of whoever asked, and with a few bytes beside them.
- `Workers`: the pool and its supervisor. `Statistics`, `WorkerEvent`, `Completed`: what it tells.
- `Client`: the way to a pool of another process.
- `PendingAnswer`, `Answer`, `Slot`: of both of them.
- `WorkersError` and its subclasses.
"""

from zenoh_pinned.workers._answers import AnswerSlot, Attached
from zenoh_pinned.workers._asking import Client
from zenoh_pinned.workers._errors import (
    BreakerOpen,
    Closing,
    EngineBroke,
    EngineFailed,
    Expired,
    Forked,
    Full,
    NoMemory,
    NoSupervisor,
    NotTaken,
    NoWorker,
    Poisoned,
    RequestError,
    SupervisorGone,
    TooLarge,
    Unreadable,
    WorkersError,
)
from zenoh_pinned.workers._events import Completed, WorkerEvent
from zenoh_pinned.workers._payloads import Answer, Request
from zenoh_pinned.workers._pending import PendingAnswer
from zenoh_pinned.workers._serving import Worker, current, serve
from zenoh_pinned.workers._slots import Slot
from zenoh_pinned.workers._statistics import Histogram, Statistics, WorkerStatistics
from zenoh_pinned.workers._supervisor import Workers

__all__ = [
    "Answer",
    "AnswerSlot",
    "Attached",
    "BreakerOpen",
    "Client",
    "Closing",
    "Completed",
    "EngineBroke",
    "EngineFailed",
    "Expired",
    "Forked",
    "Full",
    "Histogram",
    "NoMemory",
    "NoSupervisor",
    "NoWorker",
    "NotTaken",
    "PendingAnswer",
    "Poisoned",
    "Request",
    "RequestError",
    "Slot",
    "Statistics",
    "SupervisorGone",
    "TooLarge",
    "Unreadable",
    "Worker",
    "WorkerEvent",
    "WorkerStatistics",
    "Workers",
    "WorkersError",
    "current",
    "serve",
]
