import contextlib
import gc
import json
import math
import os
import random
import struct
import subprocess

import ml_dtypes
import numpy as np
import pytest
from zenoh_pinned.models._datatypes import ALIGNMENT, DTYPES, numpy_dtype
from zenoh_pinned.models._decoding import DecodeError
from zenoh_pinned.models._encoding import EncodeError
from zenoh_pinned.models._inference import InferenceAnswer, InferenceRequest

PARAMETERS = {
    "flag": True,
    "least": -(1 << 63),
    "most": (1 << 64) - 1,
    "share": 0.25,
    "wörd": 'a "quoted" €\n',
}


def words() -> np.ndarray:
    return np.array([[b"one"], [b""], [b"three"]], object)


def request() -> InferenceRequest:
    inputs = {
        "image": np.full((1, 70), 7, "uint8"),
        "none": np.empty((0, 4)),
        "scale": np.array(1, "float16"),
        "words": words(),
    }
    return InferenceRequest("ocr", "3", "r-1", PARAMETERS, inputs, ["text"])


def answer() -> InferenceAnswer:
    return InferenceAnswer("ocr", "3", "r-1", PARAMETERS, {"words": words(), "score": np.ones(1, "float32")})


def same(one, other) -> bool:
    arrays = "inputs" if isinstance(one, InferenceRequest) else "outputs"
    ones, others = vars(one).copy(), vars(other).copy()
    first, second = ones.pop(arrays), others.pop(arrays)
    equal = all(
        a.dtype == b.dtype and a.shape == b.shape and a.tolist() == b.tolist()
        for a, b in zip(first.values(), second.values(), strict=True)
    )
    return ones == others and list(first) == list(second) and equal


def test_what_was_written_is_read():
    assert same(InferenceRequest.decode(request().encode()), request())
    assert same(InferenceAnswer.decode(answer().encode()), answer())
    assert same(InferenceRequest.decode(InferenceRequest().encode()), InferenceRequest())


@pytest.mark.parametrize("datatype", DTYPES)
def test_every_datatype_is_written_and_read(datatype):
    dtype = numpy_dtype(DTYPES[datatype])
    data = np.arange(6 * dtype.itemsize, dtype="uint8") % (2 if datatype == "BOOL" else 251)
    array = data.view(dtype).reshape(2, 3)
    read = InferenceAnswer.decode(InferenceAnswer(outputs={"x": array}).encode()).outputs["x"]
    assert read.dtype == dtype
    assert read.tobytes() == array.tobytes()


def test_arrays_are_views_at_multiples_of_64_bytes_and_keep_the_payload():
    payload = bytearray(request().encode())
    begin = np.frombuffer(payload, np.uint8).ctypes.data
    read = InferenceRequest.decode(payload)
    image = read.inputs["image"]
    assert (image.ctypes.data - begin) % ALIGNMENT == 0
    image[0, 0] = 9
    assert InferenceRequest.decode(payload).inputs["image"][0, 0] == 9
    del payload, read
    gc.collect()
    assert image.sum() == 9 + 69 * 7
    assert not InferenceRequest.decode(request().encode()).inputs["image"].flags.writeable


def test_other_layouts_are_written_as_the_protocol_has_them():
    base = np.arange(12, dtype="int32").reshape(3, 4)
    outputs = {
        "turned": base.T,
        "steps": base[:, ::2],
        "swapped": base.astype(">i4"),
        "texts": np.array(["a", "ü"]),
        "none": np.empty((0, 1 << 50), "int8"),
        "list": [1.5, 2.5],
    }
    read = InferenceAnswer.decode(InferenceAnswer(outputs=outputs).encode()).outputs
    assert read["turned"].tolist() == base.T.tolist()
    assert read["steps"].tolist() == base[:, ::2].tolist()
    assert read["swapped"].tolist() == base.tolist()
    assert read["texts"].tolist() == [b"a", "ü".encode()]
    assert read["none"].shape == (0, 1 << 50)
    assert read["list"].tolist() == [1.5, 2.5]


def test_it_is_written_into_memory_that_is_there():
    encoder = answer().encoder()
    slot = bytearray(b"\xaa" * (encoder.nbytes + 3))
    encoder.write_into(slot)
    assert slot == answer().encode() + b"\xaa" * 3
    assert same(InferenceAnswer.decode(slot), answer())
    short = bytearray(encoder.nbytes - 1)
    with pytest.raises(ValueError, match="as nbytes says"):
        encoder.write_into(short)
    assert not any(short)


def test_the_bytes_are_those_that_rust_writes():
    asked = InferenceRequest("ocr", "3", "r-1", {"share": 0.25})
    asked.inputs = {"x": np.array([[0x0201, 0x0403]], "uint16")}
    asked.outputs = ["y"]
    head = (
        b'{"model_name":"ocr","model_version":"3","id":"r-1","parameters":{"share":0.25},'
        b'"inputs":[{"name":"x","datatype":"UINT16","shape":[1,2],"offset":0,"bytes":4}],"outputs":[{"name":"y"}]}'
    )
    begin = b"zp-oipq\x01" + struct.pack("<I", len(head)) + head
    assert asked.encode() == begin + bytes(-len(begin) % 64) + b"\x01\x02\x03\x04"
    answered = InferenceAnswer(outputs={"y": np.array([b"hi"], object)})
    head = (
        b'{"model_name":"","model_version":"","id":"","parameters":{},'
        b'"outputs":[{"name":"y","datatype":"BYTES","shape":[1],"offset":0,"bytes":6}]}'
    )
    begin = b"zp-oipa\x01" + struct.pack("<I", len(head)) + head
    assert answered.encode() == begin + bytes(-len(begin) % 64) + b"\x02\x00\x00\x00hi"


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"outputs": {"x": np.zeros(1, "complex64")}}, "convert it"),
        ({"outputs": {"x": np.zeros(1, "datetime64[s]")}}, "convert it"),
        ({"outputs": {"x": np.array([1, None], object)}}, "bytes or texts"),
        ({"outputs": {"": np.zeros(1)}}, "a name of 1 to"),
        ({"outputs": {"x" * 1025: np.zeros(1)}}, "a name of 1 to"),
        ({"outputs": {"x": np.zeros([1] * 33)}}, "dimensions"),
        ({"outputs": {str(number): np.zeros(1) for number in range(1025)}}, "1024 at most"),
        ({"parameters": {"p": math.nan}}, "finite"),
        ({"parameters": {"p": math.inf}}, "finite"),
        ({"parameters": {"p": 1 << 64}}, "64 bits"),
        ({"parameters": {"p": None}}, "a text or a bool"),
        ({"parameters": {"p": "\ud800"}}, "Unicode"),
        ({"id": "x" * (1 << 20)}, "shorten"),
    ],
)
def test_what_cannot_be_encoded_is_refused(changed, words):
    with pytest.raises(EncodeError, match=words):
        InferenceAnswer(**changed).encode()


def test_a_payload_that_was_cut_is_refused():
    whole = request().encode()
    for end in range(len(whole)):
        with pytest.raises(DecodeError):
            InferenceRequest.decode(whole[:end])


def test_a_turned_bit_is_refused_or_read():
    whole = request().encode()
    for bit in range(len(whole) * 8):
        turned = bytearray(whole)
        turned[bit // 8] ^= 1 << bit % 8
        with contextlib.suppress(DecodeError):
            InferenceRequest.decode(turned).encode()


def payload(head: object, data: int = 0, kind: bytes = b"a") -> bytes:
    text = head if isinstance(head, bytes) else json.dumps(head).encode()
    begin = b"zp-oip" + kind + b"\x01" + struct.pack("<I", len(text)) + text
    return begin + bytes(-len(begin) % 64 + data)


def place(**changed: object) -> dict[str, object]:
    return {"name": "x", "datatype": "UINT8", "shape": [4], "offset": 0, "bytes": 4} | changed


HEAD = {"model_name": "", "model_version": "", "id": "", "parameters": {}, "outputs": []}
HEADS = [
    [],
    {key: value for key, value in HEAD.items() if key != "id"},
    HEAD | {"more": 1},
    HEAD | {"id": 1},
    HEAD | {"id": "\ud800"},
    HEAD | {"parameters": []},
    HEAD | {"parameters": {"a": None}},
    HEAD | {"parameters": {"a": [1]}},
    HEAD | {"parameters": {"a": math.nan}},
    HEAD | {"parameters": {"a": 10**400}},
    HEAD | {"outputs": {}},
    HEAD | {"outputs": [1]},
    HEAD | {"outputs": [place()] * 1025},
    json.dumps(HEAD).encode().replace(b"{}", b'{"a":1,"a":2}'),
    json.dumps(HEAD).encode().replace(b"{}", b'{"a":1e400}'),
    json.dumps(HEAD).encode() + b"}",
    b"[" * 100_000,
    b"\xff",
    b"",
]


@pytest.mark.parametrize("head", HEADS)
def test_a_head_is_exactly_what_it_should_be(head):
    InferenceAnswer.decode(payload(HEAD))
    with pytest.raises(DecodeError):
        InferenceAnswer.decode(payload(head, 64))


PLACES = [
    [place(offset=8)],
    [place(offset=1 << 63)],
    [place(offset=64, bytes=(1 << 64) - 1)],
    [place(offset=-64)],
    [place(bytes=5)],
    [place(shape=[5])],
    [place(shape=[-4])],
    [place(shape=[4.0])],
    [place(shape=[True])],
    [place(shape=4)],
    [place(shape=[1 << 64])],
    [place(shape=[0, 1 << 61], bytes=0)],
    [place(shape=[1] * 33, bytes=1)],
    [place(name="")],
    [place(name="x" * 1025)],
    [place(datatype="UINT9")],
    [place(), place()],
    [place(), place(name="y")],
    [place(), place(name="y", shape=[1], bytes=1)],
    [place(datatype="BYTES", shape=[1], bytes=5)],
    [place(datatype="BYTES", shape=[2])],
    [place(datatype="BYTES", shape=[0])],
    [place(datatype="BYTES", shape=[1 << 60])],
    [place(more=1)],
]


@pytest.mark.parametrize("places", PLACES)
def test_tensors_lie_where_they_may_and_are_what_they_are_said_to_be(places):
    InferenceAnswer.decode(payload(HEAD | {"outputs": [place()]}, 64))
    with pytest.raises(DecodeError):
        InferenceAnswer.decode(payload(HEAD | {"outputs": places}, 64))


def test_what_begins_otherwise_is_refused_by_what_it_is():
    whole = request().encode()
    for at, byte, words in [
        (0, b"y", "begin"),
        (6, b"a", "not a request"),
        (7, b"\x02", "version 2"),
        (11, b"\x80", "head"),
    ]:
        with pytest.raises(DecodeError, match=words):
            InferenceRequest.decode(whole[:at] + byte + whole[at + 1 :])
    with pytest.raises(DecodeError, match="not an answer"):
        InferenceAnswer.decode(whole)


class Rust:
    """Rust's decoder and encoder in a process: what it has read it writes again."""

    def __init__(self, program: str) -> None:
        self.process = subprocess.Popen([program], stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def again(self, payload: bytes) -> bytes | None:
        self.process.stdin.write(struct.pack("<I", len(payload)) + payload)
        self.process.stdin.flush()
        (length,) = struct.unpack("<i", self.process.stdout.read(4))
        return None if length < 0 else self.process.stdout.read(length)


@pytest.fixture
def rust():
    program = os.environ.get("INFERENCE_ECHO")
    if program is None:
        pytest.skip("INFERENCE_ECHO names no program (cargo build --example inference_echo)")
    rust = Rust(program)
    yield rust
    rust.process.stdin.close()
    assert rust.process.wait(10) == 0


def test_rust_reads_what_python_writes_and_the_other_way_round(rust):
    assert rust.again(request().encode()) == request().encode()
    assert rust.again(answer().encode()) == answer().encode()
    for name in DTYPES.values():
        array = np.zeros((3, 1), numpy_dtype(name))
        once = InferenceAnswer(outputs={"x": array, "y": array[:0]}).encode()
        assert rust.again(once) == once
    floats = [0.1, 1e16, 1e-7, 5e-324, 1.7976931348623157e308, -0.0, 123456789.125]
    asked = InferenceRequest(parameters={str(number): value for number, value in enumerate(floats)})
    assert InferenceRequest.decode(rust.again(asked.encode())).parameters == asked.parameters


def test_rust_and_python_refuse_the_same(rust):
    chance = random.Random(7)
    cases = [payload(head, 64) for head in HEADS]
    cases += [payload(HEAD | {"outputs": places}, 64) for places in PLACES]
    whole = answer().encode()
    cases += [whole[:end] for end in range(len(whole))]
    for bit in range(len(whole) * 8):
        turned = bytearray(whole)
        turned[bit // 8] ^= 1 << bit % 8
        cases.append(bytes(turned))
    for _ in range(20_000):
        changed = bytearray(whole)
        for _ in range(chance.randint(1, 3)):
            changed[chance.randrange(len(changed))] = chance.choice(b'0123456789"{}[],:.-eE\\ \x00\xff')
        cases.append(bytes(changed))
    refused = 0
    for case in cases:
        kind = InferenceRequest if case[6:7] == b"q" else InferenceAnswer
        again = rust.again(case)
        if again is None:
            refused += 1
            with pytest.raises(DecodeError):
                kind.decode(case)
        else:
            assert same(kind.decode(again), kind.decode(case)), case
    assert 1000 < refused < len(cases)


def test_ml_dtypes_are_numbers():
    array = np.array([1.5, -2], ml_dtypes.bfloat16)
    read = InferenceAnswer.decode(InferenceAnswer(outputs={"x": array}).encode()).outputs["x"]
    assert read.astype("float32").tolist() == [1.5, -2]
