"""Frames: received memory as Python objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned import _native

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

# ``Exporter`` brings the buffer protocol, which the base cannot have in the stable ABI of Python 3.10.


class Frame(_native.FrameBase, _native.Exporter):
    """Received bytes, read-only, in row-major elements.

    A `Subscriber` receives frames; `zenoh_pinned.frame` makes them of a dora value or an array.

    A frame has the buffer protocol, ``__array_interface__`` and DLPack 1.0, so ``numpy.asarray(frame)``,
    ``memoryview(frame)`` and ``torch.from_dlpack(frame)`` show its bytes without a copy. Every view keeps
    the producer's slot, also when the frame itself has been deleted: drop views that are not needed, or
    the producer runs out of slots. With ``dl_device=(3, 0)`` (kDLCUDAHost), ``__dlpack__`` shows the bytes in
    page-locked memory that the CUDA driver knows, and raises ``BufferError`` where they are not in any.
    """

    __slots__ = ("__weakref__",)

    def numpy(
        self, shape: Sequence[int] | None = None, dtype: npt.DTypeLike | None = None
    ) -> npt.NDArray[Any]:
        """Return a read-only array of the frame, of another `shape` and `dtype` where given.

        Raise ``ValueError`` where these do not fit its bytes. Nothing is copied.
        """
        array: npt.NDArray[Any] = np.asarray(self)
        if dtype is not None:
            array = array.reshape(-1).view(dtype)
        return array if shape is None else array.reshape(tuple(shape))


_native.set_frame_class(Frame)
