"""Messages of a dora node that are written in place."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned._writing import Writing

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from zenoh_pinned import _native
    from zenoh_pinned.dora import Node


class Message(Writing):
    """A frame that is written for an output."""

    __slots__ = ("_metadata", "_node", "_output", "_shape", "_timeout")

    def __init__(
        self,
        slot: _native.Slot | None,
        shape: int | Sequence[int],
        dtype: np.dtype[Any],
        node: Node,
        output: str,
        metadata: Mapping[str, Any] | None,
        timeout: float | None,
    ) -> None:
        super().__init__(slot, dtype)
        self._shape = shape
        self._node = node
        self._output = output
        self._metadata = metadata
        self._timeout = timeout

    def _send_slot(self, slot: _native.Slot) -> None:
        self._node._send_slot(slot, self._metadata)

    def _send_copy(self, array: npt.NDArray[Any]) -> None:
        self._node._send_copy(self._output, array, self._metadata, self._timeout, self._copied)

    def _elsewhere(self) -> npt.NDArray[Any]:
        return np.empty(self._shape, self._dtype)
