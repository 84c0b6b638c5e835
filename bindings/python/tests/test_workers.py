"""Workers: frames go there and back without a copy, in batches; their programs, and what a pool tells."""

import signal
import threading
from pathlib import Path

import numpy as np
import pytest
import zenoh_pinned
from zenoh_pinned import workers

from meeting import connecting, eventually, in_use, link, listening
from nodes.worker import address_of, place_of
from working import command, serving


def test_a_slot_reaches_the_worker_and_its_answer_comes_back_without_a_copy(alone):
    with serving(alone, "where") as pool:
        slot = pool.allocate((480, 640))
        with slot as image:
            image[:] = 7
            written = place_of(address_of(image))
        assert not slot.copied
        del image
        assert str(pool.request(slot).result(), "ascii") == written
        # As often as it is wanted.
        assert str(pool.request(slot).result(), "ascii") == written
    with serving(alone, "doubles") as pool:
        answer = pool.request(np.arange(100_000, dtype="uint8")).result()
        assert answer.is_shared
        array = answer.numpy()
        assert (array[:-64] == np.arange(100_000, dtype="uint8") * 2).all()
        assert array[-64:].tobytes().decode().strip() == place_of(address_of(answer))
        del answer
        # A view keeps it.
        pool.request(np.zeros(100_000, "uint8")).result()
        assert array[1] == 2


def test_a_frame_of_a_camera_reaches_the_worker_where_the_camera_wrote_it(sessions):
    producer, consumer = sessions
    publisher = producer.declare_publisher("camera", 65_536, slots=4)
    subscriber = consumer.declare_subscriber("camera", capacity=1)
    link(publisher, subscriber)
    with serving(consumer, "where") as pool:
        with publisher.allocate(65_536) as image:
            image[:] = 7
            written = place_of(address_of(image))
        del image
        frame = subscriber.recv(20)
        pending = pool.request(frame)
        del frame
        assert str(pending.result(), "ascii") == written
    del pending
    eventually(lambda: in_use(publisher) == 0)


def test_a_tensor_reaches_the_worker_where_it_lies(alone):
    slots = zenoh_pinned.Pool(slot_bytes=65_536)
    tensor = zenoh_pinned.Tensor.from_numpy(np.ones((100, 100), "float32"), slots)
    with serving(alone, "where") as pool:
        assert str(pool.request(tensor).result(), "ascii") == place_of(address_of(tensor))


def test_an_answer_is_a_frame_with_all_its_views(alone):
    given = np.arange(60_000, dtype="float32").reshape(100, 600)
    with serving(alone, "echo") as pool:
        answer = pool.request(given).result()
        assert isinstance(answer, zenoh_pinned.Frame)
        assert (answer.numpy((100, 600), "float32") == given).all()
        assert bytes(answer) == given.tobytes()
        assert memoryview(answer).readonly
        assert (np.from_dlpack(answer.view(-1, "float32")) == given.ravel()).all()
        assert answer.to_device("auto", shape=(100, 600), dtype="float32").shape == (100, 600)
        # It is a payload again, as any frame is.
        assert bytes(pool.request(answer).result()) == given.tobytes()


def test_a_view_of_a_request_keeps_it_after_the_answer(alone):
    with serving(alone, "keeps") as pool:
        for number in range(150):
            slot = pool.allocate(65_536)
            with slot as array:
                array[:] = number + 1
            del array
            assert bytes(pool.request(slot).result()) == b"\x01\x01"


@pytest.mark.parametrize(
    ("word", "answer"),
    [
        ("text", "naïve".encode()),
        ("array", np.arange(6, dtype="float32").tobytes()),
        ("view", b"seen"),
        ("large", bytes(range(256)) * 1000),
        ("anything else", b"anything else"),
        # What it was started with is not for processes that it starts.
        ("variable", b"False"),
    ],
)
def test_whatever_has_bytes_is_an_answer(alone, word, answer):
    with serving(alone, "obeys") as pool:
        assert bytes(pool.request(word).result()) == answer


def test_payloads_are_bytes_text_arrays_and_buffers(alone):
    with serving(alone, "echo") as pool:
        for given in (b"", b"abc", bytearray(b"abc"), memoryview(b"abc" * 5000), "abc", np.zeros((0, 3))):
            expected = given.encode() if isinstance(given, str) else bytes(given)
            assert bytes(pool.request(given).result()) == expected
        array = np.ones(100_000, "uint8")
        pending = pool.request(array)
        array[:] = 2  # it was copied
        assert bytes(pending.result()) == b"\x01" * 100_000
        for wrong, error in ((np.arange(10)[::2], ValueError), ({"a": 1}, TypeError), (None, TypeError)):
            with pytest.raises(error):
                pool.request(wrong)
        with pytest.raises(ValueError, match="with block"):
            pool.request(pool.allocate(8))
        with pytest.raises(ValueError, match="critical, high, normal"):
            pool.request(b"", priority="urgent")
        with pytest.raises(workers.TooLarge, match="1024"):
            pool.request(b"", attachment=bytes(2000)).result()


def test_a_view_that_outlives_its_block_makes_the_payload_a_copy(alone):
    with serving(alone, "echo") as pool:
        slot = pool.allocate(65_536)
        with slot as array:
            array[:] = 1
            view = array[:10]
        assert slot.copied
        pending = pool.request(slot)
        view[:] = 9
        assert bytes(pending.result()) == b"\x01" * 65_536


def test_requests_that_come_together_are_served_together(alone):
    with serving(alone, "who", batch=8, delay=0.2) as pool:
        assert pool.wait_until_ready()
        pending = [pool.request(b"x") for _ in range(8)]
        assert {bytes(answer.result()).split()[1] for answer in pending} == {b"8"}
        by_key = [pool.request(b"x", key=key) for key in ("a", "b", "a", "b")]
        assert {bytes(answer.result()).split()[1] for answer in by_key} == {b"2"}
        urgent = pool.request(b"x", priority="critical")
        assert bytes(urgent.result()).split()[1] == b"1"
        statistics = pool.statistics()
        assert (statistics["answered"], statistics["batches"]) == (13, 4)


def test_attachment_and_deadline_come_with_the_request(alone):
    with serving(alone, "beside") as pool:
        said = bytes(pool.request(b"x", attachment=b"frame 7", deadline=50).result())
        attachment, left = said.rsplit(b" ", 1)
        assert attachment == b"frame 7"
        assert 40 < float(left) <= 50
        assert bytes(pool.request(b"x").result()).startswith(b" ")


def test_without_a_supervisor_the_decorated_function_is_itself():
    def infer(batch):
        return [len(batch)]

    assert workers.serve("ocr")(infer) is infer
    assert infer([1, 2]) == [2]
    with pytest.raises(workers.WorkersError, match=r"workers\.Workers\(command="):
        workers.Worker.connect()
    with pytest.raises(workers.WorkersError, match="engines"):
        workers.current()


def test_a_worker_ends_in_order_and_the_program_goes_on_behind_its_function(alone, tmp_path):
    afterwards = tmp_path / "afterwards"
    seen = []
    with serving(
        alone,
        "obeys",
        environment={"AFTERWARDS": str(afterwards)},
        on_evict=lambda worker, reason: seen.append((worker.seat, reason)),
        range=(0, 1),
    ) as pool:
        pending = pool.request(b"sleep 0.3")
        eventually(lambda: pool.statistics()["processing"] == 1)
        pool.close()
    assert afterwards.read_text() == "it has ended in order"
    assert seen == [(0, "closing")]
    # The batch that it had was served, and told that its caller is closing.
    with pytest.raises(workers.Closing):
        pending.result()


def test_idle_workers_are_evicted_when_asked(alone):
    events = []
    with serving(
        alone,
        "echo",
        range=(0, 1),
        on_spawn=lambda worker: events.append(("spawn", worker)),
        on_ready=lambda worker: events.append(("ready", worker)),
        on_evict=lambda worker, reason: events.append((reason, worker)),
        on_complete=lambda completed: events.append((completed.priority, completed.error)),
    ) as pool:
        pool.request(b"x", priority="high").result()
        assert pool.evict_idle() == 1
        eventually(lambda: pool.statistics()["ended"] == 1)
    names = [name for name, _ in events]
    assert names == ["spawn", "ready", "high", "pressure"]
    first = events[0][1]
    assert (first.pool, first.seat, first.incarnation) == ("test", 0, 1)
    assert events[1][1] == events[3][1] == first
    assert events[2][1] is None


def test_a_callback_that_raises_is_told_of_and_may_close_the_workers(alone, monkeypatch):
    told, closed = [], threading.Event()
    monkeypatch.setattr("sys.unraisablehook", told.append)

    def close(_):
        pool.close()
        closed.set()
        raise ArithmeticError

    pool = serving(alone, "echo", on_complete=close)
    pool.request(b"x").result()
    assert closed.wait(20)
    eventually(lambda: told)
    assert told[0].exc_type is ArithmeticError
    with pytest.raises(ConnectionError, match="closed"):
        pool.request(b"x")
    pool.close()


def test_a_worker_that_cannot_load_says_why(alone):
    with serving(alone, "echo", command=command("cannot_load"), deadline=10) as pool:
        eventually(lambda: any(worker["why_failed"] for worker in pool.statistics()["workers"]))
        (worker,) = pool.statistics()["workers"]
        assert "no such weights" in worker["why_failed"]
    with serving(alone, "echo", command=command("echo", "another")) as pool:
        eventually(lambda: any(worker["why_failed"] for worker in pool.statistics()["workers"]))
        (worker,) = pool.statistics()["workers"]
        assert "'another'" in worker["why_failed"]
    with serving(alone, "echo", command=command("echo")) as pool:
        assert bytes(pool.request(b"x").result()) == b"x"


def test_the_deep_check_is_judged_by_the_application(alone):
    seen = []

    def is_right(answer):
        seen.append(bytes(answer))
        return len(seen) > 1

    with serving(alone, "echo", deep_check=b"probe", deep_check_is_right=is_right) as pool:
        assert bytes(pool.request(b"x").result()) == b"x"
        assert seen[:2] == [b"probe", b"probe"]
        assert pool.statistics()["evicted"] == {"wrong answer": 1}


def test_a_worker_joins_a_pool_that_its_session_reaches(port):
    with (
        zenoh_pinned.Session(listening(port)) as session,
        workers.Workers("test", range=(1, 1), session=session) as pool,
        zenoh_pinned.Session(connecting(port)) as other,
    ):
        handler = signal.getsignal(signal.SIGINT)
        for closes_first in ("the worker", "the pool"):
            joined = workers.Worker.join(other, "test")
            assert joined.name == "test"
            ended: list[None] = []
            serves = threading.Thread(target=_serve, args=(joined, ended))
            serves.start()
            assert bytes(pool.request(bytes(10_000)).result()) == bytes(10_000)
            # Signals are taken by who serves on the main thread.
            with pytest.raises(KeyboardInterrupt):
                signal.raise_signal(signal.SIGINT)
            (joined if closes_first == "the worker" else pool).close()
            serves.join(20)
            assert ended == [None]
            if closes_first == "the worker":
                eventually(lambda: not any(w["state"] == "ready" for w in pool.statistics()["workers"]))
        assert signal.getsignal(signal.SIGINT) is handler
        # The session is the application's still.
        other.declare_publisher("a", 4096).close()


def _serve(worker, ended):
    ended.append(worker.serve(list))


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"range": (2, 1)}, "workers"),
        ({"batch": 101}, "from 1 to 100"),
        ({"batch": -1}, "batch"),
        ({"delay": -0.1}, "seconds"),
        ({"memory_limit": 50.0}, "not per cent"),
        ({"name": "a/b"}, "letters"),
    ],
)
def test_what_cannot_be_is_a_value_error(alone, options, says):
    with pytest.raises(ValueError, match=says):
        serving(alone, "echo", **options)


def test_a_command_is_a_list_and_a_check_has_a_judge(alone):
    with pytest.raises(TypeError, match="shlex"):
        serving(alone, "echo", command="python3 ocr.py")
    with pytest.raises(TypeError, match="both"):
        serving(alone, "echo", deep_check=b"x")


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"batch": "8"}, "batch=: 'str'"),
        ({"range": 8}, "range="),
        ({"deadline": "soon"}, "deadline=: must be real"),
        ({"processors": ["a"]}, "processors="),
        ({"on_ready": 3}, "what happens to workers: int"),
        ({"session": 3}, "zenoh_pinned.Session, not int"),
    ],
)
def test_an_argument_of_another_type_is_named(alone, options, says):
    with pytest.raises(TypeError, match=says):
        serving(alone, "echo", **options)


def test_the_name_of_no_pool_finds_none(alone):
    with serving(alone, "echo"):
        for name in ("*", "a/b", ""):
            with pytest.raises(ValueError, match="letters"):
                workers.Client(alone, name)
            with pytest.raises(ValueError, match="letters"):
                workers.Worker.join(alone, name)


def test_a_pool_without_a_session_has_one_of_its_own():
    with workers.Workers("own", command=command("echo"), range=(0, 1)) as pool:
        assert pool.name == "own"
        assert bytes(pool.request(b"x").result()) == b"x"


def test_nothing_is_left_of_a_pool(alone):
    with serving(alone, "echo") as pool:
        pool.request(bytes(100_000)).result()
        (worker,) = pool.statistics()["workers"]
    eventually(lambda: not Path(f"/proc/{worker['pid']}").exists())
