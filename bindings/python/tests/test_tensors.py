"""Tensors: into shared memory with one copy or none, and out again with none."""

import ctypes
import gc
import sys
import types

import numpy as np
import pytest
import zenoh_pinned
from zenoh_pinned import Tensor

from meeting import eventually, in_use, link
from nodes.worker import place_of

OF_NUMPY = ["bool", "float16", "float32", "float64"]
OF_NUMPY += [f"{kind}{bits}" for kind in ("int", "uint") for bits in (8, 16, 32, 64)]
SHORT = ["bfloat16", "float8_e4m3fn", "float8_e5m2"]
# DLPack's code and bits.
CODES = {"bool": (6, 8), "bfloat16": (4, 16), "float8_e4m3fn": (10, 8), "float8_e5m2": (12, 8)}


@pytest.fixture
def pool():
    return zenoh_pinned.Pool(slot_bytes=65536, slots=4, wait=0.1)


def elements(name):
    """Numbers of a type, none of them alike in bits and each exact in every type."""
    if name in SHORT:
        ml_dtypes = pytest.importorskip("ml_dtypes")
        return np.array([[0, 0.5, 1], [2, 4, 8]]).astype(getattr(ml_dtypes, name))
    return np.array([[0, 1, 2], [3, 4, 5]]).astype(name)


def address(shown):
    """Where the elements begin."""
    if isinstance(shown, zenoh_pinned.Frame):
        shown = shown.view(-1, "uint8")
    return np.asarray(shown).__array_interface__["data"][0]


class Foreign:
    """A tensor of a library that NumPy does not know, which shows another one's."""

    def __init__(self, shown):
        self.shown = shown

    def __dlpack__(self, **asked):
        return self.shown.__dlpack__(**asked)

    def __dlpack_device__(self):
        return self.shown.__dlpack_device__()


class Described(ctypes.Structure):
    """``DLManagedTensorVersioned``, as far as it is looked at."""

    _fields_ = [
        ("version", ctypes.c_uint32 * 2),
        ("context", ctypes.c_void_p),
        ("deleter", ctypes.c_void_p),
        ("flags", ctypes.c_uint64),
        ("data", ctypes.c_void_p),
        ("device", ctypes.c_int32 * 2),
        ("dimensions", ctypes.c_int32),
        ("code", ctypes.c_uint8),
        ("bits", ctypes.c_uint8),
        ("lanes", ctypes.c_uint16),
    ]


@pytest.mark.parametrize("name", OF_NUMPY + SHORT)
def test_every_type_of_element_comes_back_as_it_was(pool, name):
    array = elements(name)
    tensor = Tensor.from_numpy(array, pool)
    assert (tensor.shape, tensor.dtype, tensor.nbytes) == ((2, 3), name, array.nbytes)
    assert tensor.strides == array.strides
    assert tensor.is_shared
    out = tensor.numpy()
    assert (out.dtype, out.shape) == (array.dtype, array.shape)
    assert out.tobytes() == array.tobytes()
    assert not out.flags.writeable
    assert address(out) == address(tensor)
    through = Tensor.from_dlpack(Foreign(tensor), pool, zero_copy=True)
    assert (through.dtype, through.shape, address(through)) == (name, (2, 3), address(tensor))
    assert bytes(tensor.view(-1, "uint8")) == array.tobytes()


@pytest.mark.parametrize("name", CODES)
def test_dlpack_tells_type_version_and_that_it_is_read_only(pool, name):
    frame = zenoh_pinned.frame(np.zeros(8, "uint8"))
    capsule = Tensor(frame, -1, name).__dlpack__(max_version=(1, 1))
    pointer = ctypes.pythonapi.PyCapsule_GetPointer
    pointer.restype, pointer.argtypes = ctypes.c_void_p, [ctypes.py_object, ctypes.c_char_p]
    described = Described.from_address(pointer(capsule, b"dltensor_versioned"))
    assert (described.code, described.bits, described.lanes) == (*CODES[name], 1)
    assert list(described.version) == [1, 1 if name.startswith("float8") else 0]
    assert described.flags & 1


def test_an_array_is_copied_once_and_stays_its_owners(pool):
    array = np.arange(100, dtype="int32")
    for zero_copy in (None, False):
        tensor = Tensor.from_numpy(array, pool, zero_copy=zero_copy)
        assert not np.shares_memory(tensor, array)
        array[0] = 9
        assert tensor.numpy()[0] == 0
        array[0] = 0
    assert pool.statistics().allocations == 2


def test_what_lies_in_a_slot_is_not_copied(pool):
    tensor = Tensor.from_numpy(np.arange(100, dtype="int32"), pool)
    array = tensor.numpy()
    for zero_copy in (None, True):
        for shown in (array, array[20:30], array.reshape(4, 25), array.view("uint8"), np.from_dlpack(tensor)):
            again = Tensor.from_numpy(shown, zero_copy=zero_copy)
            assert address(again) == address(shown)
            assert again.is_shared
            assert np.array_equal(again.numpy(), shown)
    assert pool.statistics().allocations == 1
    copied = Tensor.from_numpy(array, pool, zero_copy=False)
    assert address(copied) != address(tensor)
    assert np.array_equal(copied, array)


def test_a_tensor_keeps_its_slot_and_gives_it_back(pool):
    tensor = Tensor.from_numpy(np.arange(100), pool)
    again = Tensor.from_numpy(tensor.numpy()[50:], zero_copy=True)
    assert pool.statistics().in_use == 1
    del tensor
    gc.collect()
    assert again.numpy()[0] == 50
    assert pool.statistics().in_use == 1
    del again
    gc.collect()
    eventually(lambda: pool.statistics().in_use == 0)


@pytest.mark.parametrize(
    ("array", "place"),
    [
        (np.zeros(4), "numpy.ndarray"),
        (np.frombuffer(bytearray(8), "uint8"), "bytearray"),
        (np.zeros(4)[1:], "numpy.ndarray"),
        (np.float32(1), "numpy.float32"),
    ],
    ids=str,
)
def test_what_lies_elsewhere_is_refused_and_the_place_and_the_remedy_named(pool, array, place):
    with pytest.raises(zenoh_pinned.NotInSharedMemory, match=rf"{place}.*zero_copy=False"):
        Tensor.from_numpy(array, pool, zero_copy=True)
    # Without a pool there is nowhere to copy it to.
    with pytest.raises(zenoh_pinned.NotInSharedMemory, match="pool="):
        Tensor.from_numpy(array)
    with pytest.raises(TypeError, match="pool="):
        Tensor.from_numpy(array, zero_copy=False)
    assert pool.statistics().allocations == 0
    assert np.array_equal(Tensor.from_numpy(array, pool), array)


STRIDED = {
    "transposed": lambda array: array.T,
    "backwards": lambda array: array[::-1, ::-1],
    "every other": lambda array: array[::2, ::3],
    "pairs apart": lambda array: array[:, ::20],
    "one row": lambda array: array[3:4, ::7],
    "columns": lambda array: array[:, 5:20],
    "repeated": lambda array: np.broadcast_to(array[:, 3:4], (30, 40)),
    "axes turned": lambda array: array.reshape(5, 6, 40).transpose(2, 0, 1),
    "pieces of axes turned": lambda array: array.reshape(5, 6, 10, 4).transpose(2, 0, 1, 3)[::-1],
    "in Fortran's order": np.asfortranarray,
}


@pytest.mark.parametrize("name", ["uint8", "bool", "float16", "int32", "float64", *SHORT])
@pytest.mark.parametrize("how", STRIDED)
def test_strided_elements_are_copied_once_in_row_major_order(pool, how, name):
    dtype = elements(name).dtype
    strided = STRIDED[how](np.arange(1200).reshape(30, 40).astype("float32").astype(dtype))
    assert not strided.flags.c_contiguous
    expected = np.ascontiguousarray(strided)
    tensor = Tensor.from_numpy(strided, pool)
    assert (tensor.dtype, tensor.shape) == (name, strided.shape)
    assert tensor.numpy().tobytes() == expected.tobytes()
    assert pool.statistics().allocations == 1
    if name in OF_NUMPY and strided.flags.writeable:
        assert Tensor.from_dlpack(Foreign(strided), pool).numpy().tobytes() == expected.tobytes()
    with pytest.raises(ValueError, match="zero_copy=False") as refused:
        Tensor.from_numpy(strided, pool, zero_copy=True)
    assert not isinstance(refused.value, zenoh_pinned.NotInSharedMemory)


def test_strided_elements_of_a_slot_are_copied_or_refused(pool):
    array = Tensor.from_numpy(np.arange(12).reshape(3, 4), pool).numpy().T
    with pytest.raises(ValueError, match="row-major"):
        Tensor.from_numpy(array, zero_copy=True)
    with pytest.raises(TypeError, match="pool="):
        Tensor.from_numpy(array)
    assert np.array_equal(Tensor.from_numpy(array, pool), array)


def test_arrays_of_one_element_of_none_and_of_no_dimension(pool):
    one = Tensor.from_numpy(np.array(7, "int16"), pool)
    assert (one.shape, one.strides, one.numpy()[()]) == ((), (), 7)
    assert Tensor.from_numpy(np.ones((1, 1, 1)), pool).shape == (1, 1, 1)
    for zero_copy in (None, True, False):
        none = Tensor.from_numpy(np.zeros((0, 3), "int16"), zero_copy=zero_copy)
        assert (none.shape, none.dtype, none.nbytes) == ((0, 3), "int16", 0)
        assert none.numpy().shape == (0, 3)


def test_what_cannot_be_shared_is_refused_before_a_slot_is_taken(pool):
    for array, remedy in (
        (np.array([None]), "references"),
        (np.zeros(2, ">f4"), "byte order"),
        (np.zeros(2, "complex64"), "uint8"),
        (np.ma.masked_array([1, 2], [0, 1]), "filled"),
    ):
        for zero_copy in (None, True, False):
            with pytest.raises(TypeError, match=remedy):
                Tensor.from_numpy(array, pool, zero_copy=zero_copy)
    with pytest.raises(ValueError, match="65536"):
        Tensor.from_numpy(np.zeros(65537, "uint8"), pool)
    with pytest.raises(TypeError, match="from_dlpack"):
        Tensor.from_numpy([1, 2], pool)
    with pytest.raises(TypeError, match=r"__dlpack__.*from_numpy"):
        Tensor.from_dlpack(b"bytes", pool)
    assert pool.statistics().allocations == 0


def test_a_full_pool_is_an_error_and_nothing_is_taken(pool):
    held = [Tensor.from_numpy(np.zeros(4), pool) for _ in range(4)]
    with pytest.raises(zenoh_pinned.PoolFull):
        Tensor.from_numpy(np.zeros(4), pool)
    held.pop()
    assert Tensor.from_numpy(np.ones(4), pool).numpy().sum() == 4


def test_a_received_frame_is_a_tensor_without_a_copy(pair):
    publisher, subscriber = pair
    array = elements("float32")
    publisher.put(array, attachment=b"left")
    frame = subscriber.recv(5)
    tensor = Tensor(frame, (2, 3), "float32")
    assert np.array_equal(tensor, array)
    assert (tensor.key, tensor.attachment) == ("test/frame", b"left")
    assert address(tensor) == address(frame)
    assert isinstance(tensor.view(-1), Tensor)
    assert type(tensor.frame) is zenoh_pinned.Frame
    assert (tensor.frame.shape, tensor.frame.dtype) == ((2, 3), "float32")
    assert Tensor(frame).shape == frame.shape
    assert repr(tensor).startswith("<Tensor float32 (2, 3)")
    for shape, dtype in (((2, 4), "float32"), ((2, 3), "float64"), (-1, "int64x")):
        with pytest.raises((ValueError, TypeError)):
            Tensor(frame, shape, dtype)
    with pytest.raises(TypeError):
        Tensor(array)


@pytest.mark.parametrize("name", ["float32", "bfloat16"])
def test_a_tensor_is_published_as_it_lies(sessions, name):
    producer, consumer = sessions
    publisher = producer.declare_publisher("test/tensor", 65536, slots=4, wait=0.2)
    subscriber = consumer.declare_subscriber("test/tensor")
    link(publisher, subscriber)
    array = elements(name)
    before = publisher.pool.statistics().allocations
    tensor = Tensor.from_numpy(array, publisher.pool)
    for _ in range(3):
        publisher.put(tensor)
        frame = subscriber.recv(5)
        assert place_of(address(frame)) == place_of(address(tensor)) != "nowhere"
        assert Tensor(frame, (2, 3), name).numpy().tobytes() == array.tobytes()
    assert publisher.pool.statistics().allocations == before + 1
    # The subscriber holds the very slot.
    del tensor, frame
    gc.collect()
    eventually(lambda: in_use(publisher) == 0)
    publisher.close()
    subscriber.close()


def test_what_was_received_or_sent_goes_on_as_it_lies(pair):
    publisher, subscriber = pair
    publisher.put(np.arange(1000, dtype="int16"))
    frame = subscriber.recv(5)
    allocated = publisher.pool.statistics().allocations
    for again in (frame, frame.view((10, 100), "int16"), Tensor.from_numpy(frame.numpy(dtype="int16"))):
        publisher.put(again, attachment=b"again")
        received = subscriber.recv(5)
        assert bytes(received) == bytes(frame)
        assert received.attachment == b"again"
    with publisher.allocate(1000) as array:
        array[:] = 5
    assert set(subscriber.recv(5).numpy()) == {5}
    publisher.put(Tensor.from_numpy(array, zero_copy=True))
    assert set(subscriber.recv(5).numpy()) == {5}
    assert publisher.pool.statistics().allocations == allocated + 1
    # A part of a slot, and memory that is nobody's slot, take one copy.
    for part in (frame.numpy()[10:20], np.zeros(10, "uint8")):
        publisher.put(zenoh_pinned.frame(part))
        assert bytes(subscriber.recv(5)) == part.tobytes()
    publisher.put(Tensor.from_numpy(frame.numpy()[10:20], zero_copy=True))
    assert bytes(subscriber.recv(5)) == bytes(frame)[10:20]
    assert publisher.pool.statistics().allocations == allocated + 4


def test_a_relay_hands_on_another_publishers_slot(sessions):
    producer, consumer = sessions
    camera, relay = (producer.declare_publisher(f"test/{key}", 4096, wait=0.2) for key in ("camera", "relay"))
    left, right = (consumer.declare_subscriber(f"test/{key}") for key in ("camera", "relay"))
    link(camera, left)
    link(relay, right)
    allocated = relay.pool.statistics().allocations
    for number in range(20):
        camera.put(np.full(4096, number, "uint8"))
        frame = left.recv(5)
        relay.put(frame)
        handed_on = right.recv(5)
        assert place_of(address(handed_on)) == place_of(address(frame)) != "nowhere"
        assert set(handed_on.numpy()) == {number}
    assert relay.pool.statistics().allocations == allocated
    del frame, handed_on
    gc.collect()
    eventually(lambda: in_use(camera) == 0)
    for closed in (camera, relay, left, right):
        closed.close()


def test_what_is_still_written_is_never_sent_as_it_lies(pair):
    publisher, subscriber = pair
    writing = publisher.allocate(1000)
    with writing as array:
        array[:] = 1
        tensor = Tensor.from_numpy(array, zero_copy=True)
        publisher.put(tensor)
        array[:] = 2
        assert tensor.numpy()[0] == 2
    assert set(subscriber.recv(5).numpy()) == {1}
    assert set(subscriber.recv(5).numpy()) == {2}
    # A view of it outlived the block.
    assert writing.copied


@pytest.mark.parametrize("name", [*OF_NUMPY, *SHORT])
def test_arrow_shows_the_elements_where_they_lie(pool, name):
    pyarrow = pytest.importorskip("pyarrow")
    array = elements(name)
    tensor = Tensor.from_numpy(array, pool)
    shown = tensor.arrow()
    shown.validate(full=True)
    data = shown.buffers()[1]
    assert (data.address, data.size, data.is_mutable) == (address(tensor), array.nbytes, False)
    assert (len(shown), shown.null_count) == (6, 0)
    if name in SHORT:
        assert shown.type == pyarrow.binary(array.itemsize)
    elif name == "bool":
        assert shown.type == pyarrow.int8()
    else:
        assert shown.type == pyarrow.from_numpy_dtype(array.dtype)
        assert np.array_equal(shown.to_numpy(), array.ravel())
    del tensor
    gc.collect()
    assert pool.statistics().in_use == 1
    del shown, data
    gc.collect()
    eventually(lambda: pool.statistics().in_use == 0)


def test_torch_is_asked_for_bytes_where_its_dlpack_may_lack_the_type(pool, monkeypatch):
    """With a double of torch, whose tensors are arrays."""
    ml_dtypes = pytest.importorskip("ml_dtypes")
    double = types.ModuleType("torch")
    double.from_dlpack = np.from_dlpack
    double.float8_e5m2 = np.dtype(ml_dtypes.float8_e5m2)
    monkeypatch.setitem(sys.modules, "torch", double)
    for name in ("float8_e5m2", "float32", "bool"):
        array = elements(name)
        tensor = Tensor.from_numpy(array, pool)
        shown = tensor.torch()
        assert (shown.dtype, shown.shape) == (array.dtype, array.shape)
        assert shown.tobytes() == array.tobytes()
        assert address(shown) == address(tensor)
    with pytest.raises(TypeError, match=r"float8_e4m3fn.*'uint8'"):
        Tensor.from_numpy(elements("float8_e4m3fn"), pool).torch()


def test_to_device_on_the_host_is_the_tensor(pool):
    tensor = Tensor.from_numpy(elements("int32"), pool)
    moved = tensor.to_device("cpu")
    assert isinstance(moved, Tensor)
    assert (moved.shape, moved.dtype, address(moved)) == (tensor.shape, tensor.dtype, address(tensor))
