"""What the tests of `examples/camera-models` share: its modules, and a model that is all weights.

That is written by hand as protobuf, so that nothing else has to be installed.
"""

from __future__ import annotations

import importlib.util
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLE = Path(__file__).parents[3] / "examples" / "camera-models"
sys.path.insert(0, str(EXAMPLE))

for package in ("onnxruntime", "rapidocr_onnxruntime", "silero_vad"):
    if importlib.util.find_spec(package) is None:
        words = f"{package} is not installed: pip install --no-deps -r {EXAMPLE / 'requirements.txt'}"
        pytest.skip(words, allow_module_level=True)

FLOAT = 1


def products(layers: int, size: int) -> bytes:
    """An ONNX model: products of a vector and matrices of this size, with what is below 0 cut off."""
    random = np.random.default_rng(1)
    graph = [
        field(2, "products"),
        *(field(end, port(name, size)) for end, name in ((11, "x0"), (12, f"x{layers}"))),
    ]
    for layer in range(layers):
        matrix = (random.standard_normal((size, size)) / np.sqrt(size)).astype("float32")
        graph.append(field(5, tensor(f"matrix{layer}", matrix)))
        graph.append(field(1, node("MatMul", [f"x{layer}", f"matrix{layer}"], f"y{layer}")))
        graph.append(field(1, node("Relu", [f"y{layer}"], f"x{layer + 1}")))
    return field(1, 8) + field(7, b"".join(graph)) + field(8, field(1, "") + field(2, 17))


def tensor(name, array):
    lengths = b"".join(field(1, length) for length in array.shape)
    return lengths + field(2, FLOAT) + field(8, name) + field(9, array.tobytes())


def node(kind, inputs, output):
    return b"".join(field(1, name) for name in inputs) + field(2, output) + field(4, kind)


def port(name, size):
    shape = field(1, field(2, "n")) + field(1, field(1, size))
    return field(1, name) + field(2, field(1, field(1, FLOAT) + field(2, shape)))


def field(number: int, value: int | str | bytes) -> bytes:
    """A field of a protobuf message."""
    if isinstance(value, int):
        return varint(number << 3) + varint(value)
    body = value.encode() if isinstance(value, str) else value
    return varint(number << 3 | 2) + varint(len(body)) + body


def varint(value: int) -> bytes:
    more = bytearray()
    while value > 127:
        more.append(value & 127 | 128)
        value >>= 7
    return bytes([*more, value])
