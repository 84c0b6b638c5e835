"""Frames: received memory as Python objects."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned import _native
from zenoh_pinned._elements import is_of_numpy, numpy_dtype

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt

# ``Exporter`` brings the buffer protocol, which the base cannot have in the stable ABI of Python 3.10.


class Frame(_native.FrameBase, _native.Exporter):
    """Received bytes, read-only, as elements in row-major order.

    A `Subscriber` receives frames; `zenoh_pinned.frame` makes one of a dora value or an array.

    A frame has the buffer protocol, ``__array_interface__`` and DLPack 1.0, so ``numpy.asarray(frame)``,
    ``memoryview(frame)`` and ``torch.from_dlpack(frame)`` show its bytes without a copy. Every view keeps
    the producer's slot, even when the frame itself has been deleted: delete views that are not needed, or
    the producer runs out of slots. With ``dl_device=(3, 0)`` (kDLCUDAHost), ``__dlpack__`` shows the bytes as
    page-locked memory that the CUDA driver knows, and raises ``BufferError`` where they do not lie in such
    memory.

    A frame may be used from any thread, and in the process that received it.

    >>> import numpy, zenoh_pinned
    >>> frame = zenoh_pinned.frame(numpy.arange(6, dtype="uint8"))
    >>> frame.numpy((2, 3)).tolist()
    [[0, 1, 2], [3, 4, 5]]
    >>> pairs = frame.view(-1, "uint16")
    >>> pairs.shape, pairs.dtype, pairs.nbytes
    ((3,), 'uint16', 6)
    """

    __slots__ = ("__weakref__",)

    def numpy(
        self, shape: int | Sequence[int] | None = None, dtype: npt.DTypeLike | None = None
    ) -> npt.NDArray[Any]:
        """Return a read-only array of the frame, of another `shape` and `dtype` where given.

        Nothing is copied.

        Raise ``ValueError`` where these do not fit its bytes, and ``ImportError`` for a ``bfloat16`` or
        ``float8`` type where the package ``ml_dtypes`` is not installed.
        """
        own = self.shape
        if dtype is None and is_of_numpy(self.dtype):
            array: npt.NDArray[Any] = np.asarray(self)
        else:
            array = np.asarray(self.view(-1, "uint8")).view(
                numpy_dtype(self.dtype if dtype is None else dtype)
            )
            array = array.reshape(own) if dtype is None else array
        return array if shape is None else array.reshape(shape)

    def __array__(self, dtype: npt.DTypeLike | None = None, copy: bool | None = None) -> npt.NDArray[Any]:
        # NumPy asks for this where a frame has no buffer: of elements that are not NumPy's own.
        array = self.numpy()
        if dtype is not None and array.dtype != dtype:
            return array.astype(dtype)
        return array.copy() if copy else array


_native.set_frame_class(Frame)
