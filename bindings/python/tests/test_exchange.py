"""The exchange of a load balancer, both sides."""

import array
import copy
import inspect
import json
import os
import pickle
import random
import re
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
import zenoh_pinned
from zenoh_pinned import exchange
from zenoh_pinned.exchange import ACTION, FEATURES, OBSERVATION, RESERVOIR, DataPlane, Exchange, Observer

from conftest import outcome, script
from exchanging import both, side
from meeting import eventually

HEADER = Path(__file__).parents[3] / "node-api" / "exchange" / "include" / "zenoh_pinned_exchange.h"
STATISTICS = {0: {"n_flow_on": 10, "fct_mean": 0.5}, 1: {"n_flow_on": 15, "flow_duration_p90_decay": 0.25}}


def newest(reader):
    """What a reader gives as soon as there is something."""
    found = []

    def reads():
        found.append(reader())
        return found[-1] is not None

    eventually(reads, 60)
    return found[-1]


def test_an_observation_and_its_answer_go_between_two_processes():
    with DataPlane("between") as data_plane, side("agent", "between") as agent:
        assert data_plane.other_side == agent.pid
        for flows in ([3, 0, 1], [0, 7, 2]):
            statistics = {server: {"n_flow_on": count} for server, count in enumerate(flows)}
            number = data_plane.write_observation({"server_stats": statistics})
            action = newest(data_plane.read_action)
            assert action.sequence_id == number
            assert action.weights[:3].tolist() == [1 + count for count in flows]
            assert not action.weights[3:].any()


def test_an_observation_answers_to_the_keys_of_a_dictionary():
    with both("keys") as (data_plane, agent):
        data_plane.write_observation(
            {"timestamp": 1234567890.123, "active_servers": [0, 1, 5], "server_stats": STATISTICS}
        )
        obs = agent.read_observation()
        assert list(obs) == ["sequence_id", "timestamp", "active_servers", "server_stats"]
        assert (obs["sequence_id"], obs["timestamp"]) == (1, 1234567890.123)
        assert obs["active_servers"] == [0, 1, 5]
        assert obs["server_stats"].keys() == {0, 1, 5}
        assert obs["server_stats"][0]["n_flow_on"] == 10
        assert obs["server_stats"][0]["fct_mean"] == 0.5
        assert obs["server_stats"][1]["flow_duration_p90_decay"] == 0.25
        assert all(tuple(one) == ("n_flow_on", *FEATURES) for one in obs["server_stats"].values())
        assert len(FEATURES) == 10
        assert type(obs["sequence_id"]) is type(obs["server_stats"][0]["n_flow_on"]) is int
        assert json.loads(json.dumps(dict(obs)))["active_servers"] == [0, 1, 5]
        assert obs.get("servers") is None
        with pytest.raises(KeyError):
            obs["record"]
        assert agent.read_observation() is None


def test_the_attributes_of_an_observation():
    with both("attributes") as (data_plane, agent):
        for _ in range(3):
            data_plane.write_observation({"server_stats": STATISTICS})
        obs = agent.read_observation()
        assert (obs.sequence_id, obs.missed, obs.incarnation) == (3, 2, 1)
        assert obs.timestamp > 1.7e9
        assert obs.active_servers == [0, 1]
        assert obs.servers.dtype.names == ("n_flow_on", *FEATURES)
        assert obs.servers["n_flow_on"].tolist() == [10, 15] + 62 * [0]
        assert obs.features.shape == (64, 10)
        assert obs.features[1].tolist() == 9 * [0] + [0.25]
        assert str(obs) == "<Observation 3: 2 active servers, 2 missed before>"
        data_plane.write_observation({})
        assert (agent.read_observation().missed, obs.sequence_id) == (0, 3)


def test_nothing_of_an_observation_is_copied_but_once_and_it_outlives_the_region():
    with both("kept") as (data_plane, agent):
        data_plane.write_observation({"server_stats": STATISTICS})
        obs = agent.read_observation()
        servers, features = obs.servers, obs.features
        for view in (servers, features, servers["fct_mean"]):
            assert np.shares_memory(view, obs.record)
        for _ in range(8):
            data_plane.write_observation({"server_stats": {0: {"n_flow_on": 99}}})
    del obs
    assert servers["n_flow_on"][:2].tolist() == [10, 15]
    assert features[0, 0] == 0.5
    servers["n_flow_on"] = 0  # it is nobody else's


def test_an_observation_can_be_copied_and_sent_on():
    with both("copies") as (data_plane, agent):
        data_plane.write_observation({"server_stats": STATISTICS})
        obs = agent.read_observation()
        for other in (copy.deepcopy(obs), pickle.loads(pickle.dumps(obs))):
            assert other == obs
            assert not np.shares_memory(other.servers, obs.servers)
        assert data_plane.write_observation(obs) == 2
        again = agent.read_observation()
        assert (again.timestamp, again.server_stats) == (obs.timestamp, obs.server_stats)


@pytest.mark.parametrize(
    "make",
    [
        lambda: np.zeros((), OBSERVATION),
        lambda: np.zeros(1, OBSERVATION),
        lambda: np.zeros(2880, np.uint8),
        lambda: bytearray(2880),
        lambda: memoryview(bytearray(2881))[1:],
        lambda: np.zeros((3, 2), OBSERVATION)[1, :1],
    ],
)
def test_an_observation_is_read_into_memory_of_the_caller(make):
    with both("into") as (data_plane, agent):
        memory = make()
        assert agent.read_into(memory) is None
        assert not any(bytes(memory))
        data_plane.write_observation({"server_stats": STATISTICS})
        assert agent.read_into(memory) == 1
        record = np.frombuffer(bytes(memory), OBSERVATION)[0]
        assert (record["sequence_id"], record["num_active_as"]) == (1, 2)
        assert record["as_stats"]["fct_mean"][0] == 0.5
        kept = bytes(memory)
        assert agent.read_into(memory) is None
        assert bytes(memory) == kept


@pytest.mark.parametrize(
    "weights",
    [
        [1, 2.5, 0, 3],
        (1, 2.5, 0, 3),
        array.array("f", [1, 2.5, 0, 3]),
        array.array("d", [1, 2.5, 0, 3]),
        np.array([1, 2.5, 0, 3]),
        np.array([1, 2.5, 0, 3], np.float32),
        np.array([1, 2.5, 0, 3], np.float16),
        np.array([1, 2.5, 0, 3], ">f4"),
        np.array([3, 0, 2.5, 1])[::-1],
        np.array([[1, 2.5, 0, 3], [9, 9, 9, 9]], np.float32).T[:, 0],
        [np.float32(1), np.float64(2.5), False, np.uint8(3)],
    ],
)
def test_weights_of_every_kind_are_taken(weights):
    with both("weights") as (data_plane, agent):
        number = data_plane.write_observation({"active_servers": range(4)})
        agent.read_observation()
        agent.write_action(number, weights)
        action = data_plane.read_action()
        assert action.weights[:5].tolist() == [1, 2.5, 0, 3, 0]
        assert (action.num_servers, action.incarnation) == (4, 1)
        agent.write_action(sequence_id=number, weights=weights, num_servers=2)
        action = data_plane.read_action()
        assert action.weights[:4].tolist() == [1, 2.5, 0, 0]
        assert action.num_servers == 2
        assert action.timestamp > 1.7e9
        assert data_plane.read_action() is None


def test_weights_can_be_a_field_of_the_servers():
    with both("fields") as (data_plane, agent):
        data_plane.write_observation({"server_stats": STATISTICS})
        obs = agent.read_observation()
        agent.write_action(obs.sequence_id, obs.servers["fct_mean"])
        assert data_plane.read_action().weights.tolist() == [0.5] + 63 * [0]
        agent.write_action(obs.sequence_id, obs.servers["n_flow_on"])
        assert data_plane.read_action().weights[:3].tolist() == [10, 15, 0]


def test_picks_have_the_shares_of_the_weights_one_by_one_and_in_arrays():
    with both("picks") as (data_plane, agent):
        number = data_plane.write_observation({"active_servers": range(4)})
        agent.read_observation()
        agent.write_action(number, [1, 0, 2, 5])
        action = data_plane.read_action()
        assert action.alias_table.shape == (64,)
        numbers = np.random.default_rng(3).integers(0, 1 << 64, 80_000, dtype=np.uint64)
        picked = action.pick(numbers)
        shares = np.bincount(picked, minlength=4) / len(picked)
        assert np.allclose(shares, [1 / 8, 0, 2 / 8, 5 / 8], atol=0.01)
        assert [action.pick(int(number)) for number in numbers[:1000]] == picked[:1000].tolist()
        assert action.pick(random.getrandbits(64)) in (0, 2, 3)
        for wrong in (-1, 1 << 64):
            with pytest.raises(ValueError, match="64 bits"):
                action.pick(wrong)


def test_reservoirs_are_exchanged_each_by_itself():
    with both("reservoirs", reservoirs=True) as (data_plane, agent), Observer("reservoirs") as observer:
        assert agent.read_reservoir(3, "fct") is None
        data_plane.write_reservoir(3, "fct", [0.5, 0.25], [1_000_000, 2_000_000], seen=1000)
        data_plane.write_reservoir(3, "flow_duration", np.arange(128))
        for reader in (agent, observer):
            samples = reader.read_reservoir(3, "fct")
            assert samples.values.tolist() == [0.5, 0.25]
            assert samples.timestamps_us.tolist() == [1_000_000, 2_000_000]
            assert samples.seen == 1000
            samples = reader.read_reservoir(3, "flow_duration")
            assert samples.values.tolist() == list(range(128))
            assert samples.seen == 128
            assert reader.read_reservoir(3, "fct") is None
            assert reader.read_reservoir(2, "fct") is None


def test_an_observer_reads_both_directions_and_is_nobodys_other_side():
    with both("observed") as (data_plane, agent), Observer("observed") as observer, Observer("observed"):
        number = data_plane.write_observation({"server_stats": STATISTICS})
        assert agent.read_observation() == observer.read_observation()
        assert observer.read_action() is None
        agent.write_action(number, [1, 3])
        assert observer.read_action().weights[:2].tolist() == [1, 3]
        agent.close()
        assert data_plane.other_side is None
        assert (observer.agent, observer.data_plane) == (None, os.getpid())
        assert observer.read_into(np.zeros((), OBSERVATION)) is None


def test_an_agent_that_is_killed_is_followed_by_the_next_one():
    with DataPlane("killed") as data_plane:
        with side("agent", "killed") as agent:
            data_plane.write_observation({"server_stats": STATISTICS})
            action = newest(data_plane.read_action)
            agent.kill()
            agent.wait()
        eventually(lambda: data_plane.other_side is None)
        assert data_plane.read_action() is None
        number = data_plane.write_observation({"server_stats": STATISTICS})
        with Exchange("killed") as follower:
            obs = follower.read_observation()
            assert (obs.sequence_id, number) == (2, 2)
            follower.write_action(number, [1, 1])
            assert data_plane.read_action().sequence_id == number
            assert action.weights[:2].tolist() == [11, 16]


def test_a_data_plane_that_is_killed_is_followed_without_going_back_and_no_observation_is_torn():
    with side("data-plane", "followed") as killed, Exchange("followed") as agent:
        assert agent.other_side == killed.pid
        last = 0
        for _ in range(2000):
            obs = newest(agent.read_observation)
            number = obs.sequence_id
            assert number > last
            assert set(obs.servers["n_flow_on"].tolist()) == {number}
            assert set(obs.features.ravel().tolist()) == {number % 1000}
            last = number
        killed.kill()
        killed.wait()
        eventually(lambda: agent.other_side is None)
        while (obs := agent.read_observation()) is not None:
            last = obs.sequence_id
        with DataPlane("followed") as follower:
            assert follower.incarnation == 2
            number = follower.write_observation({"active_servers": [0]})
            obs = agent.read_observation()
            assert obs.sequence_id == number > last
            assert obs.incarnation == 2
            agent.write_action(number, [1])
            assert follower.read_action().incarnation == 2


def test_threads_may_share_an_end():
    with both("threads") as (data_plane, agent):
        seen, failures, is_over = [], [], threading.Event()

        def read():
            record = np.zeros((), OBSERVATION)
            try:
                while not is_over.is_set():
                    if (number := agent.read_into(record)) is not None:
                        assert number == record["sequence_id"] == record["as_stats"]["n_flow_on"][63]
                        seen.append(number)
                        agent.write_action(number, [1])
            except Exception as error:
                failures.append(error)

        interval = sys.getswitchinterval()
        sys.setswitchinterval(1e-5)
        threads = [threading.Thread(target=read) for _ in range(4)]
        for thread in threads:
            thread.start()
        for number in range(1, 3001):
            data_plane.write_observation({"server_stats": {0: {}, 63: {"n_flow_on": number}}})
            data_plane.read_action()
        eventually(lambda: failures or (seen and max(seen) == 3000), 60)
        is_over.set()
        for thread in threads:
            thread.join()
        sys.setswitchinterval(interval)
        assert not failures
        assert len(set(seen)) == len(seen)


def test_the_records_are_those_of_the_header():
    text = HEADER.read_text()
    records = {"zpx_observation": OBSERVATION, "zpx_action": ACTION, "zpx_reservoir": RESERVOIR}
    asserted = re.findall(r"ZPX_ASSERT_AT\((\w+), (\w+), (\d+)\)", text)
    known = [(record, field, int(at)) for record, field, at in asserted if record in records]
    assert len(known) == 15
    for record, field, at in known:
        assert records[record].fields[field][1] == at, field
    for record, size in re.findall(r"sizeof\((\w+)\) == (\d+)", text):
        if record in records:
            assert records[record].itemsize == int(size), record


def test_the_package_brings_it_when_it_is_asked_for():
    done = outcome(
        """
        import sys, zenoh_pinned
        print("zenoh_pinned.exchange" in sys.modules, zenoh_pinned.exchange.Exchange.__name__)
        try:
            zenoh_pinned.no_such_thing
        except AttributeError as error:
            print(error)
        """
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == [
        "False Exchange",
        "module 'zenoh_pinned' has no attribute 'no_such_thing'",
    ]


def test_the_examples_do_what_they_show():
    classes = [name for name in exchange.__all__ if isinstance(getattr(exchange, name), type)]
    assert {"Exchange", "DataPlane", "Observation", "ExchangeForked"} <= {*classes}
    with script("docstrings.py", "run", *(f"exchange.{name}" for name in classes)) as process:
        output = process.stdout.read()
        assert process.wait(60) == 0, output


def test_everything_public_is_documented():
    assert exchange.__doc__
    for name in exchange.__all__:
        thing = getattr(exchange, name)
        if isinstance(thing, type):
            assert thing.__doc__, name
            for attribute in dir(thing):
                if not attribute.startswith("_") and attribute not in dir(OSError):
                    assert inspect.getdoc(getattr(thing, attribute)), f"{name}.{attribute}"
    assert zenoh_pinned.exchange is exchange
