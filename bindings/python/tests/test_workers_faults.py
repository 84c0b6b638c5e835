"""Workers that fail, die or take too long: each request is answered once, or fails and says why."""

import os
import re
import time
from collections import Counter
from pathlib import Path

import pytest
import zenoh_pinned
from zenoh_pinned import workers
from zenoh_pinned.workers import _errors

from meeting import eventually
from working import kind_of, serving

REPOSITORY = Path(__file__).parents[3]


def test_an_engine_that_raises_fails_its_batch_and_serves_the_next(alone, capfd):
    with serving(alone, "obeys", batch=4, delay=0.1) as pool:
        batch = [pool.request(word) for word in (b"a", b"raise", b"b", b"c")]
        for pending in batch:
            with pytest.raises(workers.EngineFailed, match="LookupError: as told") as failed:
                pending.result()
            assert failed.value.message == "LookupError: as told"
            assert failed.value.kind == "engine_broke"
        assert bytes(pool.request(b"next").result()) == b"next"
        (worker,) = pool.statistics()["workers"]
        assert worker["incarnation"] == 1
    said = capfd.readouterr().err
    assert "Traceback" in said
    assert "in obeys" in said


@pytest.mark.parametrize(
    ("word", "says"),
    [
        (b"refuse", "ValueError: not this one"),
        (b"dictionary", "TypeError"),
        (b"strided", "ascontiguousarray"),
        (b"unwritten", "with block"),
    ],
)
def test_one_request_of_a_batch_can_fail_alone(alone, word, says):
    with serving(alone, "obeys", batch=3, delay=0.1) as pool:
        first, failing, last = [pool.request(payload) for payload in (b"a", word, b"b")]
        assert (bytes(first.result()), bytes(last.result())) == (b"a", b"b")
        with pytest.raises(workers.EngineFailed, match=says):
            failing.result()


@pytest.mark.parametrize(("word", "says"), [(b"few", "no answer"), (b"none", "a list with an answer")])
def test_an_engine_that_gives_too_little_fails_what_it_left_out(alone, word, says):
    with serving(alone, "obeys") as pool:
        with pytest.raises(workers.EngineFailed, match=says):
            pool.request(word).result()
        assert bytes(pool.request(b"next").result()) == b"next"


def test_an_engine_that_leaves_has_failed_its_batch_and_another_worker_follows(alone):
    with serving(alone, "obeys") as pool:
        with pytest.raises(workers.EngineFailed, match="SystemExit: 5"):
            pool.request(b"leave").result()
        assert bytes(pool.request(b"next").result()) == b"next"


def test_a_death_under_load_costs_no_request_but_the_one_that_is_to_blame(alone):
    with serving(alone, "obeys", range=(2, 2), batch=4, delay=0.01, grace=1) as pool:
        assert pool.wait_until_ready(2)
        pending = [pool.request(b"sleep 0.01") for _ in range(20)]
        deadly = pool.request(b"die")
        pending += [pool.request(b"x%d" % number) for number in range(20)]
        assert Counter(map(kind_of, pending)) == {"answered": 40}
        with pytest.raises(workers.Poisoned, match="workers have died") as poisoned:
            deadly.result()
        assert poisoned.value.deaths == 2
        assert pool.statistics()["ended"] >= 2


def test_deadlines_end_requests_that_wait_and_those_that_are_served(alone):
    with serving(alone, "obeys") as pool:
        assert pool.wait_until_ready()
        slow = pool.request(b"sleep 1", deadline=0.2)
        behind = pool.request(b"x", deadline=0.1)
        with pytest.raises(TimeoutError, match="goes on"):
            slow.result(0.01)
        assert not slow.done()
        for pending in (slow, behind):
            with pytest.raises(workers.Expired):
                pending.result()
        assert isinstance(workers.Expired(), TimeoutError)
        assert bytes(pool.request(b"later").result()) == b"later"


def test_a_request_that_was_deleted_is_not_served(alone):
    with serving(alone, "obeys") as pool:
        assert pool.wait_until_ready()
        served = pool.request(b"sleep 0.3")
        eventually(lambda: pool.statistics()["processing"] == 1)
        unwanted = pool.request(b"raise")
        last = pool.request(b"x")
        del unwanted
        assert served.result()
        assert bytes(last.result()) == b"x"
        statistics = pool.statistics()
        assert (statistics["answered"], statistics["failed"]) == (2, {"closing": 1})


def test_a_full_queue_refuses(alone):
    with serving(alone, "obeys", queue=3) as pool:
        assert pool.wait_until_ready()
        served = pool.request(b"sleep 0.5")
        eventually(lambda: pool.statistics()["processing"] == 1)
        waiting = [pool.request(b"x"), pool.request(b"y")]
        with pytest.raises(workers.Full, match=r"queue=") as full:
            pool.request(b"z").result()
        assert full.value.kind == "full"
        assert served.result()
        assert [bytes(pending.result()) for pending in waiting] == [b"x", b"y"]


def test_a_breaker_says_when_to_ask_again(alone):
    with serving(alone, "obeys", breaker_failures=2, breaker_open_for=0.3, breaker_successes=1) as pool:
        for _ in range(2):
            assert kind_of(pool.request(b"raise")) == "engine_broke"
        with pytest.raises(workers.BreakerOpen) as opened:
            pool.request(b"x").result()
        assert 0 < opened.value.retry_after <= 0.3
        time.sleep(opened.value.retry_after)
        eventually(lambda: kind_of(pool.request(b"x")) == "answered")


def test_a_worker_that_cannot_be_started_is_a_reason(alone):
    with serving(alone, "echo", command=["/no/such/program"], deadline=20) as pool:
        with pytest.raises(workers.NoWorker, match="/no/such/program"):
            pool.request(b"x").result()
        assert "/no/such/program" in pool.statistics()["not_ready"]


def test_a_signal_kills_no_batch(alone):
    with serving(alone, "obeys") as pool:
        pid = int(bytes(pool.request(b"x").result()) and pool.statistics()["workers"][0]["pid"])
        pending = pool.request(b"sleep 0.5")
        eventually(lambda: pool.statistics()["processing"] == 1)
        os.kill(pid, 15)
        assert bytes(pending.result()) == b"sleep 0.5"


def test_the_errors_know_every_kind_of_the_rust_crate():
    source = (REPOSITORY / "node-api/workers/src/request/error.rs").read_text()
    kinds = set(re.findall(r'=> "([a-z_]+)"', source))
    assert kinds == set(_errors.Kind.__args__)
    assert kinds <= set(_errors._BY_KIND)


def test_an_error_of_a_later_version_is_a_request_error():
    error = _errors.error_of("unheard_of", "text", {})
    assert (type(error), error.kind, str(error)) == (workers.RequestError, "unheard_of", "text")


def test_nobody_answers_where_there_is_no_supervisor():
    with (
        zenoh_pinned.Session({"scouting": {"multicast": {"enabled": False}}}) as session,
        pytest.raises(workers.NoSupervisor, match="nobody"),
    ):
        workers.Client(session, "nobody", timeout=0.2)
