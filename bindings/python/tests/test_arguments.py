"""What callers may write, and what the answers say where they may not."""

import json
import os
import re

import numpy as np
import pytest
import zenoh_pinned

from conftest import outcome
from meeting import ALONE, free_port, listening

QUIET = {**ALONE, "listen": {"endpoints": []}}


@pytest.mark.parametrize("shape", [6, np.int64(6), (6,), [6], np.array([6]), (-1,), -1])
def test_one_size_is_a_shape(shape):
    frame = zenoh_pinned.frame(np.arange(6, dtype="uint8"))
    for shown in (
        frame.view(shape),
        frame.numpy(shape),
        zenoh_pinned.to_device(frame, "cpu", shape=shape),
        zenoh_pinned.to_device(b"abcdef", "auto", shape=shape),
    ):
        assert shown.shape == (6,)


def test_one_size_is_a_shape_to_write(pair):
    publisher, subscriber = pair
    for shape in (640, np.int32(640), [640]):
        with publisher.allocate(shape) as array:
            array[:] = 7
        assert array.shape == (640,)
        assert subscriber.recv(5).nbytes == 640


@pytest.mark.parametrize("shape", [(-1, 3), (2, -1), [-1, 3]])
def test_one_size_may_be_left_open(shape):
    frame = zenoh_pinned.frame(np.arange(6, dtype="uint8"))
    assert zenoh_pinned.to_device(frame, "cpu", shape=shape).shape == (2, 3)
    assert frame.view(shape).shape == frame.numpy(shape).shape == (2, 3)


@pytest.mark.parametrize(
    ("shape", "error", "message"),
    [
        ((-1, -1), ValueError, r"shape \(-1, -1\)"),
        (5, ValueError, r"shape \(5,\)"),
        (2.5, TypeError, "integer or a sequence of integers, not <class 'float'>"),
        ("6", TypeError, "sequence of integers"),
        ((2.5,), TypeError, "integer"),
        ({}, ValueError, r"shape \(\)"),
    ],
)
def test_a_shape_that_is_none(shape, error, message):
    with pytest.raises(error, match=message):
        zenoh_pinned.to_device(b"abcdef", "cpu", shape=shape)


@pytest.mark.parametrize("device", [0, np.int64(0), np.uint8(0), "cuda", "cuda:0"])
def test_numbers_of_every_kind_name_a_device(device):
    with pytest.raises(zenoh_pinned.NoDevice):
        zenoh_pinned.to_device(b"abcdef", device)


@pytest.mark.parametrize("device", [True, -1, np.int64(-1), 0.0, "cuda:x", "gpu", np.bool_(False)])
def test_what_names_no_device_is_named_as_python_has_it(device):
    with pytest.raises(ValueError, match=re.escape(f"there is no device '{device}'")):
        zenoh_pinned.to_device(b"abcdef", device)


def test_a_configuration_may_be_a_file_text_a_mapping_or_zenohs(tmp_path):
    zenoh = pytest.importorskip("zenoh")
    port = free_port()
    text = json.dumps(listening(port))
    file = tmp_path / "zenoh.json5"
    file.write_text(f"// with a comment\n{text}")
    for config in (listening(port), text, file, zenoh.Config.from_json5(text)):
        with zenoh_pinned.Session(config), pytest.raises(ConnectionError, match=str(port)):
            # Its port is taken, so the configuration was read.
            zenoh_pinned.Session(config)


@pytest.mark.parametrize("config", [5, b"{}", ["a"], object()])
def test_what_is_no_configuration_says_what_would_be(config):
    with pytest.raises(TypeError, match=r"pathlib\.Path.*zenoh\.Config.*not \w+"):
        zenoh_pinned.Session(config)


def test_the_name_of_a_file_is_no_configuration(tmp_path):
    file = tmp_path / "zenoh.json5"
    with pytest.raises(FileNotFoundError, match=re.escape(str(file))):
        zenoh_pinned.Session(file)
    file.write_text("no configuration")
    with pytest.raises(ValueError, match="configuration"):
        zenoh_pinned.Session(file)
    with pytest.raises(ValueError, match=re.escape(f"pathlib.Path({str(file)!r})")):
        zenoh_pinned.Session(str(file))


@pytest.mark.parametrize(
    ("attachment", "arrives"),
    [("täxt", "täxt".encode()), (b"b", b"b"), (bytearray(b"b"), b"b"), (memoryview(b"b"), b"b"), ("", b"")],
)
def test_an_attachment_is_text_or_bytes(pair, attachment, arrives):
    publisher, subscriber = pair
    publisher.put(b"1", attachment=attachment)
    assert subscriber.recv(5).attachment == arrives
    with publisher.allocate(1, attachment=attachment) as array:
        array[:] = 1
    assert subscriber.recv(5).attachment == arrives


def test_an_attachment_that_is_neither_says_what_to_do(pair):
    publisher, _ = pair
    for call in (publisher.put, publisher.allocate):
        with pytest.raises(TypeError, match="bytes or str, not dict"):
            call(b"1", attachment={})


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: zenoh_pinned.Pool(1, -1), "slots=-1"),
        (lambda: zenoh_pinned.Pool(1, 2**40), "slots="),
        (lambda: zenoh_pinned.Pool(2**70), "slot_bytes="),
        (lambda: zenoh_pinned.Pool(1, max_bytes=-1), "max_bytes=-1"),
        (lambda: zenoh_pinned.Pool(0), "slots= and slot_bytes="),
        (lambda: zenoh_pinned.Pool(1 << 20, 8, max_bytes=1 << 20), "max_bytes= allows"),
    ],
)
def test_numbers_that_cannot_be_are_named_as_the_caller_wrote_them(call, message):
    with pytest.raises((ValueError, MemoryError), match=message):
        call()


def test_no_answer_speaks_rust_or_names_the_place_in_its_sources(sessions):
    producer, _ = sessions
    pool = zenoh_pinned.Pool(16, 1)
    publisher = producer.declare_publisher("test/words", pool=pool)
    held = publisher.allocate(16)
    mistakes = [
        lambda: publisher.allocate(16, timeout=0),
        lambda: publisher.allocate(1 << 20),
        lambda: zenoh_pinned.Pool(1 << 40),
        lambda: pool.drain(0),
        lambda: producer.declare_publisher("a//b", 10),
        lambda: producer.declare_subscriber("a//b"),
        lambda: producer.declare_subscriber("a/#"),
        lambda: producer.declare_subscriber("a", capacity=-1),
        lambda: zenoh_pinned.Session({**QUIET, "connect": {"endpoints": ["quark/1"]}, "mode": "client"}),
        lambda: zenoh_pinned.Session({**QUIET, "listen": {"endpoints": ["tcp/192.0.2.1:1"]}}),
        lambda: zenoh_pinned.Session({"mode": "nothing"}),
        lambda: zenoh_pinned.to_device(b"", "cuda:0"),
        lambda: zenoh_pinned.open_device("cuda:7"),
        lambda: zenoh_pinned.frame(b"").__dlpack__(dl_device=(3, 0), max_version=(1, 0)),
    ]
    for number, mistake in enumerate(mistakes):
        with pytest.raises(Exception) as caught:  # noqa: PT011 - of every kind
            mistake()
        text = str(caught.value)
        assert not re.search(r"\.rs\b|::|registry/src|pinner", text), text
        assert not re.search(r"\b(?!open_device)[a-z_]+\(\)", text), text
        assert text, number
    del held


@pytest.mark.parametrize(
    ("given", "limit"), [("1MiB", "1.0 MiB"), (" 2 MiB ", "2.0 MiB"), ("1048576", "1.0 MiB")]
)
def test_the_environments_limit_of_the_host_has_suffixes(given, limit):
    assert f"may have, {limit}" in with_host_bytes(given).stdout


def test_a_limit_that_is_none_is_named_in_a_warning():
    done = with_host_bytes("1MB")
    assert re.search("WARN.*ZENOH_PINNED_HOST_BYTES.*1MB.*MiB", done.stderr), done.stderr


def with_host_bytes(given):
    program = """
        import zenoh_pinned
        try:
            zenoh_pinned.Pool(1 << 20, 8)
        except zenoh_pinned.OverBudget as error:
            print(error)
        """
    environment = {**os.environ, "ZENOH_PINNED_HOST_BYTES": given}
    environment.pop("RUST_LOG", None)
    done = outcome(program, environment=environment)
    assert done.returncode == 0, done.stderr
    return done
