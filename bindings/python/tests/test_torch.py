"""Tensors of torch, on the host; on a device they are a matter for a machine that has one."""

import numpy as np
import pytest
import zenoh_pinned

torch = pytest.importorskip("torch", reason="torch is not installed: pip install 'zenoh-pinned[torch]'")


def test_a_tensor_of_a_frame_shows_its_bytes_where_they_are(pair):
    publisher, subscriber = pair
    publisher.put(torch.arange(24, dtype=torch.float32).reshape(4, 6))
    frame = subscriber.recv(5).view((4, 6), "float32")
    tensor = torch.from_dlpack(frame)
    assert tensor.data_ptr() == frame.__array_interface__["data"][0]
    assert torch.equal(tensor, torch.arange(24, dtype=torch.float32).reshape(4, 6))


def test_what_a_tensor_writes_in_the_block_is_sent_and_nothing_later(pair):
    publisher, subscriber = pair
    writing = publisher.allocate((4, 6), "float32")
    with writing as array:
        tensor = torch.from_numpy(array)
        tensor.fill_(5)
    assert writing.copied
    frame = subscriber.recv(5)
    tensor.fill_(9)
    assert set(np.asarray(frame.view((24,), "float32"))) == {5}


@pytest.mark.parametrize(
    ("tensor", "error"),
    [
        (lambda: torch.zeros(3, 4).t(), ValueError),
        (lambda: torch.zeros(3, dtype=torch.complex64), TypeError),
        (lambda: torch.zeros(3, requires_grad=True), BufferError),
    ],
)
def test_a_tensor_that_cannot_be_shown_is_an_error(tensor, error):
    with pytest.raises(error):
        zenoh_pinned.frame(tensor())


@pytest.mark.parametrize("name", ["bfloat16", "bool", "float16"])
def test_tensors_of_short_elements_go_both_ways(pair, name):
    publisher, subscriber = pair
    tensor = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(getattr(torch, name))
    publisher.put(tensor)
    frame = subscriber.recv(5)
    assert torch.equal(torch.from_dlpack(frame.view((2, 3), name)), tensor)


def test_without_a_device_auto_gives_a_tensor_on_the_host():
    tensor = torch.from_dlpack(zenoh_pinned.to_device(np.arange(6, dtype="int32"), "cpu"))
    assert tensor.tolist() == [0, 1, 2, 3, 4, 5]


SHORT = ["bool", "float16", "bfloat16", "float8_e4m3fn", "float8_e5m2"]


@pytest.mark.parametrize("name", [*SHORT, "uint8", "int8", "int16", "int32", "int64", "float32", "float64"])
def test_tensors_of_every_type_go_into_a_slot_and_back_without_another_copy(name):
    pool = zenoh_pinned.Pool(slot_bytes=4096, slots=1)
    original = torch.tensor([[0, 1, 2], [3, 4, 5]]).to(torch.float32).to(getattr(torch, name))
    tensor = zenoh_pinned.Tensor.from_dlpack(original, pool)
    assert (tensor.shape, tensor.dtype, tensor.is_shared) == ((2, 3), name, True)
    back = tensor.torch()
    assert (back.dtype, back.shape) == (original.dtype, original.shape)
    assert torch.equal(back.view(torch.uint8), original.view(torch.uint8))
    again = zenoh_pinned.Tensor.from_dlpack(back.view(torch.uint8), zero_copy=True)
    assert again.view(-1, "uint8").__array_interface__["data"][0] == back.data_ptr()
    with pytest.raises(zenoh_pinned.NotInSharedMemory, match=r"torch\.Tensor"):
        zenoh_pinned.Tensor.from_dlpack(original, pool, zero_copy=True)


def test_a_strided_tensor_is_copied_once():
    pool = zenoh_pinned.Pool(slot_bytes=4096, slots=1)
    strided = torch.arange(12).reshape(3, 4).to(torch.bfloat16).t()
    tensor = zenoh_pinned.Tensor.from_dlpack(strided, pool)
    assert torch.equal(tensor.torch(), strided)
    with pytest.raises(ValueError, match="zero_copy=False"):
        zenoh_pinned.Tensor.from_dlpack(strided, pool, zero_copy=True)
