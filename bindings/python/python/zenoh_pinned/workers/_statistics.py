"""What a pool of workers has done, and what it has."""

from __future__ import annotations

from typing import Literal, TypedDict


class Histogram(TypedDict):
    """How many took up to how long.

    >>> from zenoh_pinned import workers
    >>> def count(histogram: workers.Histogram):
    ...     return sum(histogram["buckets"])
    """

    bounds: list[float]
    """In seconds, rising; the last bucket has what lies above all."""
    buckets: list[int]
    sum: float


class WorkerStatistics(TypedDict):
    """A worker at a moment.

    >>> from zenoh_pinned import workers
    >>> def ready(statistics: workers.Statistics):
    ...     return [worker["pid"] for worker in statistics["workers"] if worker["state"] == "ready"]
    """

    seat: int
    incarnation: int
    pid: int | None
    state: str
    since: float
    batches: int
    answered: int
    restarts: int
    shares_memory: bool
    joined: bool
    placement: dict[str, str]
    why_failed: str | None


class Statistics(TypedDict):
    """A pool at a moment, times in seconds. ``not_ready`` says why it does not do its work, if so.

    >>> from zenoh_pinned import workers
    >>> def is_busy(statistics: workers.Statistics):
    ...     return statistics["queued"] > statistics["capacity"] // 2
    """

    name: str
    pid: int
    not_ready: str | None
    queued: int
    processing: int
    capacity: int
    longest_wait: float
    accepted: int
    answered: int
    refused: dict[str, int]
    failed: dict[str, int]
    batches: int
    batched: int
    request_seconds: Histogram
    queue_seconds: Histogram
    batch_seconds: Histogram
    p99: float | None
    breaker: Literal["closed", "open", "half open"]
    breaker_opened: int
    wanted: int
    wanted_because: str
    arrivals_per_second: float
    predicted_per_second: float
    pressure: str
    started: int
    ended: int
    evicted: dict[str, int]
    clients: int
    workers: list[WorkerStatistics]
