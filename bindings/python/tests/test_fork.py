"""multiprocessing with the fork start method: a child gets errors or its own, its parent loses nothing."""

import json

import pytest

from conftest import script
from forks import child, error_of
from meeting import eventually, in_use


def test_what_a_child_does_with_inherited_objects_is_an_error_that_says_so(pair):
    publisher, subscriber = pair
    publisher.put(b"1234")
    frame = subscriber.recv(5)
    writing = publisher.allocate((16,))
    array = writing.__enter__()
    array[:] = 7

    def work():
        errors = [
            error_of(lambda: publisher.put(b"x")),
            error_of(lambda: publisher.allocate((4,))),
            error_of(lambda: publisher.drain(1)),
            error_of(lambda: publisher.pool.drain(1)),
            error_of(lambda: subscriber.recv(1)),
            error_of(lambda: writing.__exit__(None, None, None)),
        ]
        return errors, publisher.pool.statistics().in_use, bytes(frame)  # noqa: F821

    errors, used, shown = child(work)
    assert all(error is not None and error.startswith("RuntimeError") for error in errors), errors
    assert all("spawn" in error for error in errors), errors
    assert (used, shown) == (0, b"1234")
    # The parent's are what they were.
    assert in_use(publisher) == 2
    assert bytes(frame) == b"1234"
    array[:] = 8
    writing.__exit__(None, None, None)
    assert bytes(subscriber.recv(5)) == b"\x08" * 16
    del frame
    eventually(lambda: in_use(publisher) <= 1)


def test_a_child_that_drops_and_exits_takes_nothing_from_its_parent(pair):
    publisher, subscriber = pair
    publisher.put(b"1234")
    held = [subscriber.recv(5)]

    def work():
        held.clear()
        return True

    for _ in range(3):
        assert child(work)
    assert in_use(publisher) == 1
    assert bytes(held[0]) == b"1234"
    publisher.put(b"5678")
    assert bytes(subscriber.recv(5)) == b"5678"


def answers_of(program, *arguments, environment=None):
    with script(program, *arguments, environment=environment) as process:
        output = process.stdout.read()
        assert process.wait(120) == 0, output
    return json.loads(output)


@pytest.mark.parametrize("parent", ["open", "closed", "failed"])
def test_a_session_in_a_child_of_a_process_that_had_one_is_an_error_that_says_so(parent):
    session, pool = answers_of("forked_session.py", parent)
    assert session.startswith("RuntimeError"), session
    assert "spawn" in session
    # A pool's frames travel as ordinary bytes there.
    assert pool is None


def answers_with_a_device(program, driver, tmp_path):
    report = tmp_path / "report.json"
    answers = answers_of(
        "forked_device.py", program, environment={**driver, "CUDA_DOUBLE_REPORT": str(report)}
    )
    late = tmp_path / "report.json.late"
    assert not late.exists(), late.read_text()
    return answers


def test_a_child_never_calls_the_driver_of_its_parent(driver, tmp_path):
    answers = answers_with_a_device("of_a_parent_with_a_device", driver, tmp_path)
    assert answers["array"] == [0, 1, 2]
    for call in ("lend", "to_host", "synchronize"):
        assert answers[call].startswith("CudaError"), answers
        assert "spawn" in answers[call], answers
    assert answers["to_device"].startswith("NoDevice"), answers
    assert "spawn" in answers["to_device"], answers
    assert answers["auto"][0] == "host"
    assert "spawn" in answers["auto"][1]


def test_a_child_that_was_forked_first_has_a_device_and_shared_memory_of_its_own(driver, tmp_path):
    answers = answers_with_a_device("of_a_parent_with_nothing", driver, tmp_path)
    assert answers["to_device"] == list(range(8))
    assert answers["shared"] is True
