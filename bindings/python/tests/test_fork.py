"""multiprocessing with the fork start method: a child gets errors or its own, its parent loses nothing."""

import json
import os
import subprocess
import sys
import textwrap

import pytest

from meeting import eventually, in_use


def child(work):
    """Run `work` in a forked child that ends with Python's exit handlers; give what it returned."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)

    def main():
        writing.send(work())

    process = context.Process(target=main)
    process.start()
    assert reading.poll(60), "the child hangs"
    answer = reading.recv()
    process.join(60)
    assert process.exitcode == 0
    return answer


def error_of(work):
    try:
        work()
    except Exception as error:
        return type(error).__name__, str(error)
    return "nothing", ""


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
    assert [kind for kind, _ in errors] == ["RuntimeError"] * len(errors), errors
    assert all("spawn" in message for _, message in errors), errors
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


SESSIONS = """
    import json, multiprocessing, sys
    import zenoh_pinned

    config = {"scouting": {"multicast": {"enabled": False}}}
    if sys.argv[1] == "failed":
        try:
            zenoh_pinned.Session({**config, "listen": {"endpoints": ["tcp/192.0.2.1:1"]}})
        except ConnectionError:
            pass
    else:
        session = zenoh_pinned.Session(config)
    if sys.argv[1] == "closed":
        session.close()

    def error_of(work):
        try:
            work()
        except Exception as error:
            return type(error).__name__ + ": " + str(error)

    def work(pipe):
        pipe.send([error_of(lambda: zenoh_pinned.Session(config)), error_of(lambda: zenoh_pinned.Pool(4096))])

    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(writing,))
    process.start()
    assert reading.poll(60), "the child hangs"
    print(json.dumps(reading.recv()))
    process.join(60)
    assert process.exitcode == 0, process.exitcode
"""


@pytest.mark.parametrize("parent", ["open", "closed", "failed"])
def test_a_session_in_a_child_of_a_process_that_had_one_is_an_error_that_says_so(parent):
    program = [sys.executable, "-c", textwrap.dedent(SESSIONS), parent]
    done = subprocess.run(program, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    session, pool = json.loads(done.stdout)
    assert session.startswith("RuntimeError"), session
    assert "spawn" in session
    # A pool's frames travel as ordinary bytes there.
    assert pool is None


PROGRAM = """
    import json, multiprocessing, sys
    import numpy as np
    import zenoh_pinned

    before = sys.argv[1] == "device"
    if before:
        buffer = zenoh_pinned.to_device(np.arange(8, dtype="uint8"), "cuda:0")
        buffer.synchronize()

    def error_of(work):
        try:
            work()
        except Exception as error:
            return type(error).__name__ + ": " + str(error)

    def work(pipe):
        answers = {"array": zenoh_pinned.frame(np.arange(3)).numpy().tolist()}
        if before:
            answers["lend"] = error_of(lambda: buffer.__cuda_array_interface__)
            answers["to_host"] = error_of(buffer.to_host)
            answers["synchronize"] = error_of(buffer.synchronize)
            answers["to_device"] = error_of(lambda: zenoh_pinned.to_device(np.zeros(8), "cuda:0"))
            auto = zenoh_pinned.to_device(np.zeros(8), "auto")
            answers["auto"] = [auto.path, str(auto.reason)]
        else:
            copied = zenoh_pinned.to_device(np.arange(8, dtype="uint8"), "cuda:0")
            answers["to_device"] = copied.to_host().tolist()
            with zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session:
                publisher = session.declare_publisher("a", 4096)
                answers["shared"] = publisher.pool.reason is None
        pipe.send(json.dumps(answers))

    context = multiprocessing.get_context("fork")
    reading, writing = context.Pipe(duplex=False)
    process = context.Process(target=work, args=(writing,))
    process.start()
    assert reading.poll(60), "the child hangs"
    print(reading.recv())
    process.join(60)
    assert process.exitcode == 0, process.exitcode
    if before:
        assert buffer.to_host().tolist() == list(range(8))
"""


def device_program(when, driver, tmp_path):
    report = tmp_path / "report.json"
    environment = {**os.environ, **driver, "CUDA_DOUBLE_REPORT": str(report)}
    program = [sys.executable, "-c", textwrap.dedent(PROGRAM), when]
    done = subprocess.run(program, env=environment, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 0, done.stderr
    late = tmp_path / "report.json.late"
    assert not late.exists(), late.read_text()
    return json.loads(done.stdout)


def test_a_child_never_calls_the_driver_of_its_parent(driver, tmp_path):
    answers = device_program("device", driver, tmp_path)
    assert answers["array"] == [0, 1, 2]
    for call in ("lend", "to_host", "synchronize"):
        assert answers[call].startswith("CudaError"), answers
        assert "spawn" in answers[call], answers
    assert answers["to_device"].startswith("NoDevice"), answers
    assert "spawn" in answers["to_device"], answers
    assert answers["auto"][0] == "host"
    assert "spawn" in answers["auto"][1]


def test_a_child_that_was_forked_first_has_a_device_and_shared_memory_of_its_own(driver, tmp_path):
    answers = device_program("nothing", driver, tmp_path)
    assert answers["to_device"] == list(range(8))
    assert answers["shared"] is True
