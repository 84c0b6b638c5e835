"""Reads a request or an answer from one payload, which may be anything; see `_inference` for how it looks."""

from __future__ import annotations

import itertools
import json
import math
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np
from zenoh_pinned.models._datatypes import (
    ALIGNMENT,
    BYTES,
    DIMENSIONS,
    DTYPES,
    ELEMENTS,
    HEAD_BYTES,
    LENGTH,
    MARK,
    NAME_BYTES,
    PREAMBLE,
    TENSORS,
    VERSION,
    aligned,
    numpy_dtype,
)

if TYPE_CHECKING:
    from collections.abc import Sequence

    from typing_extensions import Buffer
    from zenoh_pinned.models._datatypes import Array, Parameter


class DecodeError(ValueError):
    """Bytes are no request or no answer; says what is wrong, and what to do.

    >>> from zenoh_pinned import models
    >>> try:
    ...     models.InferenceRequest.decode(b"")
    ... except models.DecodeError:
    ...     print("that is none")
    that is none
    """


def read(payload: Buffer, kind: bytes) -> tuple[dict[str, Any], memoryview]:
    """Return the head, and what the offsets in it count from."""
    view = memoryview(payload).cast("B")
    short = f"there are {view.nbytes} bytes, which end before the tensors begin: send the whole payload"
    magic = bytes(view[:8])
    if len(magic) < 8:
        raise DecodeError(short)
    if magic[:6] != MARK:
        raise DecodeError("they begin as no encoded request or answer does: encode it with this package")
    if magic[7] != VERSION:
        raise DecodeError(f"they are of version {magic[7]} of the encoding: use one version of the package")
    if magic[6:7] != kind:
        names = {b"q": "a request", b"a": "an answer"}
        raise DecodeError(f"they are not {names[kind]}: see who has sent them")
    if view.nbytes < PREAMBLE:
        raise DecodeError(short)
    (length,) = LENGTH.unpack(view[8:PREAMBLE])
    if length > HEAD_BYTES:
        raise DecodeError(f"its head is of {length} bytes: shorten the parameters to {HEAD_BYTES} in all")
    begin = aligned(PREAMBLE + length)
    if view.nbytes < begin:
        raise DecodeError(short)
    head = _json(bytes(view[PREAMBLE : PREAMBLE + length]))
    if not isinstance(head, dict):
        raise _unreadable("it should be an object")
    return head, view[begin:]


def common(head: dict[str, Any], more: set[str]) -> tuple[str, str, str, dict[str, Parameter]]:
    """Return what requests and answers both have, where there is this and ``more`` and nothing else."""
    _object(head, {"model_name", "model_version", "id", "parameters"} | more)
    parameters = head["parameters"]
    if not isinstance(parameters, dict):
        raise _unreadable("parameters should be an object")
    checked = {_text(name): _parameter(value) for name, value in parameters.items()}
    return _text(head["model_name"]), _text(head["model_version"]), _text(head["id"]), checked


def wanted(outputs: object) -> list[str]:
    """Return the names of the outputs that are wanted."""
    return [_text(_object(output, {"name"})["name"]) for output in _list(outputs)]


def arrays(places: object, data: memoryview) -> dict[str, Array]:
    """Return the tensors as views of ``data``."""
    found: dict[str, Array] = {}
    taken = []
    for place in _list(places):
        _object(place, {"name", "datatype", "shape", "offset", "bytes"})
        name, offset, nbytes = _text(place["name"]), _count(place["offset"]), _count(place["bytes"])
        if name in found:
            raise DecodeError(f"two tensors are called {name!r}: give each a name of its own")
        if not 1 <= len(name.encode()) <= NAME_BYTES:
            raise DecodeError(f"a name is of {len(name.encode())} bytes: give it one of 1 to {NAME_BYTES}")
        if offset % ALIGNMENT:
            raise DecodeError(f"the tensor {name!r} begins at {offset}, which is no multiple of {ALIGNMENT}")
        if offset + nbytes > data.nbytes:
            raise DecodeError(f"the tensor {name!r} reaches beyond the end: send the whole payload")
        if nbytes:
            taken.append((offset, offset + nbytes))
        shape = place["shape"]
        if not isinstance(shape, list):
            raise _unreadable("a shape should be a list")
        sizes = tuple(_count(size) for size in shape)
        found[name] = _array(name, _text(place["datatype"]), sizes, data[offset : offset + nbytes])
    taken.sort()
    if any(first[1] > second[0] for first, second in itertools.pairwise(taken)):
        raise DecodeError("two tensors share bytes: lay each into bytes of its own")
    return found


def _array(name: str, datatype: str, shape: tuple[int, ...], data: memoryview) -> Array:
    if len(shape) > DIMENSIONS:
        raise DecodeError(f"the tensor {name!r} has {len(shape)} dimensions: reshape it to {DIMENSIONS}")
    if math.prod(max(size, 1) for size in shape) > ELEMENTS:
        raise DecodeError(f"the tensor {name!r} has more elements than memory holds: see its shape {shape}")
    elements = math.prod(shape)
    if datatype == BYTES:
        return _strings(name, elements, data).reshape(shape)
    known = DTYPES.get(datatype)
    if known is None:
        raise DecodeError(f"the tensor {name!r} is of {datatype!r}: use a datatype of the protocol")
    dtype = numpy_dtype(known)
    expected = elements * dtype.itemsize
    if expected != data.nbytes:
        words = f"has {data.nbytes} bytes, but its shape {shape} of {datatype} takes {expected}"
        raise DecodeError(f"the tensor {name!r} {words}: send exactly as many, without padding")
    if elements == 0:
        return np.empty(shape, dtype)
    return np.frombuffer(data, np.uint8).view(dtype).reshape(shape)


def _strings(name: str, elements: int, data: memoryview) -> Array:
    wrong = DecodeError(
        f"the {elements} elements of the tensor {name!r} do not fill its {data.nbytes} bytes: "
        "write each one's length in four bytes, little-endian, before it"
    )
    if elements * LENGTH.size > data.nbytes:
        raise wrong
    found = np.empty(elements, object)
    at = 0
    for element in range(elements):
        begin = at + LENGTH.size
        if begin > data.nbytes:
            raise wrong
        (length,) = LENGTH.unpack(data[at:begin])
        at = begin + length
        if at > data.nbytes:
            raise wrong
        found[element] = bytes(data[begin:at])
    if at != data.nbytes:
        raise wrong
    return found


def _json(text: bytes) -> object:
    try:
        return json.loads(text.decode(), object_pairs_hook=_once_each, parse_constant=_no_constant)
    except (ValueError, RecursionError) as error:
        raise _unreadable(str(error)) from error


def _once_each(pairs: Sequence[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a name is there twice")
    return found


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is no number")


def _unreadable(why: str) -> DecodeError:
    return DecodeError(f"its head cannot be read ({why}): encode it with this package")


def _object(value: object, names: set[str]) -> dict[str, Any]:
    if not isinstance(value, dict) or value.keys() != names:
        raise _unreadable(f"there should be an object of {', '.join(sorted(names))}")
    return value


def _list(value: object) -> list[Any]:
    if not isinstance(value, list):
        raise _unreadable("there should be a list")
    if len(value) > TENSORS:
        count = len(value)
        raise DecodeError(f"there are {count} tensors: put what belongs together into one, {TENSORS} at most")
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise _unreadable("there should be a text")
    try:
        value.encode()
    except UnicodeEncodeError as error:
        raise _unreadable("a text is no Unicode") from error
    return value


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 64:
        raise _unreadable("there should be a whole number of 64 bits")
    return value


def _parameter(value: object) -> Parameter:
    if isinstance(value, bool):
        return value
    if isinstance(value, str):
        return _text(value)
    if isinstance(value, int):
        # One that 64 bits do not hold is a number all the same, in Rust too.
        value = value if -(1 << 63) <= value < 1 << 64 else _float(value)
    if isinstance(value, int) or (isinstance(value, float) and math.isfinite(value)):
        return value
    raise _unreadable("a parameter should be a finite number, a text or a bool")


def _float(value: int) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf
