"""What a worker is asked, and what it answers, each as one payload.

| bytes | what |
|---|---|
| 0 to 5 | ``zp-oip`` |
| 6 | ``q`` for a request, ``a`` for an answer |
| 7 | the version, 1 |
| 8 to 11 | the head's length, little-endian |
| from 12 | the head: JSON in the names of the Open Inference Protocol |
| from the next multiple of 64 | the data, which each tensor's ``offset`` counts from |

A tensor lies at a multiple of 64 bytes and is read as an array where it lies: nothing is copied. What is
read is checked whole before anything of it is used. The crate ``zenoh-pinned-models`` has the same in Rust.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from zenoh_pinned.models._decoding import arrays, common, read, wanted
from zenoh_pinned.models._encoding import Encoder

if TYPE_CHECKING:
    from typing_extensions import Buffer, Self
    from zenoh_pinned.models._datatypes import Array, Parameter


@dataclass
class InferenceRequest:
    """What a model is asked.

    >>> import numpy
    >>> from zenoh_pinned.models import InferenceRequest
    >>> request = InferenceRequest("ocr", inputs={"x": numpy.zeros((1, 3), "float32")})
    >>> InferenceRequest.decode(request.encode()).inputs["x"].shape
    (1, 3)
    """

    model_name: str = ""
    model_version: str = ""
    id: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    #: Arrays by their names. Those of BYTES are arrays of objects, of `bytes`.
    inputs: dict[str, Array] = field(default_factory=dict)
    #: The outputs that are wanted; none: all.
    outputs: list[str] = field(default_factory=list)

    @classmethod
    def decode(cls, payload: Buffer) -> Self:
        """Read one. Its arrays are views of ``payload`` and keep it; those of BYTES are copies.

        Raise `DecodeError` where it is none, and ``ImportError`` where it has elements of the package
        ``ml_dtypes`` and that is not installed.
        """
        head, data = read(payload, b"q")
        checked = common(head, {"inputs", "outputs"})
        outputs = wanted(head["outputs"])
        return cls(*checked, inputs=arrays(head["inputs"], data), outputs=outputs)

    def encode(self) -> bytes:
        """Return it as one payload. Raise `EncodeError` where it cannot be."""
        return self.encoder().encoded()

    def encoder(self) -> Encoder:
        """Return what writes it into memory that is there. Raise `EncodeError` where it cannot be."""
        return Encoder(b"q", self, "inputs", self.inputs, self.outputs)


@dataclass
class InferenceAnswer:
    """What a model answers.

    >>> import numpy
    >>> from zenoh_pinned.models import InferenceAnswer
    >>> answer = InferenceAnswer(outputs={"text": numpy.array([b"42"], object)})
    >>> slot = bytearray(answer.encoder().nbytes)
    >>> answer.encoder().write_into(slot)
    >>> InferenceAnswer.decode(slot).outputs["text"]
    array([b'42'], dtype=object)
    """

    model_name: str = ""
    model_version: str = ""
    id: str = ""
    parameters: dict[str, Parameter] = field(default_factory=dict)
    #: Arrays by their names. Those of BYTES are arrays of objects, of `bytes`.
    outputs: dict[str, Array] = field(default_factory=dict)

    @classmethod
    def decode(cls, payload: Buffer) -> Self:
        """Read one; as `InferenceRequest.decode`."""
        head, data = read(payload, b"a")
        return cls(*common(head, {"outputs"}), outputs=arrays(head["outputs"], data))

    def encode(self) -> bytes:
        """Return it as one payload. Raise `EncodeError` where it cannot be."""
        return self.encoder().encoded()

    def encoder(self) -> Encoder:
        """Return what writes it into memory that is there. Raise `EncodeError` where it cannot be."""
        return Encoder(b"a", self, "outputs", self.outputs)
