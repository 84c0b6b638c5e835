"""Writes a request or an answer as one payload; see `_inference` for how that looks."""

from __future__ import annotations

import json
import math
from typing import TYPE_CHECKING, Any

import numpy as np
from zenoh_pinned.models._datatypes import (
    BYTES,
    DATATYPES,
    DIMENSIONS,
    ELEMENTS,
    HEAD_BYTES,
    LENGTH,
    MARK,
    NAME_BYTES,
    PREAMBLE,
    TENSORS,
    VERSION,
    aligned,
)

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    import numpy.typing as npt
    from typing_extensions import Buffer
    from zenoh_pinned.models._datatypes import Array, Parameter
    from zenoh_pinned.models._inference import InferenceAnswer, InferenceRequest


class EncodeError(ValueError):
    """A request or an answer cannot be encoded; says what is wrong, and what to do.

    >>> from zenoh_pinned import models
    >>> try:
    ...     models.InferenceAnswer(parameters={"score": float("nan")}).encode()
    ... except models.EncodeError:
    ...     print("no number")
    no number
    """


class Encoder:
    """Writes one request or answer; made by their ``encoder()``.

    It keeps the arrays that it writes: whoever changes one meanwhile changes what is written.
    """

    def __init__(
        self,
        kind: bytes,
        message: InferenceRequest | InferenceAnswer,
        key: str,
        arrays: Mapping[str, npt.ArrayLike],
        wanted: Sequence[str] | None = None,
    ) -> None:
        _check_count(len(arrays))
        places: list[dict[str, Any]] = []
        self._pieces: list[tuple[int, memoryview]] = []
        end = 0
        for name, values in arrays.items():
            array = np.asarray(values)
            datatype, data = _piece(name, array)
            offset, shape = aligned(end), list(array.shape)
            end = offset + data.nbytes
            place = {"name": name, "datatype": datatype, "shape": shape}
            places.append({**place, "offset": offset, "bytes": data.nbytes})
            self._pieces.append((offset, data))
        head = {
            "model_name": message.model_name,
            "model_version": message.model_version,
            "id": message.id,
            "parameters": dict(sorted(_checked(message.parameters).items())),
            key: places,
        }
        if wanted is not None:
            _check_count(len(wanted))
            head["outputs"] = [{"name": name} for name in wanted]
        text = _json(head)
        self._begin = aligned(PREAMBLE + len(text))
        self._head = MARK + kind + bytes([VERSION]) + LENGTH.pack(len(text)) + text
        self._nbytes = self._begin + end

    @property
    def nbytes(self) -> int:
        """How many bytes it takes."""
        return self._nbytes

    def write_into(self, slot: Buffer) -> None:
        """Write it to the beginning of ``slot``, which should begin at a multiple of 64 bytes.

        Raise ``ValueError``, and write nothing, where there is no room for it.
        """
        into = memoryview(slot).cast("B")
        if into.nbytes < self._nbytes:
            raise ValueError(f"there is room for {into.nbytes} bytes: give it {self._nbytes}, as nbytes says")
        at = len(self._head)
        into[:at] = self._head
        for offset, data in self._pieces:
            begin = self._begin + offset
            into[at:begin] = bytes(begin - at)
            at = begin + data.nbytes
            into[begin:at] = data
        into[at : self._nbytes] = bytes(self._nbytes - at)

    def encoded(self) -> bytes:
        """Return it in memory of its own."""
        payload = bytearray(self._nbytes)
        self.write_into(payload)
        return bytes(payload)


def _check_count(count: int) -> None:
    if count > TENSORS:
        raise EncodeError(f"there are {count} tensors: put what belongs together into one, {TENSORS} at most")


def _json(head: dict[str, Any]) -> bytes:
    try:
        text = json.dumps(head, ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()
    except (TypeError, ValueError) as error:
        raise EncodeError(f"the head cannot be written ({error}): give it texts that are Unicode") from error
    if len(text) > HEAD_BYTES:
        raise EncodeError(f"names, shapes and parameters take {len(text)} bytes: shorten the parameters")
    return text


def _piece(name: str, array: Array) -> tuple[str, memoryview]:
    if not 1 <= len(name.encode(errors="replace")) <= NAME_BYTES:
        raise EncodeError(f"a tensor is called {name!r}: give it a name of 1 to {NAME_BYTES} bytes")
    if array.ndim > DIMENSIONS:
        raise EncodeError(f"the tensor {name!r} has {array.ndim} dimensions: reshape it to {DIMENSIONS}")
    if math.prod(max(size, 1) for size in array.shape) > ELEMENTS:
        raise EncodeError(f"the tensor {name!r} has the shape {array.shape}: reshape it to smaller ones")
    if array.dtype.kind in "OSU":
        return BYTES, memoryview(b"".join(_prefixed(name, element) for element in array.flat))
    datatype = DATATYPES.get(array.dtype.name)
    if datatype is None:
        raise EncodeError(f"the tensor {name!r} is of {array.dtype}: convert it to one of {list(DATATYPES)}")
    if not array.dtype.isnative:
        array = array.astype(array.dtype.newbyteorder("="))
    return datatype, np.ascontiguousarray(array).reshape(-1).view(np.uint8).data


def _prefixed(name: str, element: object) -> bytes:
    if isinstance(element, str):
        element = element.encode()
    if not isinstance(element, bytes):
        raise EncodeError(f"the tensor {name!r} has the element {element!r}: give it bytes or texts only")
    return LENGTH.pack(len(element)) + element


def _checked(parameters: Mapping[str, Parameter]) -> Mapping[str, Parameter]:
    for name, value in parameters.items():
        remedy = "give it a finite number, a whole one of 64 bits, a text or a bool"
        of_a_kind = isinstance(value, bool | int | float | str)
        if not of_a_kind or (isinstance(value, float) and not math.isfinite(value)):
            raise EncodeError(f"the parameter {name!r} is {value!r}: {remedy}")
        if isinstance(value, int) and not -(1 << 63) <= value < 1 << 64:
            raise EncodeError(f"the parameter {name!r} is {value}: {remedy}")
    return parameters
