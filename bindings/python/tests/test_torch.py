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
        (lambda: torch.zeros(3, dtype=torch.bfloat16), TypeError),
        (lambda: torch.zeros(3, requires_grad=True), BufferError),
    ],
)
def test_a_tensor_that_cannot_be_shown_is_an_error(tensor, error):
    with pytest.raises(error):
        zenoh_pinned.frame(tensor())


def test_without_a_device_auto_gives_a_tensor_on_the_host():
    tensor = torch.from_dlpack(zenoh_pinned.to_device(np.arange(6, dtype="int32"), "cpu"))
    assert tensor.tolist() == [0, 1, 2, 3, 4, 5]
