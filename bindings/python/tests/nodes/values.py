"""Data and metadata of every kind, and what is to be sent of them, for the programs that send both."""

import array
import ctypes
import datetime
import enum
import time

import numpy as np
import pyarrow as pa

from journal import note


class Number(enum.IntEnum):
    THREE = 3


class Text(str):
    __slots__ = ()


HERE = datetime.timezone(datetime.timedelta(hours=2))

METADATA = {
    "none": None,
    "bool": True,
    "bools": [True, False],
    "bool first": [True, 1],
    "bool among": [1, True],
    "int": 3,
    "least": -(2**63),
    "too large": 2**63,
    "too large among": [1, 2**63],
    "enum": Number.THREE,
    "enums": [Number.THREE],
    "float": 2.5,
    "nan": float("nan"),
    "text": "text",
    "text of a class": Text("text"),
    "texts of a class": [Text("text")],
    "empty": [],
    "empty tuple": (),
    "ints": [1, 2],
    "tuple": (1, 2),
    "int first": [1, 2.5],
    "float first": [1.5, 2],
    "texts": ["a", "b"],
    "text first": ["a", 1],
    "int before text": [1, "a"],
    "none among": ["a", None],
    "nested": [[1]],
    "dict": {"a": 1},
    "bytes": b"ab",
    "set": {1},
    "complex": 1j,
    "time": datetime.datetime(2026, 1, 1, 12, tzinfo=HERE),
    "local time": datetime.datetime(2026, 1, 1, 12),
    "times": [datetime.datetime(2026, 1, 1, 12, tzinfo=HERE)],
    "date": datetime.date(2026, 1, 1),
    "uint64": np.uint64(2**64 - 1),
    "int64": np.int64(7),
    "float32": np.float32(1.5),
    "float64": np.float64(2.5),
    "numpy bool": np.bool_(True),
    "numpy ints": [1, np.int64(2)],
    "numpy int first": [np.int64(1), 2],
    "array": np.array([1, 2]),
}

# What ``dora.Node`` takes.
ARROW = {
    "bytes": b"ab",
    "numbers": pa.array([1, 2]),
    "nulls": pa.array([1, None]),
    "nothing": pa.nulls(2),
    "truths": pa.array([True, False, None]),
    "texts": pa.array(["a", "b"]),
    "times": pa.array([1, 2], pa.timestamp("s")),
    "lists": pa.array([[1], [2, 3]]),
    "batch": pa.record_batch({"a": [1, 2]}),
    "dictionary": pa.array(["a", "b", "a"]).dictionary_encode(),
}

# What this package makes an array of.
OTHERS = {
    "uint8": np.arange(4, dtype="uint8"),
    "two dimensions": np.arange(6, dtype="int16").reshape(2, 3),
    "no dimension": np.array(5, "float32"),
    "no elements": np.zeros((0, 3)),
    "bool": np.array([True, False]),
    "bools of two dimensions": np.eye(2, dtype=bool),
    "strided": np.arange(6)[::2],
    "reversed": np.arange(3, dtype="uint8")[::-1],
    "fortran": np.asfortranarray(np.arange(6.0).reshape(2, 3)),
    "large": np.array([2**64 - 1], "uint64"),
    "half": np.arange(3, dtype="float16"),
    "times": np.array(["2026-01-01"], "datetime64[s]"),
    "days": np.array(["2026-01-01"], "datetime64[D]"),
    "spans": np.array([1, 2], "timedelta64[ms]"),
    "texts": np.array(["a", "bc"]),
    "bytes of one length": np.array([b"a", b"bc"]),
    "objects": np.array([1, None]),
    "masked": np.ma.masked_array([[1, 2], [3, 4]], [[0, 1], [0, 0]]),
    "scalar": np.float32(2.5),
    "list": [1, 2],
    "floats": [1, 2.5],
    "truths": [True, False],
    "list of lists": [[1, 2], [3, 4]],
    "ragged list": [[1], [2, 3]],
    "list with none": [None, 1],
    "list of texts": ["a", "b"],
    "empty list": [],
    "tuple": (1, 2),
    "text": "text",
    "integer": 5,
    "dict": {"a": 1},
    "chunked": pa.chunked_array([[1, 2], [None]]),
    "empty chunked": pa.chunked_array([], pa.int8()),
    "table": pa.table({"a": [1, 2]}),
    "bytearray": bytearray(b"ab"),
    "memoryview": memoryview(b"ab"),
    "memoryview of characters": memoryview(b"ab").cast("c"),
    "array.array": array.array("l", [1, 2]),
    "ctypes": (ctypes.c_int16 * 2)(1, 2),
    "buffer": pa.py_buffer(b"ab"),
    # Refused.
    "complex": np.zeros(2, "complex64"),
    "other byte order": np.zeros(2, ">u2"),
    "structure": np.zeros(2, [("a", "u1"), ("b", "u4")]),
    "raw": np.zeros(2, "V3"),
    "unknown": object(),
    "mixed list": ["a", 1],
    "mixed objects": np.array(["a", 1], object),
}


def send(way, send_output, data, rounds=1):
    """Send everything, and note what is refused.

    dora's own path drops messages without a word: what follows the first one within moments, and what comes
    faster than a consumer takes it. There everything is sent in two rounds.
    """
    send_output(ARROW["numbers"], {"name": "first"})
    time.sleep(0.5)
    messages = [(f"metadata {name}", ARROW["numbers"], {"value": value}) for name, value in METADATA.items()]
    messages += [(f"data {name}", value, None) for name, value in data.items()]
    for name, value, metadata in messages * rounds:
        time.sleep(0.003)
        try:
            send_output(value, {"name": name} | (metadata or {}))
        except (TypeError, OverflowError) as error:
            note(way=way, refused=name, error=type(error).__name__, message=str(error))
