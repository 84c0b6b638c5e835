"""Waiting for answers: threads, event loops, signals, other processes, and forks."""

import asyncio
import importlib.util
import json
import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from pathlib import Path

import numpy as np
import pytest
import zenoh_pinned
from zenoh_pinned import workers

from forks import child, error_of
from meeting import connecting, eventually, listening
from test_waiting import Counting
from working import PROGRAM, kind_of, serving

LOOPS = [pytest.param(asyncio.new_event_loop, id="asyncio")]
if importlib.util.find_spec("uvloop"):
    import uvloop

    LOOPS += [pytest.param(uvloop.new_event_loop, id="uvloop")]


@pytest.mark.parametrize("new_loop", LOOPS)
def test_an_event_loop_goes_on_while_answers_are_awaited(alone, new_loop):
    async def main(pool):
        ticks = 0

        async def tick():
            nonlocal ticks
            while True:
                await asyncio.sleep(0.001)
                ticks += 1

        async def ask(payload):
            return bytes(await pool.request(payload))

        ticking = asyncio.create_task(tick())
        assert await ask(b"sleep 0.2") == b"sleep 0.2"
        assert ticks > 20
        asked = [ask(b"%d" % number) for number in range(50)]
        assert await asyncio.gather(*asked) == [b"%d" % number for number in range(50)]
        with pytest.raises(workers.EngineFailed):
            await pool.request(b"raise")
        # The request goes on without whoever awaited it first.
        pending = pool.request(b"sleep 0.3")
        with pytest.raises(asyncio.TimeoutError):
            await asyncio.wait_for(_of(pending), 0.05)
        both = await asyncio.gather(_of(pending), _of(pending))
        assert [bytes(answer) for answer in both] == [b"sleep 0.3"] * 2
        assert pending.done()
        assert bytes(await pending) == b"sleep 0.3"
        ticking.cancel()

    with serving(alone, "obeys") as pool:
        for _ in range(2):
            loop = new_loop()
            try:
                loop.run_until_complete(main(pool))
            finally:
                loop.close()


async def _of(pending):
    return await pending


def test_others_run_while_an_answer_is_waited_for_and_while_it_is_copied(alone):
    with serving(alone, "obeys") as pool, Counting() as counting:
        pool.request(b"sleep 0.3").result()
        assert counting.count > 20


def test_an_engine_has_other_threads_run_while_no_batch_comes(alone):
    program = """
        import threading, time
        from zenoh_pinned import workers
        count = 0
        def tick():
            global count
            while True:
                time.sleep(0.001)
                count += 1
        threading.Thread(target=tick, daemon=True).start()
        @workers.serve()
        def infer(batch):
            return [str(count)] * len(batch)
    """
    with serving(alone, "", command=[sys.executable, "-c", textwrap.dedent(program)]) as pool:
        before = int(bytes(pool.request(b"x").result()))
        time.sleep(0.3)
        assert int(bytes(pool.request(b"x").result())) > before + 20


def test_several_threads_wait_for_one_answer(alone):
    with serving(alone, "obeys") as pool:
        pending, answers = pool.request(b"sleep 0.2"), []
        threads = [threading.Thread(target=lambda: answers.append(pending.result())) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(20)
        assert [bytes(answer) for answer in answers] == [b"sleep 0.2"] * 4


@pytest.mark.parametrize(
    "waits",
    [
        "pool.request(b'sleep 5').result()",
        "pool.request(b'sleep 5').result(3600)",
        "pool.wait_until_ready(2, timeout=3600)",
        "workers.Client(session, 'nobody', timeout=3600)",
        "busy.close()",
    ],
)
def test_an_interrupt_ends_a_long_wait(waits):
    program = f"""
        import sys, time
        from zenoh_pinned import Session, workers

        session = Session({{"scouting": {{"multicast": {{"enabled": False}}}}}})
        command = [sys.executable, {PROGRAM!r}, "obeys"]
        pool = workers.Workers("test", command=command, session=session, range=(1, 1), grace=0.1)
        assert bytes(pool.request(b"x").result()) == b"x"
        busy = workers.Workers("busy", command=command, session=session, range=(1, 1), grace=3600)
        assert bytes(busy.request(b"x").result()) == b"x"
        left = busy.request(b"sleep 5")
        time.sleep(0.1)
        begun = time.monotonic()
        try:
            print("waiting", flush=True)
            {waits}
        except KeyboardInterrupt:
            print(time.monotonic() - begun < 4, flush=True)
            # Everything goes on afterwards.
            assert pool.statistics()["name"] == "test"
            raise
    """
    with subprocess.Popen(
        [sys.executable, "-c", textwrap.dedent(program)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout.readline() == "waiting\n"
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        output, errors = process.communicate(timeout=60)
    assert output == "True\n", errors
    assert "KeyboardInterrupt" in errors
    assert process.returncode == -signal.SIGINT


CLIENT = """
    import json, sys
    import numpy as np, zenoh_pinned
    from zenoh_pinned import workers

    with (
        zenoh_pinned.Session(json.loads(sys.argv[1])) as session,
        workers.Client(session, "test", timeout=20) as client,
    ):
        slot = client.allocate(100_000)
        with slot as array:
            array[:] = 3
        del array
        answer = client.request(slot, priority="high").result()
        short = [bytes(client.request(b"%d" % n, in_order_of="a").result()) for n in range(20)]
        print(bool((answer.numpy() == 3).all()), answer.is_shared, client.shares_memory, client.is_gone)
        print(client.name, short == [b"%d" % n for n in range(20)])
        sys.stdout.flush()
        pending = client.request(b"sleep 60")
        print("asked", flush=True)
        try:
            pending.result()
        except ConnectionError as error:
            print(type(error).__name__, error.kind)
"""


def test_a_client_of_another_process_asks_and_hears_that_the_supervisor_has_gone(port):
    # The supervisor of a session that another process reaches.
    with zenoh_pinned.Session(listening(port)) as session:
        pool = serving(session, "obeys", grace=0.1)
        program = [sys.executable, "-c", textwrap.dedent(CLIENT), json.dumps(connecting(port))]
        with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
            assert process.stdout.readline() == "True True True False\n"
            assert process.stdout.readline() == "test True\n"
            assert process.stdout.readline() == "asked\n"
            eventually(lambda: pool.statistics()["processing"] == 1)
            assert pool.statistics()["clients"] == 1
            pool.close()
            said = process.stdout.read().split()
        assert said in (["Closing", "closing"], ["SupervisorGone", "supervisor_gone"])


SUPERVISOR = f"""
    import json, sys, time
    import zenoh_pinned
    from zenoh_pinned import workers

    session = zenoh_pinned.Session(json.loads(sys.argv[1]))
    command = [sys.executable, {PROGRAM!r}, "obeys"]
    pool = workers.Workers("test", command=command, session=session, range=(1, 1))
    pool.wait_until_ready()
    print(pool.statistics()["workers"][0]["pid"], flush=True)
    time.sleep(3600)
"""


def test_a_supervisor_that_is_killed_takes_its_workers_along_and_its_clients_hear_of_it(port):
    program = [sys.executable, "-c", textwrap.dedent(SUPERVISOR), json.dumps(listening(port))]
    with subprocess.Popen(program, stdout=subprocess.PIPE, text=True) as process:
        worker = int(process.stdout.readline())
        with (
            zenoh_pinned.Session(connecting(port)) as session,
            workers.Client(session, "test", timeout=20) as client,
        ):
            assert bytes(client.request(bytes(100_000)).result()) == bytes(100_000)
            pending = client.request(b"sleep 60")
            assert not client.is_gone
            process.kill()
            with pytest.raises(workers.SupervisorGone, match="gone"):
                pending.result(60)
            assert client.is_gone
            with pytest.raises(workers.SupervisorGone):
                client.request(b"x").result(60)
            eventually(lambda: not Path(f"/proc/{worker}").exists())


def test_a_client_of_the_same_process_and_session_is_served_too(alone):
    with serving(alone, "echo"), workers.Client(alone, "test", timeout=20) as client:
        assert bytes(client.request(bytes(100_000)).result()) == bytes(100_000)
        client.close()
        with pytest.raises(ConnectionError, match="closed"):
            client.request(b"x")


def test_what_a_forked_child_does_with_inherited_objects_is_an_error_that_says_so(alone):
    with serving(alone, "obeys") as pool, workers.Client(alone, "test", timeout=20) as client:
        answer = pool.request(bytes([7]) * 10_000).result()
        pending = pool.request(b"sleep 0.5")
        slot = pool.allocate(10_000)
        with slot as array:
            array[:] = 9
        del array

        def work():
            errors = [
                error_of(lambda: pool.request(b"x")),
                error_of(lambda: pool.allocate(8)),
                error_of(lambda: client.request(b"x")),
                error_of(lambda: pool.statistics()),
                error_of(lambda: pool.wait_until_ready()),
                error_of(lambda: pending.result()),
                error_of(lambda: workers.Workers("child", session=alone)),
            ]
            pool.close()
            client.close()
            return errors, bytes(answer)[0]

        errors, shown = child(work)
        assert all(error is not None and error.startswith("Forked") for error in errors), errors
        assert shown == 7
        # The parent's are what they were.
        assert bytes(pending.result()) == b"sleep 0.5"
        assert bytes(pool.request(slot).result()) == bytes([9]) * 10_000
        assert bytes(client.request(b"x").result()) == b"x"
        assert (np.asarray(answer) == 7).all()


def test_closing_ends_the_waits_of_other_threads(alone):
    pool, errors = serving(alone, "echo"), []
    assert pool.wait_until_ready()

    def wait():
        with pytest.raises(ConnectionError) as error:
            pool.wait_until_ready(2, 3600)
        errors.append(str(error.value))

    waiting = threading.Thread(target=wait)
    waiting.start()
    time.sleep(0.1)
    pool.close()
    waiting.join(20)
    assert errors == ["the workers are closed: make others"]


def test_answers_of_a_pool_that_is_closed_are_closing(alone):
    pool = serving(alone, "obeys", grace=0.1)
    assert pool.wait_until_ready()
    pending = [pool.request(b"sleep 5"), pool.request(b"x")]
    pool.close()
    assert [kind_of(answer) for answer in pending] == ["closing"] * 2


def test_a_program_that_forgets_to_close_leaves_no_worker():
    program = f"""
        import sys
        from zenoh_pinned import Session, workers

        session = Session({{"scouting": {{"multicast": {{"enabled": False}}}}}})
        command = [sys.executable, {PROGRAM!r}, "echo"]
        pool = workers.Workers("test", command=command, session=session, on_ready=lambda worker: None)
        pending = pool.request(b"x")
        pending.result()
        print(pool.statistics()["workers"][0]["pid"])
    """
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")
    with pytest.raises(ProcessLookupError):
        os.kill(int(done.stdout), 0)
