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
        self, shape: int | Sequence[int] | None = None, dtype: npt.DTypeLike | None = None
    ) -> npt.NDArray[Any]:
        """Return a read-only array of the frame, of another `shape` and `dtype` where given.

        Raise ``ValueError`` where these do not fit its bytes, and ``ImportError`` for a ``bfloat16`` or
        ``float8`` type where the package ``ml_dtypes`` is not installed. Nothing is copied.
        """
        own = self.shape
        if dtype is None and _is_of_numpy(self.dtype):
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


def _is_of_numpy(name: str) -> bool:
    return name != "bfloat16" and not name.startswith("float8_")


def numpy_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return NumPy's type, also by the name of one of the package ``ml_dtypes``."""
    try:
        return np.dtype(dtype)
    except TypeError:
        # Before that has been imported, or something else, whose error says what is possible.
        return _native.numpy_dtype(dtype)


_native.set_frame_class(Frame)
