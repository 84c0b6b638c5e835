"""Tensors: frames that libraries of arrays hand over to each other, in shared memory.

A tensor is a frame with a few ways in and out, and so a subclass: whatever takes a frame (`Publisher.put`, a
request to workers, `to_device`, the buffer protocol, DLPack) takes a tensor too, and nothing has to be handed
through. It adds neither state nor a lock. What it is made of is found out, and copied where it has to be, in
the native part.

Knowingly weak: with ``zero_copy=True`` or `None` an array that somebody still writes, in the ``with`` block
that allocated it, is shown as it lies. It is copied when it is sent.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned import _native
from zenoh_pinned._arrow import arrow_type
from zenoh_pinned._frame import Frame

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy.typing as npt
    from typing_extensions import Self


class Tensor(Frame):
    """A frame to be handed from one library of arrays to another, read-only, in row-major order.

    ``Tensor(frame, shape, dtype)`` makes one of a frame that was received, `from_numpy` and `from_dlpack` of
    arrays and tensors of other libraries. It has what a `Frame` has, and goes where a frame goes:
    `Publisher.put` and requests to workers send it without a copy where it is a whole slot.

    Elements are named as NumPy names them, those of ``ml_dtypes`` (``"bfloat16"``, ``"float8_e4m3fn"``,
    ``"float8_e5m2"`` and others) too. ``tensor.view(-1, "uint8")`` shows the bytes of any.

    Raise ``ValueError`` where shape and type do not fit the frame's bytes.

    >>> import numpy, zenoh_pinned
    >>> pool = zenoh_pinned.Pool(slot_bytes=4096)
    >>> tensor = zenoh_pinned.Tensor.from_numpy(numpy.arange(6, dtype="float32").reshape(2, 3), pool)
    >>> tensor.shape, tensor.dtype, tensor.strides, tensor.nbytes
    ((2, 3), 'float32', (12, 4), 24)
    >>> tensor.numpy().tolist()
    [[0.0, 1.0, 2.0], [3.0, 4.0, 5.0]]
    >>> zenoh_pinned.Tensor(zenoh_pinned.frame(bytes(8)), (2, 2), "bfloat16")
    <Tensor bfloat16 (2, 2), 8 bytes, host>
    """

    __slots__ = ()

    def __new__(
        cls,
        frame: _native.FrameBase,
        shape: int | Sequence[int] | None = None,
        dtype: npt.DTypeLike | None = None,
    ) -> Self:
        if shape is not None or dtype is not None:
            frame = frame.view(-1 if shape is None else shape, dtype)
        return super().__new__(cls, frame)

    @classmethod
    def from_numpy(
        cls,
        array: npt.NDArray[Any] | np.generic,
        pool: _native.Pool | None = None,
        *,
        zero_copy: bool | None = None,
    ) -> Self:
        """Return an array of NumPy as a tensor in shared memory.

        By default without a copy where the array's elements lie in a slot of shared memory, one behind the
        other, for instance in a received frame; else by one copy into a slot of `pool`. ``zero_copy=False``
        copies always, and ``zero_copy=True`` never: what lies elsewhere is `NotInSharedMemory`. Arrays of any
        strides are copied once.

        Raise ``TypeError`` for elements that cannot be shared, what is no array, and where a copy needs a
        `pool`; ``ValueError`` for one that is larger than a slot, and, with ``zero_copy=True``, one whose
        elements are not one behind the other; `PoolFull` where no slot came free in time.

        >>> import numpy, zenoh_pinned
        >>> pool = zenoh_pinned.Pool(slot_bytes=4096)
        >>> tensor = zenoh_pinned.Tensor.from_numpy(numpy.eye(3).T, pool)
        >>> again = zenoh_pinned.Tensor.from_numpy(tensor.numpy(), zero_copy=True)
        >>> tensor.is_shared, numpy.shares_memory(tensor, again)
        (True, True)
        """
        if not isinstance(array, (np.ndarray, np.generic)):
            msg = f"from_numpy() takes an array of NumPy, not {type(array).__name__}: use from_dlpack()"
            raise TypeError(msg)
        return cls(_native.tensor_frame(array, pool, zero_copy))

    @classmethod
    def from_dlpack(
        cls, tensor: object, pool: _native.Pool | None = None, *, zero_copy: bool | None = None
    ) -> Self:
        """Return a tensor of another library (torch, JAX, CuPy, NumPy) as one in shared memory.

        `pool` and `zero_copy` are as with `from_numpy`. A tensor on a CUDA device is copied into the slot by
        one DMA, behind what its library has enqueued, and the call waits for it.

        Raise what `from_numpy` raises; for a tensor on a device `NoDevice` and `CudaError`, and
        ``ValueError`` where its elements are not one behind the other; ``TypeError`` for other devices.

        >>> import numpy, zenoh_pinned
        >>> pool = zenoh_pinned.Pool(slot_bytes=4096)
        >>> zenoh_pinned.Tensor.from_dlpack(numpy.arange(4, dtype="int16"), pool).numpy()
        array([0, 1, 2, 3], dtype=int16)
        """
        if not hasattr(tensor, "__dlpack__"):
            msg = (
                f"{type(tensor).__name__} has no __dlpack__: use from_numpy() with numpy.asarray(object), or "
                "zenoh_pinned.frame(object)"
            )
            raise TypeError(msg)
        return cls(_native.tensor_frame(tensor, pool, zero_copy))

    @property
    def frame(self) -> Frame:
        """The same bytes, shape and type as a `Frame`."""
        return Frame(self)

    def view(self, shape: int | Sequence[int], dtype: npt.DTypeLike | None = None) -> Tensor:
        """Return a tensor of the same bytes with another shape and type.

        One size may be -1: it is what the others leave. Raise ``ValueError`` where these do not fit the
        bytes. Nothing is copied, and either keeps them.
        """
        return Tensor(super().view(shape, dtype))

    def torch(self) -> Any:
        """Return a ``torch.Tensor`` on the CPU of the same bytes, without a copy; do not write it.

        Raise ``ImportError`` where torch is not installed, ``TypeError`` for elements that it does not have,
        and ``BufferError`` where it is older than DLPack 1.0, which says that memory is read-only.
        """
        torch: Any = importlib.import_module("torch")
        if not self.dtype.startswith("float8_"):
            return torch.from_dlpack(self)
        # It had these types before it had them in DLPack.
        dtype = getattr(torch, self.dtype, None)
        if dtype is None:
            msg = f"torch has no {self.dtype}: use .view(shape, 'uint8').torch()"
            raise TypeError(msg)
        return torch.from_dlpack(self.view(self.shape, "uint8")).view(dtype)

    def arrow(self) -> Any:
        """Return a flat ``pyarrow.Array`` of the same bytes, without a copy.

        Arrow's own booleans are bits: those of a tensor are ``int8``, which Arrow's canonical ``bool8``
        stores. It has no ``bfloat16`` and no ``float8``: these are ``fixed_size_binary`` of their width.

        Raise ``ImportError`` where pyarrow is not installed.
        """
        pyarrow: Any = importlib.import_module("pyarrow")
        kind, width = arrow_type(self.dtype)
        buffer = pyarrow.py_buffer(self.view(-1, "uint8"))
        return pyarrow.Array.from_buffers(kind, self.nbytes // width, [None, buffer])

    def to_device(
        self, device: int | str | object | None = None, stream: object = None
    ) -> _native.DeviceBuffer | Tensor:
        """Copy it to a device: `zenoh_pinned.to_device` of it.

        Where that leaves it on the host the tensor comes back.
        """
        moved = _native.to_device(self, device, stream)
        return Tensor(moved) if isinstance(moved, Frame) else moved

    def __repr__(self) -> str:
        return super().__repr__().replace("<Frame", "<Tensor", 1)
