"""Elements that NumPy alone does not have, and those that cannot be shared."""

import ctypes
import sys

import numpy as np
import pytest
import zenoh_pinned

from conftest import outcome
from meeting import in_use

SHORT = [
    "bfloat16",
    "float8_e3m4",
    "float8_e4m3",
    "float8_e4m3b11fnuz",
    "float8_e4m3fn",
    "float8_e4m3fnuz",
    "float8_e5m2",
    "float8_e5m2fnuz",
    "float8_e8m0fnu",
]


class DataType(ctypes.Structure):
    _fields_ = [("code", ctypes.c_uint8), ("bits", ctypes.c_uint8), ("lanes", ctypes.c_uint16)]


class Versioned(ctypes.Structure):
    """``DLManagedTensorVersioned``, as far as it is looked at."""

    _fields_ = [
        ("major", ctypes.c_uint32),
        ("minor", ctypes.c_uint32),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("data", ctypes.c_void_p),
        ("device_type", ctypes.c_int32),
        ("device_id", ctypes.c_int32),
        ("dimensions", ctypes.c_int32),
        ("data_type", DataType),
    ]


def described(capsule):
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    return Versioned.from_address(pointer(capsule, b"dltensor_versioned"))


class Tensor:
    """A tensor of a library that NumPy does not know."""

    def __init__(self, frame, device=(1, 0)):
        self.frame = frame
        self.device = device

    def __dlpack__(self, **asked):
        return self.frame.__dlpack__(**asked)

    def __dlpack_device__(self):
        return self.device


class OldTensor(Tensor):
    """Of a library before DLPack 1.0."""

    def __dlpack__(self, *, stream=None):
        return np.zeros((2, 3), "float32").__dlpack__()


@pytest.mark.parametrize(("code", "name"), list(enumerate(SHORT[1:], 7)))
def test_short_floats_have_the_codes_and_the_version_of_dlpack(code, name):
    capsule = zenoh_pinned.frame(b"abcd").view(-1, name).__dlpack__(max_version=(1, 1))
    tensor = described(capsule)
    assert (tensor.data_type.code, tensor.data_type.bits, tensor.data_type.lanes) == (code, 8, 1)
    assert (tensor.major, tensor.minor) == (1, 1)


def test_bfloat16_has_the_code_and_the_version_of_dlpack():
    capsule = zenoh_pinned.frame(b"abcd").view(-1, "bfloat16").__dlpack__(max_version=(1, 1))
    tensor = described(capsule)
    assert (tensor.data_type.code, tensor.data_type.bits, tensor.data_type.lanes) == (4, 16, 1)
    assert (tensor.major, tensor.minor) == (1, 0)


@pytest.mark.parametrize("name", SHORT)
def test_arrays_of_short_floats_arrive_as_they_were(pair, name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    publisher, subscriber = pair
    dtype = np.dtype(getattr(ml_dtypes, name))
    array = np.array([[0.5, 1, 2], [4, 8, 8]]).astype(dtype)
    publisher.put(array)
    frame = subscriber.recv(5)
    assert frame.nbytes == array.nbytes
    for shown in (
        frame.numpy((2, 3), name),
        frame.view((2, 3), dtype).numpy(),
        np.asarray(frame.view((2, 3), name)),
        zenoh_pinned.to_device(frame, "cpu", shape=(2, 3), dtype=dtype).numpy(),
        zenoh_pinned.frame(Tensor(frame.view((2, 3), name))).numpy(),
    ):
        assert shown.dtype == dtype
        assert np.array_equal(shown, array)
        assert not shown.flags.writeable
    assert zenoh_pinned.frame(array).dtype == name
    assert np.asarray(frame.view(-1, name), "float32").tolist() == [0.5, 1, 2, 4, 8, 8]
    with pytest.raises(ValueError, match="ascontiguousarray"):
        publisher.put(array.T)


@pytest.mark.parametrize("name", ["bfloat16", "float8_e5m2"])
def test_short_floats_are_written_in_place_and_views_of_them_found(pair, name):
    ml_dtypes = pytest.importorskip("ml_dtypes")
    publisher, subscriber = pair
    writing = publisher.allocate((4, 5), name)
    with writing as array:
        assert array.dtype == getattr(ml_dtypes, name)
        array[:] = 2
    assert not writing.copied
    with pytest.raises(ValueError, match="read-only"):
        array[0] = 1
    with pytest.raises(ValueError, match="WRITEABLE"):
        array.base.flags.writeable = True
    assert set(subscriber.recv(5).numpy(dtype=name).astype("float32")) == {2}
    for view in (lambda a: a[1:], lambda a: a.view("uint8"), lambda a: a.base, np.asarray):
        writing = publisher.allocate((4, 5), name)
        array = writing.__enter__()
        array[:] = 1
        kept = view(array)
        del array
        writing.__exit__(None, None, None)
        assert writing.copied
        frame = subscriber.recv(5)
        assert not np.shares_memory(frame.numpy(), kept)
        del frame, kept


def test_without_the_package_the_remedy_is_named():
    done = outcome(
        """
        import sys
        sys.modules["ml_dtypes"] = None
        import numpy, zenoh_pinned
        frame = zenoh_pinned.frame(b"abcd").view(-1, "bfloat16")
        for call in (frame.numpy, lambda: frame.numpy(dtype="float8_e5m2")):
            try:
                call()
            except ImportError as error:
                print(error)
        try:
            memoryview(frame)
        except BufferError as error:
            print(error)
        print(frame.view(-1, "uint16").numpy().tolist(), hasattr(frame, "__array_interface__"))
        """
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert "pip install ml_dtypes" in lines[0]
    assert "'uint16'" in lines[0]
    assert "'uint8'" in lines[1]
    assert "DLPack" in lines[2]
    assert lines[3] == "[25185, 25699] False"


def test_a_bool_is_a_byte_in_a_frame(pair):
    publisher, subscriber = pair
    with publisher.allocate(3, "bool") as array:
        array[:] = [True, False, True]
    assert subscriber.recv(5).numpy(dtype="bool").tolist() == [True, False, True]


STRUCTURE = np.dtype([("a", "u1"), ("b", "u4")])


class Packed(ctypes.LittleEndianStructure):
    _pack_ = 1
    _layout_ = "ms"
    _fields_ = [("a", ctypes.c_uint8), ("b", ctypes.c_uint32)]


REFUSED = {
    "time": (np.zeros(1, "datetime64[ns]"), "int64"),
    "span": (np.zeros(1, "timedelta64[s]"), "int64"),
    "time scalar": (np.datetime64("2026-01-01"), "int64"),
    "structure": (np.zeros(2, STRUCTURE), "uint8"),
    "packed structure's scalar": (np.zeros(2, STRUCTURE)[0], "uint8"),
    "packed structure of ctypes": (Packed(), "bytes"),
    "texts": (np.array(["a"]), "encode"),
    "texts as bytes": (np.array([b"a"]), "uint8"),
    "objects": (np.array([None]), "references"),
    "raw": (np.zeros(2, "V3"), "uint8"),
    "long double": (np.zeros(2, "longdouble"), "uint8"),
    "complex": (np.zeros(2, "complex64"), "uint8"),
    "byte order": (np.zeros(2, ">f4"), "byte order"),
    "masked": (np.ma.masked_array([1, 2], [0, 1]), "filled"),
    "masked nowhere": (np.ma.masked_array([1, 2]), "filled"),
    "tensor on a device": (Tensor(None, (2, 0)), "device"),
}
if hasattr(np, "dtypes") and hasattr(np.dtypes, "StringDType"):
    REFUSED["texts of any length"] = (np.array(["a"], np.dtypes.StringDType()), "references")


# NumPy's doubts about what ctypes says of a packed structure.
@pytest.mark.filterwarnings("ignore:A builtin ctypes object")
@pytest.mark.parametrize("kind", REFUSED)
def test_elements_that_cannot_be_shared_are_a_type_error_that_says_what_to_do(pair, kind):
    publisher, subscriber = pair
    data, remedy = REFUSED[kind]
    for call in (publisher.put, zenoh_pinned.frame, lambda data: zenoh_pinned.to_device(data, "cpu")):
        with pytest.raises(TypeError, match=remedy):
            call(data)
    assert in_use(publisher) == 0
    publisher.put(b"next")
    assert bytes(subscriber.recv(5)) == b"next"


def test_what_the_messages_advise_works(pair):
    publisher, subscriber = pair
    for data in (
        np.zeros(1, "datetime64[ns]").view("int64"),
        np.zeros(2, STRUCTURE).view("uint8"),
        np.char.encode(np.array(["ä"]), "utf-8").view("uint8"),
        np.zeros(2, "complex64").view("uint8"),
        np.ma.masked_array([1, 2], [0, 1]).filled(0),
    ):
        publisher.put(data)
        assert bytes(subscriber.recv(5)) == data.tobytes()


def test_tensors_that_are_not_numpys_are_read_where_they_lie():
    frame = zenoh_pinned.frame(np.arange(6, dtype="int16")).view((2, 3))
    tensor = Tensor(frame)
    shown = zenoh_pinned.frame(tensor)
    assert (shown.shape, shown.dtype) == ((2, 3), "int16")
    assert shown.__array_interface__["data"][0] == frame.__array_interface__["data"][0]
    assert zenoh_pinned.frame(OldTensor(frame)).shape == (2, 3)
    for empty in (np.zeros((0, 3)), np.zeros(())):
        assert zenoh_pinned.frame(Tensor(empty)).shape == empty.shape
    with pytest.raises(ValueError, match="contiguous"):
        zenoh_pinned.frame(Tensor(np.zeros((2, 3)).T))
    with pytest.raises(TypeError, match="code 5, 64 bits"):
        zenoh_pinned.frame(Tensor(np.zeros(2, "complex64")))


def test_a_tensor_keeps_its_memory_as_long_as_the_frame():
    array = np.arange(1000)
    before = sys.getrefcount(array)
    frame = zenoh_pinned.frame(Tensor(array))
    assert sys.getrefcount(array) > before
    assert frame.numpy()[-1] == 999
    del frame
    assert sys.getrefcount(array) == before
