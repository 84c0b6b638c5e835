"""The types of elements, as NumPy names them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned import _native

if TYPE_CHECKING:
    import numpy.typing as npt


_NAMES = ["bool", "float16", "float32", "float64"]
_NAMES += [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
_BY_NAME = {name: np.dtype(name) for name in _NAMES}


def is_of_numpy(name: str) -> bool:
    """Return whether NumPy has these elements itself, without the package ``ml_dtypes``."""
    return name != "bfloat16" and not name.startswith("float8_")


def numpy_dtype(dtype: npt.DTypeLike) -> np.dtype[Any]:
    """Return NumPy's type, also by the name of one of the package ``ml_dtypes``.

    Raise ``ImportError`` where that package is needed and not installed, and ``TypeError`` for elements that
    cannot be shared.
    """
    # Asked for every frame, mostly by name, and NumPy parses that each time.
    known = _BY_NAME.get(dtype) if isinstance(dtype, str) else None
    if known is not None:
        return known
    try:
        return np.dtype(dtype)
    except TypeError:
        # A name of ml_dtypes, which has not been imported yet; or no type, and the error says so.
        return _native.numpy_dtype(dtype)
