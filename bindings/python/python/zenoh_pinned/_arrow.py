"""Arrow arrays of anything that one can be made of."""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned import _native
from zenoh_pinned._elements import is_of_numpy

if TYPE_CHECKING:
    import numpy.typing as npt


def arrow_of(data: object) -> tuple[Any, tuple[int, ...]]:
    """Return `data` as an Arrow array, flat, and the shape that it had; an empty shape for Arrow's own data.

    Raise ``TypeError`` where no such array can be made, and ``ImportError`` without pyarrow where it is
    needed.
    """
    if hasattr(data, "__arrow_c_array__"):
        return data, ()
    # Late: whoever sends Arrow data, or only what lies ready, does without pyarrow.
    pyarrow: Any = importlib.import_module("pyarrow")
    try:
        if hasattr(data, "__arrow_c_stream__"):
            return pyarrow.chunked_array(data).combine_chunks(), ()
        array = _numpy(data)
        if array is None:
            return pyarrow.array(data), ()
        return pyarrow.array(array.ravel()), array.shape
    except (TypeError, ValueError, NotImplementedError, BufferError, RuntimeError) as error:
        dtype = getattr(data, "dtype", None)
        if isinstance(dtype, np.dtype) and dtype.kind != "T":
            # Says what to do with elements that nobody can share.
            name = _native.numpy_dtype(dtype).name
            bits = 8 * dtype.itemsize
            msg = f"Arrow has no {name}: send array.view('uint{bits}'), and view that in the consumer"
            raise TypeError(msg) from None
        msg = f"no Arrow array can be made of {type(data).__name__}: {error}"
        raise TypeError(msg) from error


def arrow_type(dtype: str) -> tuple[Any, int]:
    """Return Arrow's type of elements that lie one behind the other, and the bytes of one.

    Raise ``ImportError`` without pyarrow.
    """
    pyarrow: Any = importlib.import_module("pyarrow")
    if dtype == "bool":
        return pyarrow.int8(), 1
    if is_of_numpy(dtype):
        kind = np.dtype(dtype)
        return pyarrow.from_numpy_dtype(kind), kind.itemsize
    width = 2 if dtype == "bfloat16" else 1
    return pyarrow.binary(width), width


def _numpy(data: Any) -> npt.NDArray[Any] | None:
    """Return `data` as an array of NumPy's; `None` where Arrow makes a better one."""
    if isinstance(data, np.ndarray):
        return data
    try:
        view = memoryview(data)
    except (TypeError, ValueError):
        if hasattr(data, "__dlpack__") and not isinstance(data, np.generic):
            return np.from_dlpack(data)
    else:
        return np.asarray(view.cast("B") if view.format == "c" else view)
    if isinstance(data, (list, tuple)):
        try:
            array = np.asarray(data)
        except ValueError:
            return None
        # Not of objects, nor of what NumPy has made text of.
        return array if array.dtype.kind in "biuf" else None
    return np.asarray(data)
