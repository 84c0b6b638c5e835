"""What the encoding of requests is made of: datatypes, limits, and how an element of BYTES is written."""

from __future__ import annotations

import struct
from typing import Any

import numpy as np

Parameter = bool | int | float | str
Array = np.ndarray[Any, np.dtype[Any]]

MARK = b"zp-oip"
VERSION = 1
#: Bytes before the head.
PREAMBLE = 12
#: Where tensors begin, in bytes.
ALIGNMENT = 64
HEAD_BYTES = 1 << 20
NAME_BYTES = 1024
TENSORS = 1024
DIMENSIONS = 32
#: The most elements that a shape may tell of, where its zeros count as ones.
ELEMENTS = 1 << 60
#: A length: of the head, and of an element of BYTES.
LENGTH = struct.Struct("<I")

#: Elements of some bytes each.
BYTES = "BYTES"
#: What the protocol calls the others, and what NumPy or the package ``ml_dtypes`` does.
DTYPES = {
    "BOOL": "bool",
    "UINT8": "uint8",
    "UINT16": "uint16",
    "UINT32": "uint32",
    "UINT64": "uint64",
    "INT8": "int8",
    "INT16": "int16",
    "INT32": "int32",
    "INT64": "int64",
    "FP16": "float16",
    "BF16": "bfloat16",
    "FP32": "float32",
    "FP64": "float64",
    "FP8_E4M3": "float8_e4m3fn",
    "FP8_E5M2": "float8_e5m2",
}
DATATYPES = {dtype: datatype for datatype, dtype in DTYPES.items()}


def numpy_dtype(name: str) -> np.dtype[Any]:
    """Return NumPy's type of this name. Raise ``ImportError`` where it needs ``ml_dtypes``."""
    if name in ("bfloat16", "float8_e4m3fn", "float8_e5m2"):
        import ml_dtypes

        name = getattr(ml_dtypes, name)
    dtype: np.dtype[Any] = np.dtype(name)
    return dtype


def aligned(offset: int) -> int:
    """Return the next place where a tensor may begin."""
    return -(-offset // ALIGNMENT) * ALIGNMENT
