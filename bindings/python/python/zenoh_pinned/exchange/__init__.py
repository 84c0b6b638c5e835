"""Newest values between a load balancer's data plane and its agent, without locks.

A data plane, mostly a C program, writes observations of up to 64 servers into a region of shared memory; an
agent reads the newest one and answers with the servers' weights. Neither waits for the other, and neither
ever sees half a message, whoever dies. No zenoh takes part.

- `Exchange`: the agent's end. `DataPlane`: the other one, for simulations and tests. `Observer`: looks on.
- `Observation`, `Action` and `Reservoir`: what they read.
- `OBSERVATION`, `ACTION` and `RESERVOIR`: the records as NumPy types, as ``zenoh_pinned_exchange.h`` has
  them.
- `ExchangeError` and its subclasses, each with a `reason` for programs. What a caller gives that is none,
  such as weights below 0, is a ``ValueError``.

Every call may be made on any thread, and several threads may share one end. None but opening takes longer
than it takes to copy a record, so none lets other threads run meanwhile.
"""

from zenoh_pinned.exchange._action import Action
from zenoh_pinned.exchange._ends import DataPlane, Exchange, Observer
from zenoh_pinned.exchange._errors import (
    ActionRefused,
    ExchangeClosed,
    ExchangeError,
    ExchangeForked,
    RegionError,
    RegionNotAllowed,
    RegionNotFound,
)
from zenoh_pinned.exchange._observation import Observation
from zenoh_pinned.exchange._records import ACTION, FEATURES, OBSERVATION, RESERVOIR, SERVERS, Reservoir

__all__ = [
    "ACTION",
    "FEATURES",
    "OBSERVATION",
    "RESERVOIR",
    "SERVERS",
    "Action",
    "ActionRefused",
    "DataPlane",
    "Exchange",
    "ExchangeClosed",
    "ExchangeError",
    "ExchangeForked",
    "Observation",
    "Observer",
    "RegionError",
    "RegionNotAllowed",
    "RegionNotFound",
    "Reservoir",
]
