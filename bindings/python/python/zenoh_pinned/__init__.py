"""Frames in page-locked shared memory, from one process to another process's GPU with one DMA.

A producer writes a frame into a slot of shared memory, in place; a consumer sees it there, without a
copy, and copies it to a CUDA device straight from there. Where there is no CUDA it is ordinary shared
memory of zenoh.

- `Session`, `Publisher`, `Subscriber`, `Listener` and `Pool`: frames over zenoh, and past it on one host.
- `frame` and `to_device`: views of what was received, and their way to a device. They take a dora
  ``event["value"]`` too, whoever sent it.
- `Tensor`: arrays and tensors of NumPy, torch and others in shared memory, and back without a copy.
- `zenoh_pinned.dora.Node`: a dora node whose ``send_output(..., pinned=True)`` sends so.
- `zenoh_pinned.exchange`: newest values between a load balancer's data plane and its agent, without locks.
- `zenoh_pinned.workers`: worker processes that serve frames, with batches, priorities and deadlines.
- `zenoh_pinned.models`: weights loaded once, and shared by every worker of a host.

Sizes are in bytes and times in seconds. Every call may be made on any thread, and lets other threads run
while it waits or copies, where its documentation does not say otherwise. Objects belong to the process that
made them; in a forked child they raise ``RuntimeError``. A wait ends when a signal handler raises.
"""

from typing import TYPE_CHECKING as _TYPE_CHECKING

from zenoh_pinned._frame import Frame
from zenoh_pinned._listener import Listener
from zenoh_pinned._native import (
    CudaError,
    DeviceBuffer,
    FallbackReason,
    FrameRefused,
    LineFromPublisher,
    LineFull,
    LineToSubscriber,
    NoDevice,
    NotInSharedMemory,
    NotOnTheLine,
    OutputReport,
    OverBudget,
    Pool,
    PoolFull,
    PoolStatistics,
    Report,
    __version__,
    copy_into,
    frame,
    open_device,
    to_device,
)
from zenoh_pinned._publisher import Publisher
from zenoh_pinned._session import Session
from zenoh_pinned._subscriber import Subscriber, recv_any
from zenoh_pinned._tensor import Tensor
from zenoh_pinned._writing import Writing

if _TYPE_CHECKING:
    from types import ModuleType as _ModuleType

    from zenoh_pinned import exchange as exchange
    from zenoh_pinned import models as models
    from zenoh_pinned import workers as workers

__all__ = [
    "CudaError",
    "DeviceBuffer",
    "FallbackReason",
    "Frame",
    "FrameRefused",
    "LineFromPublisher",
    "LineFull",
    "LineToSubscriber",
    "Listener",
    "NoDevice",
    "NotInSharedMemory",
    "NotOnTheLine",
    "OutputReport",
    "OverBudget",
    "Pool",
    "PoolFull",
    "PoolStatistics",
    "Publisher",
    "Report",
    "Session",
    "Subscriber",
    "Tensor",
    "Writing",
    "__version__",
    "copy_into",
    "frame",
    "open_device",
    "recv_any",
    "to_device",
]


def __getattr__(name: str) -> "_ModuleType":
    # Imported by whoever uses it.
    if name in ("exchange", "models", "workers"):
        import importlib

        return importlib.import_module(f"zenoh_pinned.{name}")
    msg = f"module 'zenoh_pinned' has no attribute {name!r}"
    raise AttributeError(msg)
