"""The load balancer's example: a data plane in C and an agent in Python do what its page says."""

import json
import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
from zenoh_pinned.exchange import Exchange

ROOT = Path(__file__).parents[3]
EXAMPLE = ROOT / "examples" / "load-balancer"
pytest.importorskip("gymnasium", reason="the environment needs gymnasium (requirements.txt has it)")
sys.path.insert(0, str(EXAMPLE))

from comparison import FLOW, run  # noqa: E402
from policies import Learner  # noqa: E402
from script import SPEEDS, end, start_agent, start_data_plane  # noqa: E402
from watch import Watch  # noqa: E402


@pytest.fixture(scope="module")
def program(tmp_path_factory):
    """The data plane, compiled as strictly as C can be."""
    double = os.environ.get("ZENOH_PINNED_CUDA_DOUBLE")
    built = Path(double).parent if double else ROOT / "target" / "debug"
    library = built / "libzenoh_pinned_exchange.a"
    if not library.exists():
        pytest.skip(f"{library} is not there (`make test` builds it)")
    file = tmp_path_factory.mktemp("load-balancer") / "data-plane"
    words = ["cc", "-std=c11", "-O2", "-Wall", "-Wextra", "-pedantic", "-Werror", "-o", str(file)]
    words += [
        "-I",
        str(ROOT / "node-api" / "exchange" / "include"),
        str(EXAMPLE / "data_plane.c"),
        str(library),
    ]
    compiled = subprocess.run([*words, "-lm", "-lpthread", "-ldl"], capture_output=True, text=True)
    assert compiled.returncode == 0, compiled.stderr
    return file


@contextmanager
def data_plane(program, name, **options):
    """A data plane that is interrupted at the end."""
    process = start_data_plane(program, name, **options)
    try:
        yield process
    finally:
        end(process, signal.SIGINT)


def until(is_so, *processes):
    """Wait for something as long as the processes live that have to do it."""
    while not (answer := is_so()):
        assert all(process.poll() is None for process in processes), "a process ended"
        time.sleep(0.01)
    return answer


def attached(name, *processes):
    def attach():
        try:
            return Watch(name)
        except FileNotFoundError:
            return None

    return until(attach, *processes)


def test_learned_weights_are_fairer_and_quicker_than_uniform_ones(program):
    uniform, learned = (run(program, policy, length=120, seed=1) for policy in ("uniform", "learner"))
    mean, p90, fairness = zip(uniform.numbers(0.3, 1), learned.numbers(0.3, 1), strict=True)
    assert fairness[1] > fairness[0] + 0.2
    assert mean[1] < 0.7 * mean[0]
    assert p90[1] < 0.7 * p90[0]
    assert learned.actions == 600, "every observation was answered, and every answer applied"


def test_the_same_seed_gives_the_same_flows(program):
    first, second = (run(program, "learner", length=10, seed=3) for _ in range(2))
    assert np.array_equal(first.flows, second.flows)
    assert not np.array_equal(first.flows, run(program, "learner", length=10, seed=4).flows)


def test_a_killed_agent_is_followed_and_the_data_plane_goes_on_meanwhile(program, tmp_path):
    name, memory = f"load-balancer-test-{os.getpid()}", tmp_path / "learned.npz"
    with data_plane(program, name, length=1e9, rate=40) as plane:
        watch = attached(name, plane)
        first = start_agent(name, "learner", memory=memory)
        until(lambda: watch.look() and watch.action and memory.exists(), plane, first)
        assert watch.agent == first.pid
        first.kill()
        first.wait()
        watch.look()
        last, seen = watch.action, watch.observation.sequence_id
        assert watch.agent is None
        assert watch.data_plane == plane.pid
        until(lambda: watch.look() and watch.observation.sequence_id > seen + 20, plane)
        assert watch.action is last
        assert watch.behind > 20
        second = start_agent(name, "learner", memory=memory)
        until(lambda: watch.look() and watch.action is not last, plane, second)
        assert watch.agent == second.pid
        assert watch.action.sequence_id > seen + 20
        end(second)
        watch.close()
    counts = json.loads(plane.stdout.read())
    assert plane.returncode == 0
    assert counts["actions"] > 0
    assert not Path("/dev/shm", name).exists()


@pytest.mark.parametrize("weights", [None, (3, 3, 2, 2, 1, 0, 1, 1)])
def test_flows_are_spread_as_the_action_says(program, weights, tmp_path):
    """Without an agent every server gets as many."""
    name = f"load-balancer-test-{os.getpid()}"
    length = 40  # in whose first half nothing else happens
    options = {"length": length, "lockstep": weights is not None, "flows": tmp_path / "flows"}
    with data_plane(program, name, **options) as plane:
        if weights is not None:
            answer_all(name, plane, weights)
        plane.wait()
    flows = np.fromfile(tmp_path / "flows", FLOW)
    servers = flows["server"][(flows["ended"] > 1) & (flows["ended"] < length / 2)]
    counts = np.bincount(servers, minlength=len(SPEEDS))
    wanted = np.array(weights or [1] * len(SPEEDS))
    expected = len(servers) * wanted / wanted.sum()
    assert counts[wanted == 0].sum() == 0
    squares = ((counts - expected) ** 2)[wanted > 0] / expected[wanted > 0]
    assert squares.sum() < 40, f"{counts}: 7 degrees of freedom at most"


def answer_all(name, plane, weights):
    """Answer every observation with the same weights, until the data plane has ended."""
    with until(lambda: attached_as_agent(name), plane) as exchange:
        while plane.poll() is None:
            observation = exchange.read_observation()
            if observation is not None:
                exchange.write_action(observation.sequence_id, weights)


def attached_as_agent(name):
    try:
        return Exchange(name)
    except FileNotFoundError:
        return None


def test_a_learner_goes_on_with_what_another_one_left(tmp_path):
    seen = np.zeros((64, 4), np.float32)
    seen[:4] = [[1, flows, 0.02, 0.02] for flows in (1, 4, 9, 2)]
    first = Learner(1, tmp_path / "learned.npz")
    for step in range(100):
        weights = first.act(seen)
        assert (weights > 0).tolist() == [True] * 4 + [False] * 60
        first.learn(-1 + 0.01 * (step % 7))
    second = Learner(2, tmp_path / "learned.npz")
    assert second.steps == 100
    assert second.theta.tolist() == first.theta.tolist()


def test_the_demo_tells_its_story_where_there_is_no_terminal(program):
    words = [sys.executable, str(EXAMPLE / "run.py"), str(program), "--length", "60", "--rate", "12"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert "server 0 slows down to a third" in done.stdout
    assert "the agent is killed: its last action goes on" in done.stdout
    assert "an agent is back" in done.stdout
    assert done.stdout.endswith("nothing is left in /dev/shm\n"), done.stdout
