"""What the exchange says where something is not as it should be."""

import errno
import os
import pickle
import resource
import shutil

import numpy as np
import pytest
from zenoh_pinned.exchange import (
    ACTION,
    OBSERVATION,
    ActionRefused,
    DataPlane,
    Exchange,
    ExchangeClosed,
    ExchangeError,
    ExchangeForked,
    Observer,
    RegionError,
    RegionNotAllowed,
    RegionNotFound,
)

from conftest import outcome
from exchanging import both, write_as_nobody_should
from forks import child, error_of


def refused(error, call, *arguments, **options):
    """The error of a class that a call raises."""
    with pytest.raises(error) as raised:
        call(*arguments, **options)
    assert type(raised.value) is error
    return raised.value


@pytest.mark.parametrize("end", [Exchange, Observer])
def test_a_region_that_is_not_there(end):
    error = refused(RegionNotFound, end, "not-there")
    assert isinstance(error, FileNotFoundError)
    assert (error.reason, error.errno) == ("not_there", errno.ENOENT)
    assert str(error) == "there is no region not-there in /dev/shm: start the process that makes it first"
    assert pickle.loads(pickle.dumps(error)).reason == "not_there"


@pytest.mark.parametrize("name", ["", "a/b", ".hidden", "x" * 201, "a\0b", "a.zenoh"])
@pytest.mark.parametrize("end", [Exchange, Observer, DataPlane])
def test_names_that_are_none(end, name):
    with pytest.raises(ValueError, match="cannot be the name of a region"):
        end(name)


def test_names_that_are_no_text():
    with pytest.raises(TypeError):
        Exchange(7)
    with pytest.raises(TypeError):
        Exchange()
    with pytest.raises(UnicodeEncodeError):
        Exchange("\udcff")


@pytest.mark.parametrize("mode", [0o777, 0o400, 0o1600])
def test_modes_that_are_none(mode):
    with pytest.raises(ValueError, match=rf"^mode {oct(mode)} is none.*\(0o600, 0o660, 0o666\)"):
        DataPlane("mode", mode=mode)


def test_the_mode_that_was_asked_for_is_given():
    with DataPlane("modes", mode=0o660):
        assert os.stat("/dev/shm/modes").st_mode & 0o777 == 0o660
    assert not os.path.exists("/dev/shm/modes")


def test_a_second_one_of_each_kind():
    with both("second"):
        for end in (DataPlane, Exchange):
            error = refused(RegionError, end, "second")
            assert isinstance(error, OSError)
            assert error.reason == "writer_alive"
            assert f"process {os.getpid()}" in str(error)


def test_what_has_the_name_is_something_else():
    with open("/dev/shm/else", "wb") as file:
        file.write(bytes(20000))
    try:
        for end in (DataPlane, Exchange, Observer):
            assert refused(RegionError, end, "else").reason == "not_a_region"
    finally:
        os.unlink("/dev/shm/else")


def test_a_region_of_another_layout_that_is_in_use():
    with both("layouts") as (data_plane, agent):
        data_plane.close()
        error = refused(RegionError, DataPlane, "layouts", reservoirs=True)
        assert error.reason == "other_layout"
        agent.close()
        DataPlane("layouts", reservoirs=True).close()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_region_of_another_user():
    agent_alone = "others"
    with both(agent_alone) as (data_plane, _):
        data_plane.close()
        os.chown(f"/dev/shm/{agent_alone}", 4321, -1)
        error = refused(RegionNotAllowed, DataPlane, agent_alone)
        assert isinstance(error, PermissionError)
        assert (error.reason, error.errno) == ("not_allowed", errno.EACCES)
        assert "user 4321" in str(error)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes somebody else")
def test_a_region_that_this_user_may_not_open():
    def opens():
        os.setgid(4321)
        os.setuid(4321)
        try:
            Exchange("mine")
        except RegionNotAllowed as error:
            return error.reason, str(error)

    with DataPlane("mine"):
        reason, text = child(opens)
        assert reason == "not_allowed"
        assert "(0o660 with a group" in text


def test_a_system_call_that_fails():
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        error = refused(RegionError, DataPlane, "limited")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert (error.reason, error.errno) == ("system", errno.EFBIG)
    assert "limited" in str(error)


@pytest.mark.skipif(shutil.which("unshare") is None, reason="no unshare")
def test_shared_memory_that_is_full():
    mount = 'mount -t tmpfs -o size=4k tmpfs /dev/shm && exec "$@"'
    done = outcome(
        """
        from zenoh_pinned.exchange import DataPlane, RegionError
        try:
            DataPlane("full")
        except RegionError as error:
            print(error.reason, error.errno, error)
        """,
        ["unshare", "--mount", *([] if os.geteuid() == 0 else ["--map-root-user"]), "sh", "-c", mount, "sh"],
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"no_space {errno.ENOSPC} ")
    assert "--shm-size" in done.stdout


@pytest.mark.parametrize(
    ("weights", "count", "error", "message"),
    [
        ([1, -1], None, ValueError, "server 1 is -1: weights are finite and not negative"),
        ([float("nan")], None, ValueError, "server 0 is NaN"),
        (np.array([1, np.inf]), None, ValueError, "server 1 is inf"),
        ([1e300], None, ValueError, "32 bits"),
        (np.array([1, 1e300]), None, ValueError, "32 bits"),
        ([0, 0], None, ValueError, "no server that takes flows"),
        ([0, 0, 5], None, ValueError, "no server that takes flows"),
        ([], None, ValueError, "no server that takes flows"),
        ([1] * 65, None, ValueError, "65 weights are more than the 64"),
        (np.ones(65), None, ValueError, "65 weights are more than the 64"),
        ([1, 2], 3, ValueError, "num_servers=3, and there are 2 weights"),
        ([1, 2], -1, ValueError, "num_servers=-1"),
        (np.ones((2, 2)), None, ValueError, "one row"),
        (np.float32(1), None, ValueError, "one row"),
        ([[1, 2]], None, TypeError, "real number"),
        ("ab", None, TypeError, "real number"),
        (3, None, TypeError, "len"),
        (None, None, TypeError, "len"),
        ([1], "1", TypeError, "integer"),
    ],
)
def test_weights_that_are_none(weights, count, error, message):
    with both("no-weights") as (data_plane, agent):
        number = data_plane.write_observation({"active_servers": [0, 1]})
        agent.read_observation()
        with pytest.raises(error, match=message):
            agent.write_action(number, weights, count)
        assert data_plane.read_action() is None


def test_an_answer_to_nothing():
    with both("nothing") as (data_plane, agent):
        with pytest.raises(ValueError, match="read one first"):
            agent.write_action(1, [1])
        data_plane.write_observation({"active_servers": [0]})
        agent.read_observation()
        for number in (-1, 1 << 64):
            with pytest.raises(ValueError, match="no observation's number"):
                agent.write_action(number, [1])
        with pytest.raises(TypeError):
            agent.write_action(1.0, [1])
        agent.write_action(7, [1])
        error = refused(ActionRefused, data_plane.read_action)
        assert error.reason == "refused"
        assert "observation 7" in str(error)


def test_an_action_for_a_server_that_takes_no_flows_any_more_is_refused_once():
    with both("refused") as (data_plane, agent):
        number = data_plane.write_observation({"active_servers": [0, 1]})
        agent.read_observation()
        data_plane.write_observation({"active_servers": [0]})
        agent.write_action(number, [1, 1])
        assert "server 1 takes no flows" in str(refused(ActionRefused, data_plane.read_action))
        assert data_plane.read_action() is None
        agent.write_action(agent.read_observation().sequence_id, [1, 1])
        assert data_plane.read_action().weights[:2].tolist() == [1, 0]


@pytest.mark.parametrize(
    ("memory", "error", "message"),
    [
        (bytearray(2879), ValueError, "2880 bytes, not 2879"),
        (np.zeros(2, OBSERVATION), ValueError, "2880 bytes, not 5760"),
        (np.zeros((), ACTION), ValueError, "zenoh_pinned.exchange.OBSERVATION"),
        (bytes(2880), BufferError, "writable"),
        (np.zeros((2, 2880), np.uint8)[:, ::2], ValueError, "contiguous"),
        ([0] * 2880, TypeError, "bytes-like"),
        (None, TypeError, "bytes-like"),
    ],
)
def test_memory_that_no_observation_fits_in(memory, error, message):
    with both("no-memory") as (data_plane, agent):
        data_plane.write_observation({})
        with pytest.raises(error, match=message):
            agent.read_into(memory)
        # It is not lost.
        assert agent.read_into(bytearray(2880)) == 1


@pytest.mark.parametrize(
    ("observation", "error", "message"),
    [
        ({"servers": []}, ValueError, "no 'servers'"),
        ({"active_servers": [64]}, ValueError, "no server 64"),
        ({"active_servers": [-1]}, ValueError, "no server -1"),
        ({"server_stats": {64: {"n_flow_on": 1}}}, ValueError, "no server 64"),
        ({"active_servers": [], "server_stats": {-1: {"n_flow_on": 1}}}, ValueError, "no server -1"),
        ({"server_stats": {0: {"flows": 1}}}, ValueError, "flows"),
        (bytes(5), ValueError, "2880"),
        (None, TypeError, "bytes-like"),
    ],
)
def test_observations_that_are_none(observation, error, message):
    with both("no-observation") as (data_plane, agent):
        with pytest.raises(error, match=message):
            data_plane.write_observation(observation)
        assert agent.read_observation() is None


def test_reservoirs_that_are_none():
    with both("no-reservoirs") as (data_plane, agent):
        assert agent.read_reservoir(0, "fct") is None
        with pytest.raises(ValueError, match="reservoirs=True"):
            data_plane.write_reservoir(0, "fct", [1])
        with pytest.raises(ValueError, match="no server 64"):
            agent.read_reservoir(64, "fct")
        with pytest.raises(ValueError, match='"mean" is no metric'):
            agent.read_reservoir(0, "mean")
        for samples in (np.zeros(129), np.zeros((2, 2)), 3):
            with pytest.raises(ValueError, match="one row of up to 128"):
                data_plane.write_reservoir(0, "fct", samples)


def test_a_number_that_no_writer_stores():
    with both("malformed") as (data_plane, agent):
        data_plane.write_observation({})
        assert agent.read_observation().sequence_id == 1
        assert write_as_nobody_should("malformed", 1 << 62) == 1
        error = refused(ExchangeError, agent.read_observation)
        assert error.reason == "malformed"
        assert "something else writes" in str(error)


def test_a_writer_that_is_too_fast_is_nothing_new_and_counted():
    with both("overrun") as (data_plane, agent), Observer("overrun") as observer:
        data_plane.write_observation({})
        # As if the second one were written over at every try.
        write_as_nobody_should("overrun", 2)
        for reader in (agent, observer):
            record = np.zeros((), OBSERVATION)
            assert reader.read_observation() is None
            assert reader.read_into(record) is None
            assert not any(bytes(record))
            assert reader.overruns == 2
        data_plane.write_observation({})
        assert agent.read_observation().missed == 1
        assert (agent.overruns, data_plane.overruns) == (2, 0)


def test_an_end_that_is_closed():
    with both("closed") as (data_plane, agent):
        observer = Observer("closed")
        for end in (observer, agent, data_plane):
            end.close()
            end.close()
        calls = [
            agent.read_observation,
            lambda: agent.read_into(bytearray(2880)),
            lambda: agent.write_action(1, [1]),
            lambda: agent.read_reservoir(0, "fct"),
            lambda: agent.other_side,
            observer.read_action,
            lambda: observer.agent,
            lambda: data_plane.write_observation({}),
            data_plane.read_action,
            lambda: data_plane.incarnation,
        ]
        for call in calls:
            error = refused(ExchangeClosed, call)
            assert isinstance(error, ConnectionError)
            assert error.reason == "closed"
    assert not os.path.exists("/dev/shm/closed")


def test_a_forked_child_is_told_at_once_and_harms_nobody():
    with both("forked", reservoirs=True) as (data_plane, agent), Observer("forked") as observer:
        number = data_plane.write_observation({"active_servers": [0]})
        agent.read_observation()

        def work():
            errors = [
                error_of(agent.read_observation),
                error_of(lambda: agent.read_into(bytearray(2880))),
                error_of(lambda: agent.write_action(1, [1])),
                error_of(lambda: agent.read_reservoir(0, "fct")),
                error_of(lambda: agent.other_side),
                error_of(observer.read_observation),
                error_of(observer.read_action),
                error_of(lambda: observer.data_plane),
                error_of(lambda: observer.agent),
                error_of(lambda: data_plane.write_observation({})),
                error_of(data_plane.read_action),
                error_of(lambda: data_plane.write_reservoir(0, "fct", [1])),
                error_of(lambda: data_plane.other_side),
            ]
            for end in (agent, observer, data_plane):
                end.close()
            return errors

        for error in child(work):
            assert error.startswith(f"{ExchangeForked.__name__}: ")
            assert "fork" in error
        assert os.path.exists("/dev/shm/forked")
        agent.write_action(number, [1])
        assert data_plane.read_action().sequence_id == number
        assert issubclass(ExchangeForked, RuntimeError)
