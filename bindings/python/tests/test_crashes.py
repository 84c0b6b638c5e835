"""Consumers that die or stand still, as a Python producer sees them."""

import os
import signal
import subprocess
import sys

import zenoh_pinned

from conftest import HERE
from meeting import eventually, listening

HOLDER = HERE / "nodes" / "holder.py"


def test_a_pool_says_who_stands_still_and_gets_its_slots_back_when_it_dies(port):
    pool = zenoh_pinned.Pool(4096, 4)
    with zenoh_pinned.Session(listening(port)) as session:
        publisher = session.declare_publisher("test/held", pool=pool)
        command = [sys.executable, HOLDER, str(port), "test/held", "2"]
        consumer = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        try:
            assert consumer.stdout.readline() == "listening\n"

            def holds_two():
                publisher.put(b"frame")
                return pool.statistics().in_use == 2

            eventually(holds_two)
            assert consumer.stdout.readline() == "holds\n"
            eventually(lambda: pool.statistics().in_use == 2)
            os.kill(consumer.pid, signal.SIGSTOP)
            who = f"process {consumer.pid} may hold them and stands still"
            eventually(lambda: any(who in reason for reason in pool.quarantine()), 60)
            assert pool.statistics().in_use == 2
        finally:
            consumer.kill()
            consumer.wait()
        eventually(lambda: pool.statistics().in_use == 0, 60)
        assert pool.statistics().reclaimed == 2
        assert pool.quarantine() == []
        publisher.close()
