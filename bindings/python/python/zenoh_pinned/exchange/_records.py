"""The records of a load balancer's region as NumPy types, as ``zenoh_pinned_exchange.h`` has them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from zenoh_pinned import _native

if TYPE_CHECKING:
    import numpy.typing as npt

SERVERS = 64
"""How many servers there can be."""

RESERVOIR_SAMPLES = 128

FEATURES: tuple[str, ...] = tuple(_native.feature_names())
"""The names of a server's features: of flow completion times (``fct_``), then of flow durations."""

SERVER: np.dtype[Any] = np.dtype([("n_flow_on", np.uint32), *((name, np.float32) for name in FEATURES)])

OBSERVATION: np.dtype[Any] = np.dtype(
    [
        ("sequence_id", np.uint64),
        ("timestamp_us", np.uint64),
        ("active_as_bitmap", np.uint64),
        ("num_active_as", np.uint32),
        ("reserved", np.uint32),
        ("as_stats", SERVER, (SERVERS,)),
        ("incarnation", np.uint64),
        ("reserved_for_later", np.uint64, (3,)),
    ]
)
"""One observation, 2,880 bytes."""

ACTION: np.dtype[Any] = np.dtype(
    [
        ("sequence_id", np.uint64),
        ("timestamp_us", np.uint64),
        ("num_servers", np.uint32),
        ("reserved", np.uint32),
        ("weights", np.float32, (SERVERS,)),
        ("alias_table", [("probability", np.float32), ("alias", np.uint32)], (SERVERS,)),
        ("incarnation", np.uint64),
        ("reserved_for_later", np.uint64, (4,)),
    ]
)
"""One action, 832 bytes."""

RESERVOIR: np.dtype[Any] = np.dtype(
    [
        ("values", np.float32, (RESERVOIR_SAMPLES,)),
        ("timestamps", np.uint64, (RESERVOIR_SAMPLES,)),
        ("seen", np.uint64),
        ("count", np.uint32),
        ("reserved", np.uint32),
    ]
)
"""The samples of one server and metric, 1,552 bytes."""


class Reservoir(NamedTuple):
    """The samples of one server and metric.

    >>> from zenoh_pinned.exchange import DataPlane, Observer
    >>> with DataPlane("lb_of_samples", reservoirs=True) as data_plane:
    ...     data_plane.write_reservoir(0, "fct", [0.25, 0.5], seen=1000)
    ...     with Observer("lb_of_samples") as observer:
    ...         observer.read_reservoir(0, "fct").values
    array([0.25, 0.5 ], dtype=float32)
    """

    values: npt.NDArray[np.float32]
    """In the metric's unit."""
    timestamps_us: npt.NDArray[np.uint64]
    """When each was taken, in microseconds since 1970."""
    seen: int
    """How many flows they were drawn from."""


def reservoir_of(record: npt.NDArray[Any]) -> Reservoir:
    """Return views of a record's samples."""
    # Another process can have written any number.
    count = min(int(record["count"]), RESERVOIR_SAMPLES)
    return Reservoir(record["values"][:count], record["timestamps"][:count], int(record["seen"]))


def record_of_samples(
    values: npt.ArrayLike, timestamps_us: npt.ArrayLike | None, seen: int | None
) -> npt.NDArray[Any]:
    """Return a record with these samples."""
    samples = np.asarray(values, np.float32)
    if samples.ndim != 1 or len(samples) > RESERVOIR_SAMPLES:
        msg = f"a reservoir has one row of up to {RESERVOIR_SAMPLES} samples, not an array {samples.shape}"
        raise ValueError(msg)
    record = np.zeros((), RESERVOIR)
    count = len(samples)
    record["values"][:count] = samples
    if timestamps_us is not None:
        record["timestamps"][:count] = timestamps_us
    record["seen"] = count if seen is None else seen
    record["count"] = count
    return record
