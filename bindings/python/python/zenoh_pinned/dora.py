"""Pinned outputs for dora nodes: `Node` in place of ``dora.Node``.

Needs the ``dora-rs`` wheel, version 1.1 (``pip install zenoh-pinned[dora]``, Python 3.11 or later). Nodes on
the other side, the daemon and the dataflow stay as they are. Where consumers could not receive a pinned
output, it takes dora's own path, and `Node.report` says why. Operators get their ``send_output`` from dora's
runtime and cannot send pinned; ``zenoh_pinned.to_device(event["value"])`` works in them as anywhere.
"""

from __future__ import annotations

import importlib
import weakref
from typing import TYPE_CHECKING, Any

from zenoh_pinned import _native
from zenoh_pinned._arrow import arrow_of
from zenoh_pinned._closing import Closing
from zenoh_pinned._elements import numpy_dtype
from zenoh_pinned._message import Message

if TYPE_CHECKING:
    import datetime
    from collections.abc import Iterator, Mapping, Sequence

    import numpy.typing as npt
    from zenoh_pinned._writing import Writing

    Event = dict[str, Any]

__all__ = ["Node"]

# Its own types say less than this module's.
_stock: Any = importlib.import_module("dora")


class Node(Closing):
    """A dora node with pinned outputs: ``dora.Node``, with the same methods and events, and a few more.

    An output is pinned as a whole, and its first message decides. Where that is sent with ``pinned=True``,
    and the consumers can receive it so, every message of the output goes through pinned shared memory.
    Otherwise every message takes dora's own path. They arrive in order either way.

    A node may be used from several threads: one that waits for a slot of its output does not hold up the
    others. It takes the arguments of ``dora.Node``, and raises what that raises.

    Close it, use it in a ``with`` statement, or let it go. Each waits until the consumers have read what was
    sent in shared memory, for as long as they go on reading: each message is given a second. Only then dora
    tells them that the inputs have closed and, where these were the last ones, to stop. Small messages, which
    travel as bytes, have arrived by then, but as with ``dora.Node`` they may still be unread: dora hands out
    ``INPUT_CLOSED`` and ``STOP`` before them, and a consumer that breaks at ``STOP`` loses them. When the
    whole dataflow is stopped, consumers are told directly. A process that ends by ``os._exit`` or a signal
    may lose its last messages.

    >>> import numpy
    >>> from zenoh_pinned.dora import Node
    >>> with Node() as node:
    ...     for event in node:
    ...         if event["type"] == "INPUT":
    ...             with node.allocate("image", (480, 640), metadata={"encoding": "mono8"}) as image:
    ...                 image[:] = 7
    ...             node.send_output("histogram", numpy.bincount(image.ravel()), pinned=True)
    ...     print(node.report().outputs)
    """

    def __init__(self, node_id: str | None = None, daemon_port: int | None = None) -> None:
        given = {"node_id": node_id, "daemon_port": daemon_port}
        # The time of the latest event, which what is sent from then on has to be later than.
        self._observed: datetime.datetime | None = None
        self._open: Any = _stock.Node(**{name: value for name, value in given.items() if value is not None})
        self._outputs = _native.Outputs(_stock.__version__, arrow_of)
        # Before the stock node goes, also at the end of the interpreter.
        self._finalizer = weakref.finalize(self, self._outputs.close)

    @property
    def _node(self) -> Any:
        if self._open is None:
            msg = "the node is closed"
            raise RuntimeError(msg)
        return self._open

    # What is sent.

    def send_output(
        self,
        output_id: str,
        data: object,
        metadata: Mapping[str, Any] | None = None,
        pinned: bool = False,
        *,
        timeout: float | None = None,
        drop_when_full: bool | None = None,
    ) -> None:
        """Send `data` from the node.

        `data` is a pyarrow array or ``bytes``, as in ``dora.Node``, or what one can be made of: a NumPy
        array, any buffer or DLPack tensor of numbers on the host, a chunked array, a list, text. An array of
        several dimensions arrives flat, and its sizes are added to the metadata as ``shape``. Masked elements
        arrive as nulls. `metadata` is what ``dora.Node`` takes.

        With `pinned` the message goes through pinned shared memory; what arrives is the same. An array, a
        contiguous buffer or a tensor takes one copy. Everything else, such as a strided array or one of
        ``bool``, takes two (`OutputReport.copied`). A small message travels as bytes, which is faster.

        While consumers hold every slot, a message is dropped and counted, and a warning says so once, as a
        dora input drops what is not read in time. With `timeout` the call waits so many seconds for a slot
        instead, and then raises `PoolFull`, or with ``drop_when_full=True`` drops the message.

        Raise ``TypeError`` for data or metadata that dora has no type for, ``ValueError`` for a message that
        is not `pinned` of an output that is, and `OverBudget` for one larger than ``ZENOH_PINNED_MAX_BYTES``
        allows. The message has not been sent then.
        """
        described = _dict(metadata)
        if not pinned:
            self._outputs.leave_to_dora(output_id, described)
        elif self._offer(output_id, data, described, timeout, drop_when_full):
            return
        self._leave(output_id, data, described)

    def _offer(
        self,
        output_id: str,
        data: object,
        metadata: dict[str, Any] | None,
        timeout: float | None,
        drop_when_full: bool | None = None,
        is_copy: bool = False,
    ) -> bool:
        return self._outputs.send(
            output_id, data, metadata, self._seconds(), timeout, drop_when_full, is_copy
        )

    def _leave(self, output_id: str, data: object, metadata: dict[str, Any] | None) -> None:
        """Send on dora's own path."""
        if not isinstance(data, bytes):
            data, shape = arrow_of(data)
            if len(shape) > 1:
                metadata = {"shape": list(shape), **(metadata or {})}
        try:
            self._node.send_output(output_id, data, metadata)
        except RuntimeError as error:
            # dora's error ends with the place in its sources, and a trace.
            text, place, _ = str(error).partition("\n\nLocation:\n")
            if not place:
                raise
            raise RuntimeError(text) from None

    def _send_copy(
        self,
        output_id: str,
        array: npt.NDArray[Any],
        metadata: Mapping[str, Any] | None,
        timeout: float | None,
        is_copy: bool,
    ) -> None:
        """Send an array that was written in a block."""
        described = _dict(metadata)
        if not self._offer(output_id, array, described, timeout, is_copy=is_copy):
            self._leave(output_id, array, described)

    def prepare(self, output_id: str, size: int, *, timeout: float | None = None) -> None:
        """Settle an output's path and make its pool in advance, for messages of up to `size` bytes of data.

        Otherwise the first message does that, and again the first one that is larger than those before it. It
        takes some tens of milliseconds, as each consumer has to attach the pool. `timeout` is what the
        messages will be sent with, in seconds.

        Raise as `send_output` for a message of that size.
        """
        self._outputs.prepare(output_id, size, timeout)

    def allocate(
        self,
        output_id: str,
        shape: int | Sequence[int],
        dtype: npt.DTypeLike = "uint8",
        metadata: Mapping[str, Any] | None = None,
        *,
        timeout: float | None = None,
    ) -> Writing:
        """Return a message to be written in place, in a ``with`` block at whose end it is sent.

        Consumers see what is written without a copy. `metadata` is read at the end of the block; sizes of
        several dimensions are added to it as ``shape``. With `timeout` the call waits so many seconds for a
        slot.

        Not every message goes through a slot: not a small one, nor one of an output that takes dora's own
        path, nor one for which every slot is in use. Its array is ordinary memory, and it is sent by a copy,
        or dropped as by `send_output`.

        Raise `PoolFull` when every slot stayed in use for `timeout` seconds, ``KeyError`` for an output that
        the node does not declare, ``ValueError`` for a shape of no elements, ``TypeError`` for elements that
        are not plain numbers, and `OverBudget` as `send_output`.
        """
        slot = self._outputs.allocate(output_id, shape, dtype, timeout)
        return Message(slot, shape, numpy_dtype(dtype), self, output_id, metadata, timeout)

    def _send_slot(self, slot: _native.Slot, metadata: Mapping[str, Any] | None) -> None:
        self._outputs.send_slot(slot, _dict(metadata), self._seconds())

    def _seconds(self) -> float:
        observed, self._observed = self._observed, None
        return observed.timestamp() if observed is not None else 0.0

    def _observe(self, event: Event | None) -> Event | None:
        if event is not None and "metadata" in event:
            self._observed = event["metadata"].get("timestamp")
        return event

    def report(self) -> _native.Report:
        """Return what the pinned outputs have done: their paths, the reasons, the counts, and the pools.

        After `close` too.
        """
        return self._outputs.report()

    def close(self) -> None:
        """Deliver what was sent, and end the node: consumers see their inputs close."""
        self._finalizer()
        self._open = None

    # What ``dora.Node`` has, as it is there.

    def send_output_raw(
        self, output_id: str, data_length: int, metadata: Mapping[str, Any] | None = None
    ) -> Any:
        """Return a buffer of dora's own, as ``dora.Node.send_output_raw``. Not for pinned outputs."""
        self._outputs.leave_to_dora(output_id, _dict(metadata))
        return self._node.send_output_raw(output_id, data_length, _dict(metadata))

    def send_service_request(
        self, output_id: str, data: object, metadata: Mapping[str, Any] | None = None
    ) -> str:
        """Send a request and return its id, as ``dora.Node.send_service_request``. Not for pinned outputs."""
        self._outputs.leave_to_dora(output_id, _dict(metadata))
        request: str = self._node.send_service_request(output_id, data, _dict(metadata))
        return request

    def send_service_response(self, output_id: str, data: object, metadata: Mapping[str, Any]) -> None:
        """Send a response, as ``dora.Node.send_service_response``. Not for pinned outputs."""
        self._outputs.leave_to_dora(output_id, _dict(metadata))
        self._node.send_service_response(output_id, data, _dict(metadata))

    def next(self, timeout: float | None = None) -> Event | None:
        """Return the next event, as ``dora.Node.next``."""
        return self._observe(self._node.next(timeout))

    async def recv_async(self, timeout: float | None = None) -> Event | None:
        """Return the next event, as ``dora.Node.recv_async``."""
        return self._observe(await self._node.recv_async(timeout))

    def try_recv(self) -> Event | None:
        """Return an event that has come already, as ``dora.Node.try_recv``."""
        return self._observe(self._node.try_recv())

    def drain(self) -> list[Event]:
        """Return all events that have come already, as ``dora.Node.drain``."""
        events: list[Event] = self._node.drain()
        for event in events:
            self._observe(event)
        return events

    def is_empty(self) -> bool:
        """Return whether no event has come, as ``dora.Node.is_empty``."""
        return bool(self._node.is_empty())

    def __iter__(self) -> Iterator[Event]:
        return self

    def __next__(self) -> Event:
        event: Event = next(self._node)
        self._observe(event)
        return event

    def timestamp(self) -> datetime.datetime:
        """Return the time of the node's clock, as ``dora.Node.timestamp``."""
        time: datetime.datetime = self._node.timestamp()
        return time

    def __getattr__(self, name: str) -> Any:
        # Whatever else ``dora.Node`` has: its configuration, logs, extensions, ROS 2.
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self._node, name)


def _dict(metadata: Mapping[str, Any] | None) -> dict[str, Any] | None:
    return None if metadata is None else dict(metadata)
